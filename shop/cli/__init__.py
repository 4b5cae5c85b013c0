"""Commands for operators: `flask <group> <command>`. Data on stdout, everything else on stderr."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach every command group."""
    from shop.cli import demo

    app.cli.add_command(demo.group)
