"""Contributions: from the wallet, by any mobile-money method, in cash that two people confirm (R8, R21).

A page takes the member's amount and calls one of three doors:

- `from_wallet(...)`: paid at once, or `InsufficientFunds`;
- `begin(...)`: gives a `Contribution`, which a payment of purpose `contribution` then pays: build an
  `Intent(purpose=Purpose.CONTRIBUTION, purpose_id=row.id, owed=row.total, ...)`;
- `record_cash(...)` by the treasurer, then `confirm_cash(...)` by the member. The notes stay with the
  treasurer, whose wallet answers for them from the moment they are written down: no wallet of the
  circle may rest on money in a pocket.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop import clock, references
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.money import Money
from shop.tontines import book, desk, dues, money_in, receiving, settling
from shop.tontines.cycle_models import Contribution, Cycle
from shop.tontines.desk import Desk
from shop.tontines.models import Member, Office, Tontine
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.states import ContributionStatus, CycleStatus, Source

#: Stages in which money comes in; late money comes after the end too (T42).
_PAYABLE = (CycleStatus.LOCKED, CycleStatus.RUNNING, CycleStatus.CLOSING, CycleStatus.CLOSED)


def by_form_key(form_key: str) -> Contribution | None:
    """Find the contribution a form already made."""
    return session.scalar(sa.select(Contribution).where(Contribution.form_key == form_key))


def _written(
    desk_: Desk,
    member: Member,
    amount: Money,
    form_key: str,
    source: Source,
    share_code: str | None,
) -> Contribution:
    """Write a contribution that has not arrived; the payer may choose the share (R8)."""
    desk.in_status(desk_.cycle, *_PAYABLE)
    held = desk.shares(desk_.cycle.id, member_id=member.id)
    mine = [share for share in held if share_code in (None, share.code)]
    if not mine:
        raise NotFound("share")
    owed = [each.due for each in dues.of_member(desk_, member.id)]
    money_in.check_part(amount, owed, least=desk_.rules.min_partial)
    row = Contribution(
        reference=references.new(),
        form_key=form_key,
        cycle_id=desk_.cycle.id,
        member_id=member.id,
        user_id=member.user_id,
        share_id=mine[0].id,
        chosen=share_code is not None,
        source=source,
        currency=amount.currency,
        amount=amount.amount,
        status=ContributionStatus.ASKED,
        started_at=clock.now(),
    )
    session.add(row)
    return row


@retrying
def from_wallet(
    tontine_id: int, user_id: int, amount: Money, *, form_key: str, share_code: str | None = None
) -> Contribution:
    """Pay from the member's wallet, at once; the same form pays once.

    Raises `InsufficientFunds`, `NotFound`, `TontineRefused`.
    """
    try:
        with transaction():
            at = desk.opened(tontine_id)
            again = by_form_key(form_key)
            if again is not None:
                return _own(again, user_id)
            member = desk.member(tontine_id, user_id)
            return pay_from_wallet(at, member, amount, form_key, share_code)
    except IntegrityError:
        again = by_form_key(form_key)
        if again is not None:
            return _own(again, user_id)
        raise


def pay_from_wallet(
    at: Desk, member: Member, amount: Money, form_key: str, share_code: str | None = None
) -> Contribution:
    """Pay from a wallet inside the caller's transaction, and settle what waited for it."""
    row = pay_alone(at, member, amount, form_key, share_code)
    settling.settle_what_waited(at)
    return row


def pay_alone(
    at: Desk, member: Member, amount: Money, form_key: str, share_code: str | None = None
) -> Contribution:
    """Pay from a wallet and nothing more: for a round that is being moved on already."""
    row = _written(at, member, amount, form_key, Source.WALLET, share_code)
    session.flush()
    wallet = chart.wallet(member.user_id, amount.currency)
    receiving.arrive(at, row, payer=wallet, key=f"contribution:{row.id}")
    return row


def _own(row: Contribution, user_id: int) -> Contribution:
    if row.user_id != user_id:
        raise NotFound("contribution")
    return row


@retrying
def begin(
    tontine_id: int, user_id: int, amount: Money, *, form_key: str, share_code: str | None = None
) -> Contribution:
    """Write what a member is about to pay by mobile money; the same form begins once."""
    with transaction():
        at = desk.opened(tontine_id)
        again = by_form_key(form_key)
        if again is not None:
            return _own(again, user_id)
        member = desk.member(tontine_id, user_id)
        row = _written(at, member, amount, form_key, Source.PAYMENT, share_code)
        session.flush()
        return row


