"""Paying shops what they earned: once per period, to a proven number, with a statement that sums.

A released seller order is in one living payout. The statement is written with the payout and the money
it sets apart, in one transaction; when the payout comes back, so do its orders (S1, S2, S3).
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop import phone as phones
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.db import in_transaction, retrying, session, transaction
from shop.earnings import deducting, floats, planning
from shop.earnings.models import PayoutLine, PayoutStatement, PayoutTerms, Schedule
from shop.earnings.planning import Owed, Plan, Way
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders.models import UNPAID, SellerOrder
from shop.payouts import service as payouts
from shop.payouts.models import Payout
from shop.payouts.service import Intent
from shop.payouts.states import PayoutPurpose
from shop.providers import methods
from shop.stores.models import Store

logger = logging.getLogger(__name__)

#: Orders in one statement at most; the rest is in the next.
LINES: Final = 500
#: A changed number takes over after this, and the former one is warned at once (S3).
NUMBER_WAIT: Final = timedelta(hours=24)
#: When shops are paid, in the time of Abidjan, which is UTC.
HOUR: Final = 6
#: How long what could not leave waits before it is tried again; what left and came back, a day.
AGAIN: Final = timedelta(hours=1)
A_DAY: Final = 86_400.0


def terms_of(store: Store) -> PayoutTerms:
    """Give how a shop is paid; one that never said: on demand, on its owner's number."""
    found = session.get(PayoutTerms, store.id)
    return found or PayoutTerms(store_id=store.id, schedule=Schedule.ON_DEMAND)


def number_of(terms: PayoutTerms, owner: User) -> str:
    """Say which proven number is paid now: a changed one only once its wait is over."""
    number = terms.number
    if terms.number_from is not None and clock.now() < terms.number_from:
        number = terms.former_number
    return number or owner.phone


def ways_to(store: Store, number: str, operator: str | None = None) -> list[Way]:
    """Give the ways to send to a number, the wished or guessed operator's; what providers hold beside."""
    chosen = operator or phones.guess_operator(number) or ""
    found = payouts.payout_methods(store.country, chosen, store.currency)
    left = floats.left({method.provider for method in found}, store.currency)
    return [Way(method, left.get(method.provider)) for method in found]


def operators_of(store: Store) -> list[str]:
    """Name the operators that somebody can send to in the shop's country."""
    rows = [m for m in methods.rows() if (m.country, m.currency) == (store.country, store.currency)]
    names = dict.fromkeys(row.operator for row in rows)
    return [n for n in names if payouts.payout_methods(store.country, n, store.currency)]


def owed_to(store_id: int) -> list[Owed]:
    """List the released seller orders that no living payout carries, the longest released first."""
    rows = session.execute(
        sa.select(
            SellerOrder.id,
            SellerOrder.reference,
            SellerOrder.released_amount,
            SellerOrder.currency,
            SellerOrder.closed_at,
        )
        .where(SellerOrder.store_id == store_id, sa.text(UNPAID))
        .order_by(SellerOrder.closed_at, SellerOrder.id)
        .limit(LINES)
    )
    return [
        Owed(r.id, r.reference, Money(r.released_amount, r.currency), r.closed_at) for r in rows
    ]


def plan_for(store: Store, terms: PayoutTerms, *, on_demand: bool = False) -> Plan:
    """Say what would be paid now, or why nothing is: what the page shows is what the clock does.

    On demand, the shop's own threshold does not hold it back.
    """
    owner_id = accounts.owner_id(store.owner_id)
    number = number_of(terms, accounts.by_id(owner_id))
    threshold = None if on_demand or not terms.threshold_amount else terms.threshold_amount
    return planning.plan(
        owed_to(store.id),
        ledger.balance(chart.wallet(owner_id, store.currency)),
        ways_to(store, number, terms.operator),
        None if threshold is None else Money(threshold, store.currency),
        deducting.debts_of(owner_id, store.currency),
    )


@retrying
def pay_now(store_id: int, form_key: str, *, language: str) -> Payout | None:
    """Pay a shop because its owner asks; None when nothing can leave now. The caller rings afterwards.

    The same form key gives the first payout again.
    """
    with transaction():
        store = locked_store(store_id)
        period = f"form:{form_key}"
        if (first := _of_period(store.id, period)) is not None:
            return first
        return _pay(store, terms_of(store), period, language, on_demand=True)


def due(limit: int) -> list[int]:
    """Name the shops whose next payout is due."""
    query = sa.select(PayoutTerms.store_id).where(PayoutTerms.next_at <= clock.now())
    return list(session.scalars(query.order_by(PayoutTerms.next_at).limit(limit)))


@retrying
def pay_due(store_id: int) -> Payout | None:
    """Pay a shop whose time has come, once per period however often this runs; None when it waits."""
    with transaction():
        store = locked_store(store_id)
        terms = session.get(PayoutTerms, store_id, populate_existing=True)
        if terms is None or terms.next_at is None or terms.next_at > clock.now():
            return None  # another machine was faster
        period = _period(terms)
        payout = None
        if _of_period(store_id, period) is None:
            owner = accounts.by_id(accounts.owner_id(store.owner_id))
            payout = _pay(store, terms, period, owner.language)
        terms.next_at = next_moment(Schedule(terms.schedule), paid=payout is not None)
        return payout


