"""Commands that are loaded when they are called, so that pages do not pay for them at every start."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class Later(click.Command):
    """Stands where a command of another module will be: `Later("db", "flask_migrate.cli:db", ...)`."""

    def __init__(self, name: str, where: str, *, help: str) -> None:
        super().__init__(name, help=help)
        self._where = where

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Load the real command and let it read the words."""
        module, _colon, attribute = self._where.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command.make_context(info_name, args, parent, **extra)
