"""`flask wallet`: what somebody's wallet holds and why, what waits in it, and under which ceilings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import click
from flask.cli import AppGroup

from shop import clock, corrections
from shop import phone as phones
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.approvals.service import Voice
from shop.cli.options import MOMENT, limit_option, machine_account, name_option, reason_option
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.errors import NotFound, Refusal
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.service import KeyReused
from shop.money import Money
from shop.phone import CURRENCIES, PhoneError
from shop.wallets import ceilings, limits, reading, service, wording
from shop.wallets.limits import Ceilings, Moved
from shop.wallets.models import Identity

group = AppGroup("wallet", help="Wallets: what they hold, why, and under which ceilings.")

who_argument = click.argument("who", metavar="PHONE|USER_ID")
currency_option = click.option("--currency", help="Only this currency.")


@group.command("show")
@who_argument
@json_option
def show(who: str, as_json: bool) -> None:
    """Show each currency: available, held, blocked, on its way, cashback. They are never added."""
    user = _found(who, as_json=as_json)
    emit(
        [
            {
                "currency": purse.currency,
                "available": _said(purse.available, as_json=as_json),
                "held": _said(purse.held, as_json=as_json),
                "blocked": _said(purse.blocked, as_json=as_json),
                "on_its_way": _said(purse.on_its_way, as_json=as_json),
                "cashback": _said(purse.cashback, as_json=as_json),
            }
            for purse in reading.purses(user.id)
        ],
        as_json=as_json,
    )
    say(f"User {user.id}, {phones.masked(user.phone)}, {ceilings.level_of(user.id)}.")


@group.command("statement")
@who_argument
@currency_option
@click.option("--at", type=MOMENT, help="As it was then: 2h, 7d, or ISO 8601.")
@limit_option
@json_option
def statement(who: str, currency: str | None, at: object, limit: int, as_json: bool) -> None:
    """List a wallet's movements, newest first, each with the balance it left and its evidence."""
    user = _found(who, as_json=as_json)
    chosen = currency or CURRENCIES[user.country]
    moment = MOMENT.convert(at, None, None) if at is not None else None
    before_id = reading.place_at(moment) if moment is not None else None
    movements = islice(reading.whole_statement(user.id, chosen, before_id=before_id), limit)
    emit(
        [
            {
                "at": m.line.at.isoformat(timespec="seconds"),
                "event": m.line.event,
                "says": wording.label(m.line),
                "moved": _said(m.line.moved, as_json=as_json),
                "balance": _said(m.line.balance, as_json=as_json),
                "evidence": m.reference or m.line.key,
            }
            for m in movements
        ],
        as_json=as_json,
    )
    if moment is not None:
        say(f"Available then: {reading.balance_at(user.id, chosen, moment)}.")


@group.command("hold")
@json_option
def hold(as_json: bool) -> None:
    """List what is kept apart: parts of orders whose rest is being paid, money above a ceiling."""
    emit([*_held(as_json=as_json), *_blocked(as_json=as_json)], as_json=as_json)


def _held(*, as_json: bool) -> Iterator[dict[str, object]]:
    for part in reading.held_parts():
        yield {
            "what": "part of an order",
            "user": part.user_id,
            "amount": _said(part.money, as_json=as_json),
            "currency": part.currency,
            "since": part.created_at.isoformat(timespec="seconds"),
            "name": f"hold:{part.reference}",
        }


def _blocked(*, as_json: bool) -> Iterator[dict[str, object]]:
    for account in reading.blocked_accounts():
        yield {
            "what": "above a ceiling",
            "user": int(account.owner),
            "amount": _said(ledger.balance(account), as_json=as_json),
            "currency": account.currency,
            "since": "",
            "name": account.code,
        }


@group.command("limits")
@who_argument
@json_option
def limits_(who: str, as_json: bool) -> None:
    """Show the ceilings that count for somebody today, what moved under them, and their source."""
    user = _found(who, as_json=as_json)
    rules, currency = ceilings.limits_of(user), CURRENCIES[user.country]
    held = ledger.balance(chart.wallet(user.id, currency))
    rows = [
        {"what": "held", "ceiling": rules.held, "moved": held},
        *_moving("top_up", rules.top_up, ceilings.loaded_by(user.id, currency)),
        *_moving("withdrawal", rules.withdrawal, ceilings.withdrawn_by(user.id, currency)),
    ]
    for row in rows:
        for name in ("ceiling", "moved"):
            row[name] = _said(row[name], as_json=as_json)
    emit(rows, as_json=as_json)
    open_ = "open" if ceilings.top_up_open(user.country) else "closed"
    say(f"{user.country}, {rules.level}, since {rules.since}: {rules.source} Top-ups are {open_}.")


