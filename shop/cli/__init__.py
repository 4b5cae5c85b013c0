"""Commands for operators: `flask <group> <command>`. Data on stdout, everything else on stderr."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach every command group."""
    from shop.cli import demo, ledger, payments, payouts, system
    from shop.cli.later import Later

    for group in (demo.group, ledger.group, payments.group, payouts.group, system.config_group):
        app.cli.add_command(group)
    for command in (system.worker, system.clock_process):
        app.cli.add_command(command)
    app.cli.add_command(
        Later("db", "flask_migrate.cli:db", help="Bring the database to the present version.")
    )
    app.cli.add_command(
        Later("sandbox", "shop.cli.sandbox:sandbox", help="Simulated providers and phones.")
    )
