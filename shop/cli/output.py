"""How commands speak: JSON or aligned rows on stdout, sentences on stderr, exit codes of UX §7."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NoReturn

import click


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    CONFLICT = 5
    DIFFERENCES = 6


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def emit(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows as JSON, or as columns aligned under their names."""
    if as_json:
        click.echo(json.dumps(list(rows), ensure_ascii=False, default=str))
        return
    if not rows:
        return
    names = list(rows[0])
    table = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(names))]
    for line in table:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def emit_document(document: Mapping[str, Any]) -> None:
    """Print one JSON document, for commands that tell more than rows."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str))


def say(sentence: str) -> None:
    """Tell the person at the shell something that is not data."""
    click.echo(sentence, err=True)


def fail(code: Exit, word: str, sentence: str, *, as_json: bool = False) -> NoReturn:
    """Stop with a stable code for programs and a sentence for people."""
    if as_json:
        click.echo(json.dumps({"error": {"code": word, "message": sentence}}), err=True)
    else:
        say(sentence)
    raise SystemExit(code)
