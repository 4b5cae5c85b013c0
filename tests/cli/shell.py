"""A shell in one process: run a command, read what it printed and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask

from shop.db import session


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def flask(app: Flask, *words: str) -> Said:
    """Run `flask <words>`, as a new process would: nothing read before is remembered."""
    session.rollback()
    result = app.test_cli_runner().invoke(args=list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    session.rollback()
    return Said(result.exit_code, result.stdout, result.stderr)
