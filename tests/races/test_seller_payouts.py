"""Two machines pay one shop at one instant: one payout, one statement, every order once (S2)."""

from __future__ import annotations

import sqlalchemy as sa

from shop.db import session
from shop.earnings import service
from shop.earnings.models import PayoutStatement
from shop.orders.models import SellerOrder
from shop.payouts.models import Payout
from tests.earnings.shops import make_shop, release, wallet
from tests.races.together import (
    goes_wrong,
    never_goes_wrong,
    on_postgresql,
    sql,
    together,
    unlocked,
)
from tests.street import Street

pytestmark = on_postgresql

#: What stands behind the lock: taken away in the control only.
SECOND_LINE = (
    "ALTER TABLE ledger_account DROP CONSTRAINT ck_ledger_account_balance_not_negative",
    "DROP TRIGGER payout_line_is_owed ON payout_line",
    "DROP TRIGGER seller_order_paid_once ON seller_order",
)


class PayingTwice:
    """The owner taps on two phones: two forms, two machines, one shop."""

    def __init__(self, street: Street) -> None:
        self.street, self.round = street, 0
        self.store_id = make_shop(street).id

    def __call__(self) -> str | None:
        self.round += 1
        session.rollback()
        store = session.get_one(service.Store, self.store_id)
        part = release(store, 20_000)
        before = wallet(self.street, store)
        keys = [f"round-{self.round:06d}-machine-{n}" for n in (1, 2)]

        together(
            self.street.app,
            *(lambda key=key: service.pay_now(self.store_id, key, language="fr") for key in keys),
        )

        session.rollback()
        made = session.scalar(
            sa.select(sa.func.count())
            .select_from(PayoutStatement)
            .where(PayoutStatement.period.in_([f"form:{key}" for key in keys]))
        )
        taken = before - wallet(self.street, store)
        carried = session.get_one(SellerOrder, part.id).payout_id
        if made == 1 and taken == part.released_amount and carried is not None:
            return None
        return f"{made} statements, {taken} of {part.released_amount} taken"


def test_an_order_is_paid_once(street):
    never_goes_wrong(PayingTwice(street), rounds=20)


def test_an_order_without_the_lock_is_paid_twice(street, monkeypatch):
    race = PayingTwice(street)
    # Money from elsewhere in the wallet: its balance alone would not stop the second payout.
    street.fund(service.Money(5_000_000, "XOF"), user=session.get_one(service.User, owner(race)))
    unlocked(monkeypatch)
    sql(*SECOND_LINE)
    goes_wrong(race)


def test_an_order_without_the_lock_is_still_kept_by_the_database(street, monkeypatch):
    race = PayingTwice(street)
    street.fund(service.Money(5_000_000, "XOF"), user=session.get_one(service.User, owner(race)))
    unlocked(monkeypatch)
    never_goes_wrong(race, rounds=20)


def owner(race: PayingTwice) -> int:
    session.rollback()
    return session.get_one(service.Store, race.store_id).owner_id


class Clocks:
    """Two clock processes find the same shop due at one instant: its period is paid once."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.store_id = make_shop(street).id
        service_terms(self.store_id)

    def __call__(self) -> str | None:
        session.rollback()
        store = session.get_one(service.Store, self.store_id)
        release(store, 5_000)
        self.street.time.pass_(hours=24)
        before = session.scalar(sa.select(sa.func.count()).select_from(Payout)) or 0

        together(self.street.app, *[lambda: service.pay_due(self.store_id)] * 2)

        session.rollback()
        made = (session.scalar(sa.select(sa.func.count()).select_from(Payout)) or 0) - before
        return None if made == 1 else f"{made} payouts"


def service_terms(store_id: int) -> None:
    from shop.earnings import settings

    settings.choose(store_id, settings.Schedule.DAILY, threshold=None, operator=None)


def test_a_period_is_paid_once(street):
    never_goes_wrong(Clocks(street), rounds=20)