def _moving(what: str, ceiling: Ceilings, moved: Moved) -> Iterator[dict[str, object]]:
    nothing = Money(0, ceiling.operation.currency)
    yield {"what": f"{what}, operation", "ceiling": ceiling.operation, "moved": nothing}
    yield {"what": f"{what}, day", "ceiling": ceiling.daily, "moved": moved.today}
    yield {"what": f"{what}, month", "ceiling": ceiling.monthly, "moved": moved.this_month}


@group.command("identify")
@who_argument
@click.option("--level", type=click.Choice([str(level) for level in Identity]), required=True)
@name_option
@reason_option
@json_option
def identify(who: str, level: str, name: str, reason: str, as_json: bool) -> None:
    """Record that an identity document was seen, or is not believed any more: other ceilings count."""
    user = _found(who, as_json=as_json)
    by = f"{name} ({machine_account()})"
    row = service.set_level(user.id, Identity(level), by=by, reason=reason)
    emit(
        [{"user": user.id, "level": row.level, "by": row.by, "at": row.at.isoformat()}],
        as_json=as_json,
    )


@group.command("adjust")
@who_argument
@click.argument("amount", type=int)
@currency_option
@click.option("--case", required=True, help="What it belongs to: a ticket, a letter.")
@name_option
@reason_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
@json_option
def adjust(
    who: str, amount: int, currency: str | None, case: str, name: str, reason: str,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Correct a wallet by AMOUNT minor units, below zero to take (after `--`): two people must agree."""
    user = _found(who, as_json=as_json)
    money = Money(amount, currency or CURRENCIES[user.country])
    if not money:
        fail(Exit.USAGE, "nothing", "A correction of nothing corrects nothing.", as_json=as_json)
    row = {"user": user.id, "amount": money.amount, "currency": money.currency, "case": case}
    if dry_run:
        emit([{**row, "plan": f"correct by {money} once two people said so"}], as_json=as_json)
        return
    try:
        agreed = corrections.correct(user.id, money, case, Voice(name, machine_account(), reason))
    except KeyReused:
        fail(Exit.CONFLICT, "case_used", f"Case {case} corrected another amount.", as_json=as_json)
    except Refusal as refusal:
        fail(Exit.REFUSED, refusal.code, f"{refusal}.", as_json=as_json)
    emit([{**row, "done": agreed}], as_json=as_json)
    say("Corrected." if agreed else "One person said so; another must say the same.")


@group.command("rules")
@json_option
def rules(as_json: bool) -> None:
    """List every country's ceilings and whether its wallets may be topped up today, with the source."""
    today = clock.now().date()
    emit(
        [
            {
                "country": country,
                "level": str(level),
                "held": _said(row.held, as_json=as_json),
                "top_up_month": _said(row.top_up.monthly, as_json=as_json),
                "withdrawal_month": _said(row.withdrawal.monthly, as_json=as_json),
                "live_top_up": "open"
                if limits.top_up_rule(country, today, live=True).open
                else "closed",
                "since": row.since.isoformat(),
                "source": row.source,
            }
            for country in CURRENCIES
            for level in Identity
            if (row := limits.of(country, level, today))
        ],
        as_json=as_json,
    )


def _found(who: str, *, as_json: bool) -> User:
    """Find a user by id or by proven number, or stop with exit code 3."""
    try:
        if who.isdigit() and len(who) < 8:
            return accounts.by_id(int(who))
        user = accounts.proven(phones.parse(who, "CI").e164)
    except (NotFound, PhoneError):
        user = None
    if user is None:
        fail(Exit.NOT_FOUND, "not_found", f"No user {who}.", as_json=as_json)
    return user


def _said(money: object, *, as_json: bool) -> object:
    """Write an amount: minor units for programs, whole units for people."""
    assert isinstance(money, Money)
    return money.amount if as_json else money.to_wire()
