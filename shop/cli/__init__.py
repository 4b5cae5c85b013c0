"""Commands for operators: `flask <group> <command>`. Data on stdout, everything else on stderr."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach every command group."""
    from shop.cli import (
        demo,
        disputes,
        escrow,
        ledger,
        orders,
        payments,
        payouts,
        reconcile,
        system,
        wallet,
        webhooks,
    )
    from shop.cli.later import Later

    money = (
        disputes.group,
        escrow.group,
        ledger.group,
        payments.group,
        payouts.group,
        wallet.group,
        webhooks.group,
    )
    for group in (demo.group, *money, orders.group, system.config_group):
        app.cli.add_command(group)
    for command in (system.worker, system.clock_process, reconcile.command):
        app.cli.add_command(command)
    app.cli.add_command(
        Later("providers", "shop.cli.providers:group", help="Providers: look, measure, stop.")
    )
    app.cli.add_command(
        Later("tontine", "shop.cli.tontine_draw:group", help="Tontines: read, settle, draw, check.")
    )
    app.cli.add_command(
        Later("db", "flask_migrate.cli:db", help="Bring the database to the present version.")
    )
    app.cli.add_command(
        Later("fedapay", "shop.cli.fedapay:group", help="FedaPay's own objects, read only.")
    )
    app.cli.add_command(
        Later("sandbox", "shop.cli.sandbox:sandbox", help="Simulated providers and phones.")
    )
