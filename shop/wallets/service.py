"""Wallets: money put in, money taken out, to which numbers; what is then asked of the other rooms."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock, references
from shop import phone as phones
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import Conflict, NotFound
from shop.ledger import chart
from shop.money import Money
from shop.notices import messages
from shop.notices import service as notices
from shop.notices.models import Kind
from shop.payouts import service as payouts
from shop.payouts.service import Intent
from shop.payouts.states import PayoutPurpose
from shop.phone import Phone
from shop.providers import methods
from shop.providers.methods import Method
from shop.wallets import ceilings
from shop.wallets.models import Identity, IdentityCheck, TopUp, TopUpStatus, WithdrawalNumber

#: A number that was just proven gets money after this; the account's own number is told at once (W7).
NUMBER_WAIT: Final = timedelta(hours=24)


@retrying
def begin_top_up(user: User, amount: Money, form_key: str) -> TopUp:
    """Write what somebody wants to put in; nothing is asked of any phone yet. Two taps are one.

    Raises `TopUpClosed`, or `AboveCeiling` with what is still possible.
    """
    try:
        with transaction():
            ceilings.lock([user.id])
            first = session.scalar(sa.select(TopUp).where(TopUp.form_key == form_key))
            if first is not None:
                return _same(first, user.id)
            ceilings.refuse_top_up(accounts.by_id(user.id), amount)
            return _written(user.id, amount, form_key)
    except IntegrityError:
        first = session.scalar(sa.select(TopUp).where(TopUp.form_key == form_key))
        if first is None:
            raise
        return _same(first, user.id)


def _same(first: TopUp, user_id: int) -> TopUp:
    if first.user_id != user_id:
        raise Conflict("this form was somebody else's")
    return first


def _written(user_id: int, amount: Money, form_key: str) -> TopUp:
    top_up = TopUp(
        reference=references.new(),
        form_key=form_key,
        user_id=user_id,
        currency=amount.currency,
        amount=amount.amount,
        status=TopUpStatus.AWAITING_PAYMENT,
        created_at=clock.now(),
    )
    session.add(top_up)
    session.flush()
    return top_up


def top_up(top_up_id: int) -> TopUp:
    """Give a top-up by its id. Raises `NotFound`."""
    found = session.get(TopUp, top_up_id)
    if found is None:
        raise NotFound("top-up")
    return found


def own_top_up(user_id: int | None, text: str) -> TopUp:
    """Give a user's own top-up by its reference; another's looks exactly like none."""
    reference = references.parse(text) or ""
    query = sa.select(TopUp).where(TopUp.reference == reference, TopUp.user_id == user_id)
    found = session.scalar(query)
    if found is None:
        raise NotFound("top-up")
    return found


def top_ups_named(ids: Collection[int]) -> dict[int, TopUp]:
    """Give top-ups by their ids."""
    rows = session.scalars(sa.select(TopUp).where(TopUp.id.in_(ids)))
    return {row.id: row for row in rows}


def locked_top_up(top_up_id: int) -> TopUp:
    """Lock one top-up and its owner, until the end of the caller's transaction."""
    found = locked_top_ups([top_up_id])
    if top_up_id not in found:
        raise NotFound("top-up")
    return found[top_up_id]


def locked_top_ups(ids: Collection[int]) -> dict[int, TopUp]:
    """Lock the owners of top-ups, then the top-ups, in id order, and read them as they are now."""
    assert in_transaction(), "a lock lasts as long as the caller's transaction"
    owners = set(session.scalars(sa.select(TopUp.user_id).where(TopUp.id.in_(ids))))
    ceilings.lock(owners)
    query = sa.select(TopUp).where(TopUp.id.in_(ids)).order_by(TopUp.id).with_for_update()
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {row.id: row for row in rows}


def is_payable(top_up: TopUp) -> bool:
    """Say whether an attempt for this top-up may begin."""
    return top_up.status == TopUpStatus.AWAITING_PAYMENT


def mark_paid(top_up: TopUp, at: datetime) -> None:
    """Make a top-up paid: what comes for it afterwards is surprising money."""
    assert in_transaction(), "a top-up is paid with its money"
    top_up.status, top_up.paid_at = TopUpStatus.PAID, at


def ways_out(user: User, currency: str, number: Phone | None = None) -> list[Method]:
    """Give one way per operator to send money to a number, the likeliest operator first.

    Without a number: to the user's own.
    """
    phone, country = (number.e164, number.country) if number else (user.phone, user.country)
    rows = [m for m in methods.rows() if (m.country, m.currency) == (country, currency)]
    operators = dict.fromkeys(row.operator for row in rows)
    offered = [payouts.payout_methods(country, name, currency) for name in operators]
    guess = phones.guess_operator(phone)
    best = [ways[0] for ways in offered if ways]
    return sorted(best, key=lambda method: method.operator != guess)


def numbers_of(user_id: int) -> Sequence[WithdrawalNumber]:
    """List the other numbers somebody proved, those that wait too."""
    query = sa.select(WithdrawalNumber).where(WithdrawalNumber.user_id == user_id)
    return session.scalars(query.order_by(WithdrawalNumber.id)).all()


def usable_number(user: User, phone: str) -> bool:
    """Say whether a withdrawal may go to a number now: one's own, or one proven a day ago."""
    if phone == user.phone:
        return True
    return any(n.phone == phone and n.usable_from <= clock.now() for n in numbers_of(user.id))


@retrying
def add_number(user_id: int, phone: Phone) -> WithdrawalNumber:
    """Let withdrawals go to a number that was just proven, from a day later on; tell the known one now.

    Proving the same number again does not make anybody wait again.
    """
    with transaction():
        user = accounts.by_id(user_id)
        ceilings.lock([user_id])
        known = [n for n in numbers_of(user_id) if n.phone == phone.e164]
        if known:
            return known[0]
        now = clock.now()
        number = WithdrawalNumber(
            user_id=user_id,
            phone=phone.e164,
            country=phone.country,
            proven_at=now,
            usable_from=now + NUMBER_WAIT,
        )
        session.add(number)
        session.flush()
        told = messages.withdrawal_number_added(
            phone.e164[-4:], number.usable_from, language=user.language
        )
        notices.put(f"withdrawal-number:{number.id}", user.phone, Kind.WITHDRAWAL_NUMBER, told)
        return number


def withdrawal(
    user: User,
    method: Method,
    amount: Money,
    *,
    form_key: str,
    language: str,
    number: str | None = None,
) -> Intent:
    """Say what a withdrawal is: from the user's wallet to a proven number, the user's own by default."""
    assert user.verified_at is not None, "money goes to a proven number only (W7)"
    return Intent(
        purpose=PayoutPurpose.WITHDRAWAL,
        user_id=user.id,
        method=method,
        payee_phone=number or user.phone,
        amount=amount,
        source=chart.wallet(user.id, amount.currency),
        form_key=form_key,
        language=language,
    )


@retrying
def set_level(user_id: int, level: Identity, *, by: str, reason: str) -> IdentityCheck:
    """Record how well we know somebody now, on whose word and why; earlier words stay."""
    with transaction():
        row = IdentityCheck(
            user_id=accounts.by_id(user_id).id,
            level=level,
            by=by[:60],
            reason=reason[:200],
            at=clock.now(),
        )
        session.add(row)
        session.flush()
        return row
