"""Commands for operators: `flask <group> <command>`. Data on stdout, everything else on stderr."""

from __future__ import annotations

from flask import Flask

from shop.cli import sandbox


def init_app(app: Flask) -> None:
    """Attach every command group."""
    app.cli.add_command(sandbox.cli)
