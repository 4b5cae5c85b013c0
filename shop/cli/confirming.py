"""Asking for the reference before money moves: a plan first, a person's word second."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from shop import references
from shop.cli.output import Exit, emit, fail, say

yes_option = click.option("--yes", is_flag=True, help="Do not ask for the reference again.")


def is_only_planned(
    reference: str, row: Mapping[str, Any], plan: str, *, dry_run: bool, yes: bool, as_json: bool
) -> bool:
    """Say the plan and stop there, or have the reference typed; without a person, refuse."""
    if dry_run:
        emit([{**row, "plan": plan}], as_json=as_json)
        return True
    if yes:
        return False
    if not is_a_person():
        fail(Exit.REFUSED, "not_confirmed", "Nobody to ask: add --yes.", as_json=as_json)
    say(plan)
    typed = click.prompt("Type the reference to confirm", err=True)
    if references.parse(typed) != reference:
        fail(Exit.REFUSED, "not_confirmed", "Another reference: nothing was done.", as_json=as_json)
    return False


def is_a_person() -> bool:
    """Say whether somebody sits at the other end who can be asked."""
    return sys.stdin.isatty()