@retrying
def record_cash(
    tontine_id: int, treasurer_id: int, member_id: int, amount: Money, *, form_key: str
) -> Contribution:
    """Write down cash the treasurer took: promised until confirmed, set apart from her wallet (R21).

    Raises `InsufficientFunds` when her wallet cannot answer for it.
    """
    with transaction():
        at = desk.opened(tontine_id)
        again = by_form_key(form_key)
        if again is not None:
            return again
        treasurer = desk.officer(tontine_id, treasurer_id, Office.TREASURER)
        member = desk.by_member_id(tontine_id, member_id)
        row = _written(at, member, amount, form_key, Source.CASH, None)
        row.status, row.recorded_by = ContributionStatus.PROMISED, treasurer.id
        session.flush()
        apart = (chart.wallet(treasurer_id, amount.currency), chart.cash(row.id, amount.currency))
        ledger.post(entries.tontine("cash", f"cash:{row.id}", [(*apart, amount)]))
        book.write(
            tontine_id, "cash_recorded", treasurer_id,
            member=member_id, amount=amount, reference=row.reference,
        )  # fmt: skip
        return row


@retrying
def confirm_cash(contribution_id: int, user_id: int) -> Contribution:
    """Confirm cash: by who gave it, or by another officer where there is no phone. Twice is once."""
    with transaction():
        at, row = _locked_cash(contribution_id)
        confirmer = _confirmer(at, row, user_id)
        if row.status == ContributionStatus.RECEIVED:
            return row
        if row.status != ContributionStatus.PROMISED:
            raise TontineRefused(Why.NOT_NOW)
        row.confirmed_by = confirmer.id
        receiving.arrive(
            at, row, payer=chart.cash(row.id, row.currency), key=f"contribution:{row.id}"
        )
        settling.settle_what_waited(at)
        return row


@retrying
def refuse_cash(contribution_id: int, user_id: int) -> Contribution:
    """Say that cash was not given: it is the treasurer's again."""
    with transaction():
        at, row = _locked_cash(contribution_id)
        _confirmer(at, row, user_id)
        if row.status == ContributionStatus.REFUSED:
            return row
        if row.status != ContributionStatus.PROMISED or row.recorded_by is None:
            raise TontineRefused(Why.NOT_NOW)
        row.status = ContributionStatus.REFUSED
        treasurer = session.get_one(Member, row.recorded_by)
        back = (chart.cash(row.id, row.currency), chart.wallet(treasurer.user_id, row.currency))
        ledger.post(entries.tontine("cash", f"cash-back:{row.id}", [(*back, row.total)]))
        book.write(at.tontine.id, "cash_refused", user_id, reference=row.reference)
        return row


def _locked_cash(contribution_id: int) -> tuple[Desk, Contribution]:
    at, row = locked(contribution_id)
    if row.source != Source.CASH:
        raise NotFound("contribution")
    return at, row


def _confirmer(at: Desk, row: Contribution, user_id: int) -> Member:
    """The giver, or an officer who did not write it down: two people agree on cash."""
    member = desk.member(at.tontine.id, user_id)
    officer = desk.offices(at.tontine.id, member.id)
    if member.id == row.recorded_by or (member.id != row.member_id and not officer):
        raise TontineRefused(Why.CASH_IS_CONFIRMED_BY_ANOTHER)
    return member


def locked(contribution_id: int) -> tuple[Desk, Contribution]:
    """Lock a contribution's circle, then read it as it is now. Raises `NotFound`."""
    assert in_transaction(), "locked for a change"
    found = session.execute(
        sa.select(Cycle.tontine_id, Cycle.id)
        .join(Contribution, Contribution.cycle_id == Cycle.id)
        .where(Contribution.id == contribution_id)
    ).one_or_none()
    if found is None:
        raise NotFound("contribution")
    tontine = desk.locked(found.tontine_id, even_frozen=True)
    row = session.get_one(Contribution, contribution_id, populate_existing=True)
    return desk.at(tontine, session.get_one(Cycle, found.id, populate_existing=True)), row


def is_payable(row: Contribution) -> bool:
    """Say whether a payment for it may begin, or its money be counted."""
    cycle = session.get_one(Cycle, row.cycle_id)
    living = cycle.status != CycleStatus.CANCELLED
    return row.status == ContributionStatus.ASKED and row.payment_id is None and living


def circle_of(row: Contribution) -> Tontine:
    """Give the circle a contribution is for."""
    cycle = session.get_one(Cycle, row.cycle_id)
    return session.get_one(Tontine, cycle.tontine_id)
