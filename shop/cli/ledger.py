"""`flask ledger`: prove the books at any moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
from flask.cli import AppGroup

from shop.cli import books_csv
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.debts import checks as debt_checks
from shop.ledger import audit, proofs
from shop.ledger.chart import Account
from shop.money import Money
from shop.orders import checks as order_checks
from shop.payments import checks
from shop.payouts import checks as payout_checks
from shop.tontines import checks as tontine_checks
from shop.wallets import checks as wallet_checks

group = AppGroup("ledger", help="The books: prove them, read them.")


@group.command("check")
@json_option
def check(as_json: bool) -> None:
    """Derive every figure again: sums, seals, receipts, orders, payouts. Exit 6 on any difference."""
    rooms = (
        audit,
        checks,
        payout_checks,
        order_checks,
        debt_checks,
        wallet_checks,
        tontine_checks,
    )
    findings = [finding for room in rooms for finding in room.check()]
    emit([{"rule": f.rule, "detail": f.detail} for f in findings], as_json=as_json)
    if findings:
        fail(Exit.DIFFERENCES, "differences", f"{len(findings)} differences in the books.")
    say("The books are whole: no difference.")


@group.command("trial-balance")
@click.option("--currency", help="Only this currency.")
@json_option
def trial_balance(currency: str | None, as_json: bool) -> None:
    """List every ledger account with its debits, credits and balance, in minor units."""
    lines = [
        line
        for line in audit.trial_balance()
        if currency is None or line.code.endswith(f":{currency}")
    ]
    emit(
        [
            {
                "account": line.code,
                "debits": line.debits if as_json else _written(line.code, line.debits),
                "credits": line.credits if as_json else _written(line.code, line.credits),
                "balance": line.natural if as_json else _written(line.code, line.natural),
            }
            for line in lines
        ],
        as_json=as_json,
    )


@group.command("verify")
@json_option
def verify(as_json: bool) -> None:
    """Recompute every seal; name the first row or block that was altered. Exit 6 when there is one."""
    findings = list(audit.verify_seals())
    emit([{"rule": f.rule, "detail": f.detail} for f in findings], as_json=as_json)
    if findings:
        fail(Exit.DIFFERENCES, "altered", f"First: {findings[0].detail}.")
    say("Every sealed row is what was sealed.")


@group.command("root")
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="Of this day (UTC); else the latest."
)
@click.option("--days", type=click.IntRange(1, 400), default=1, show_default=True, help="So many.")
@json_option
def root(day: datetime | None, days: int, as_json: bool) -> None:
    """Give the root of a day: the one number that stands for all books until its end."""
    found = [proofs.day_root(day.date())] if day else proofs.latest_roots(days)
    rows = [
        {
            "day": r.day.isoformat(),
            "root": r.hash,
            "block": r.height,
            "sealed_at": r.sealed_at.isoformat(),
        }
        for r in found
        if r is not None
    ]
    if not rows:
        fail(Exit.NOT_FOUND, "not_found", "Nothing was sealed by then.", as_json=as_json)
    emit(rows, as_json=as_json)


@group.command("export")
@click.option(
    "--from", "since", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day."
)
@click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last day.")
@click.option("--syscohada", is_flag=True, help="Account numbers of the revised SYSCOHADA.")
@click.option(
    "--what", type=click.Choice(["balance", "journal"]), default="balance", show_default=True,
    help="Opening, movements and closing of each account; or both sides of each transfer.",
)  # fmt: skip
def export(since: datetime, until: datetime, syscohada: bool, what: str) -> None:
    """Write the books of some days as CSV on stdout: amounts in whole units, days in UTC."""
    begins = since.replace(tzinfo=UTC)
    ends = until.replace(tzinfo=UTC) + timedelta(days=1)
    if begins >= ends:
        fail(Exit.USAGE, "empty", "The last day comes before the first.")
    rows = books_csv.journal if what == "journal" else books_csv.balance
    for line in rows(begins, ends, numbers=syscohada):
        click.echo(line)


def _written(code: str, amount: int) -> str:
    return Money(amount, Account.from_code(code).currency).to_wire()
