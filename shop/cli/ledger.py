"""`flask ledger`: prove the books at any moment."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from shop.cli.output import Exit, emit, fail, json_option, say
from shop.ledger import audit
from shop.ledger.chart import Account
from shop.money import Money
from shop.orders import checks as order_checks
from shop.payments import checks
from shop.payouts import checks as payout_checks
from shop.wallets import checks as wallet_checks

group = AppGroup("ledger", help="The books: prove them, read them.")


@group.command("check")
@json_option
def check(as_json: bool) -> None:
    """Derive every figure again: sums, seals, receipts, orders, payouts. Exit 6 on any difference."""
    rooms = (audit, checks, payout_checks, order_checks, wallet_checks)
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


def _written(code: str, amount: int) -> str:
    return Money(amount, Account.from_code(code).currency).to_wire()