@retrying
def postpone(store_id: int, seconds: float) -> None:
    """Put a shop off that could not be paid, so that it does not keep the others waiting."""
    with transaction():
        terms = session.get(PayoutTerms, store_id)
        if terms is not None and terms.next_at is not None:
            terms.next_at = clock.after(seconds)


def next_moment(schedule: Schedule, *, paid: bool) -> datetime | None:
    """Say when the clock looks at a shop next; None on demand. What waits is looked at hourly."""
    now = clock.now()
    morning = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    tomorrow = morning if now < morning else morning + timedelta(days=1)
    match schedule:
        case Schedule.ON_DEMAND:
            return None
        case Schedule.THRESHOLD:
            return now + AGAIN
        case Schedule.DAILY:
            return tomorrow if paid else min(now + AGAIN, tomorrow)
        case Schedule.WEEKLY:
            monday = tomorrow + timedelta(days=-tomorrow.weekday() % 7)
            return monday if paid else min(now + AGAIN, monday)


def _period(terms: PayoutTerms) -> str:
    """Name what one run pays: the unique key of the statement, whoever runs it."""
    now = clock.now()
    match Schedule(terms.schedule):
        case Schedule.WEEKLY:
            return f"week:{now:%G-W%V}"
        case Schedule.DAILY:
            return f"day:{now:%Y-%m-%d}"
        case _:
            count = sa.select(sa.func.count()).select_from(PayoutStatement)
            made = session.scalar(count.where(PayoutStatement.store_id == terms.store_id))
            return f"number:{(made or 0) + 1}"


def locked_store(store_id: int) -> Store:
    """Lock a shop: its payouts are made, and its terms change, one after another."""
    query = sa.select(Store).where(Store.id == store_id).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _of_period(store_id: int, period: str) -> Payout | None:
    return session.scalar(
        sa.select(Payout)
        .join(PayoutStatement, PayoutStatement.payout_id == Payout.id)
        .where(PayoutStatement.store_id == store_id, PayoutStatement.period == period)
    )


def _pay(
    store: Store, terms: PayoutTerms, period: str, language: str, *, on_demand: bool = False
) -> Payout | None:
    plan = plan_for(store, terms, on_demand=on_demand)
    if plan.wait is not None or plan.method is None:
        return None
    owner = accounts.by_id(accounts.owner_id(store.owner_id))
    assert owner.verified_at is not None, "money goes to a proven number only (W7)"
    # Before the payout: whoever repays locks the debts first, then the wallet.
    recovered = deducting.recover(owner.id, plan)
    payout = payouts.request(
        Intent(
            purpose=PayoutPurpose.SELLER_PAYOUT,
            purpose_id=store.id,
            user_id=owner.id,
            method=plan.method,
            payee_phone=number_of(terms, owner),
            amount=plan.amount,
            source=chart.wallet(owner.id, store.currency),
            form_key=f"seller:{store.id}:{period}"[:64],
            language=language,
        )
    )
    _write_statement(payout, store, period, plan)
    deducting.write(payout, plan, recovered)
    return payout


def _write_statement(payout: Payout, store: Store, period: str, plan: Plan) -> None:
    session.add(
        PayoutStatement(
            payout_id=payout.id,
            store_id=store.id,
            period=period,
            taken_amount=plan.taken.amount,
            currency=store.currency,
            created_at=clock.now(),
        )
    )
    session.flush()
    rows = [
        {"payout_id": payout.id, "seller_order_id": o.seller_order_id, "amount": o.amount.amount}
        for o in plan.lines
    ]
    session.execute(sa.insert(PayoutLine), rows)
    ids = [line.seller_order_id for line in plan.lines]
    session.execute(
        sa.update(SellerOrder).where(SellerOrder.id.in_(ids)).values(payout_id=payout.id)
    )
    logger.info("payout %s pays %d orders of shop %d", payout.reference, len(ids), store.id)


def came_back(payout_ids: Collection[int]) -> None:
    """Owe the orders of payouts that ended without arriving again: the next statement has them."""
    assert in_transaction(), "orders are owed again with the money that came back"
    if not payout_ids:
        return
    session.execute(
        sa.update(SellerOrder).where(SellerOrder.payout_id.in_(payout_ids)).values(payout_id=None)
    )
    # A number that cannot be paid now cannot be paid in an hour: nobody is told the same all day.
    shops = sa.select(Payout.purpose_id).where(Payout.id.in_(payout_ids))
    tomorrow = clock.after(A_DAY)
    session.execute(
        sa.update(PayoutTerms)
        .where(PayoutTerms.store_id.in_(shops), PayoutTerms.next_at < tomorrow)
        .values(next_at=tomorrow)
        .execution_options(synchronize_session="fetch")
    )
    deducting.came_back(payout_ids)
