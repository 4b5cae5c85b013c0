"""Two circles for the demonstration: one that has lived two rounds, one that people may join.

The first one is lived with a turned clock, in the order things happened: its money came in through the
simulated providers, its rounds were counted and its pots signed by the services that everybody uses.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock, jobs, settlement
from shop.accounts import service as accounts
from shop.cli import demo_goods as goods
from shop.cli.demo_goods import Person
from shop.cli.demo_orders import approve, settle, user_of
from shop.db import session
from shop.errors import NotFound
from shop.money import Money
from shop.payments.models import Payment
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.providers import methods
from shop.tontines import (
    bureau,
    contributing,
    creation,
    desk,
    easing,
    guaranteeing,
    locking,
    meetings,
    membership,
    settling,
    signing,
    swapping,
)
from shop.tontines.bureau_models import Presence
from shop.tontines.cycle_models import Round, TurnRow
from shop.tontines.models import Accepted, Office, Tontine
from shop.tontines.rules import Auction, Fine, Order, Period, Rules, Visibility, When
from shop.tontines.states import JoinPolicy
from shop.wallets import service as wallets

#: How people of each country put money in their wallets.
METHODS: Final = {"CI": "wave-ci", "SN": "wave-sn", "BJ": "mtn-bj"}
MEMBERS: Final = (goods.AWA, goods.AMINATA, goods.MARIAM, goods.KOSSI, goods.FATOU)
CURRENCY: Final = "XOF"
PART: Final = 5_100
RUNNING, JOINING = "demo-circle-running", "demo-circle-joining"


def seed() -> int:
    """Live the first circle and open the second, once each; give how many are new."""
    today = clock.now()
    made = 0
    if creation.by_form_key(RUNNING) is None:
        session.rollback()
        _live(today)
        made += 1
    if creation.by_form_key(JOINING) is None:
        session.rollback()
        _invite(today.date())
        made += 1
    return made


def money(amount: int) -> Money:
    """Francs of the demonstration."""
    return Money(amount, CURRENCY)


@contextmanager
def _at(moment: datetime) -> Iterator[None]:
    """Turn the clock to a moment, from which it goes on."""
    began = time.perf_counter()

    def now() -> datetime:
        return moment + timedelta(seconds=time.perf_counter() - began)

    with clock.turned_by(now, time.perf_counter):
        yield


def _live(today: datetime) -> None:
    start = today - timedelta(days=15)
    with _at(start):
        tontine_id = _founded(start.date(), (today - timedelta(days=2)).weekday())
        _fill_wallets()
        locking.lock(tontine_id, user_of(goods.AWA))
    first, second = _dates(tontine_id)[:2]
    with _at(first - timedelta(days=1)):
        _pay(tontine_id, MEMBERS, "first")
        _meet(tontine_id)
    with _at(first + timedelta(minutes=5)):
        _count(tontine_id, 1, signed_by=(goods.AMINATA, goods.MARIAM))
    with _at(second - timedelta(days=1)):
        _pay(tontine_id, [one for one in MEMBERS if one is not goods.KOSSI], "second")
    with _at(second + timedelta(hours=25)):
        _count(tontine_id, 2, signed_by=(goods.AWA, goods.MARIAM))
    _today(tontine_id)


def _founded(starts_on: date, weekday: int) -> int:
    tontine = creation.create(
        user_of(goods.AWA),
        "Marché de Treichville",
        _weekly(starts_on, weekday),
        country="CI",
        join_policy=JoinPolicy.REQUEST,
        form_key=RUNNING,
    )
    creation.open_to_members(tontine.id, tontine.owner_id)
    _enter(tontine, MEMBERS, shares=1)
    for office, person in ((Office.TREASURER, goods.AMINATA), (Office.AUDITOR, goods.MARIAM)):
        member = _member(tontine.id, person)
        bureau.appoint(tontine.id, tontine.owner_id, office, member)
    return tontine.id


def _weekly(starts_on: date, weekday: int) -> Rules:
    return Rules(
        contribution=money(5_000), shares=5, when=When(starts_on, Period.WEEKLY, (weekday,)),
        fine=Fine(money(250), cap=money(1_000)), auction=Auction(money(500)), currency=CURRENCY,
        visibility=Visibility.UNLISTED, order=Order.SENIORITY, min_partial=money(500),
        relief=money(100), guarantee_contributions=0, cover_floor_bp=0,
    )  # fmt: skip


def _enter(tontine: Tontine, people: tuple[Person, ...], *, shares: int) -> None:
    _row, token = membership.invite(tontine.id, tontine.owner_id)
    sha = desk.latest_rules(tontine.id).sha256
    for person in people:
        user_id = user_of(person)
        session.rollback()
        membership.come_in(token, user_id)
        creation.accept(tontine.id, user_id, sha, method=Accepted.PIN)
        creation.take_shares(tontine.id, user_id, shares)


def _member(tontine_id: int, person: Person) -> int:
    found = desk.member(tontine_id, user_of(person)).id
    session.rollback()
    return found


def _fill_wallets() -> None:
    """Put money in each member's wallet by mobile money, as anybody does."""
    started = [_top_up(person) for person in MEMBERS]
    jobs.submit_payments()
    for payment in started:
        approve(payment)
    settle([payment.id for payment in started])


def _top_up(person: Person) -> Payment:
    user = accounts.by_id(user_of(person))
    wanted = wallets.begin_top_up(user, money(25_000), f"demo-top-up-{user.id}")
    return settlement.start_payment(
        Intent(
            purpose=Purpose.TOP_UP,
            purpose_id=wanted.id,
            user_id=user.id,
            method=methods.get(METHODS[person.country]),
            payer_phone=person.phone,
            owed=wanted.total,
            form_key=f"demo-top-up-{wanted.reference}",
        )
    )


def _dates(tontine_id: int) -> list[datetime]:
    cycle = desk.latest_cycle(tontine_id)
    query = sa.select(Round.due_at).where(Round.cycle_id == cycle.id).order_by(Round.index)
    found = list(session.scalars(query))
    session.rollback()
    return found


def _work() -> None:
    """Let every round go as far as this moment allows."""
    for round_id in settling.due():
        settling.settle_round(round_id)


def _pay(tontine_id: int, people: list[Person] | tuple[Person, ...], key: str) -> None:
    _work()
    for person in people:
        user_id = user_of(person)
        session.rollback()
        form_key = f"demo-{key}-{user_id}"
        contributing.from_wallet(tontine_id, user_id, money(PART), form_key=form_key)


def _count(tontine_id: int, index: int, *, signed_by: tuple[Person, Person]) -> None:
    _work()
    cycle = desk.latest_cycle(tontine_id)
    orders = session.scalars(
        sa.select(TurnRow.order_id)
        .join(Round, Round.id == TurnRow.round_id)
        .where(Round.cycle_id == cycle.id, Round.index == index)
    ).all()
    session.rollback()
    for order_id in orders:
        if order_id is None:
            raise NotFound("order")
        for person in signed_by:
            user_id = user_of(person)
            session.rollback()
            signing.sign(order_id, user_id)


def _meet(tontine_id: int) -> None:
    """Hold a meeting: everybody was there, one came late."""
    host = user_of(goods.AMINATA)
    session.rollback()
    row = meetings.open_(tontine_id, host, "Sous le manguier, derrière le marché")
    roll = meetings.roll(tontine_id)
    session.rollback()
    marks = dict.fromkeys((member for member, _name in roll), Presence.PRESENT)
    marks[_member(tontine_id, goods.KOSSI)] = Presence.LATE
    meetings.mark(tontine_id, host, row.id, marks)
    meetings.decide(tontine_id, host, row.id, "La cotisation reste à 5 000 francs jusqu’à la fête.")
    meetings.close(tontine_id, host, row.id)


def _today(tontine_id: int) -> None:
    """Leave something to do: cash to confirm, relief to sign, a turn to exchange, a guarantor asked."""
    _pay(tontine_id, [goods.AWA, goods.FATOU], "third")
    treasurer, fatou, kossi = (user_of(one) for one in (goods.AMINATA, goods.FATOU, goods.KOSSI))
    session.rollback()
    contributing.record_cash(
        tontine_id, treasurer, _member(tontine_id, goods.MARIAM), money(PART),
        form_key="demo-cash-mariam",
    )  # fmt: skip
    easing.claim_relief(tontine_id, fatou, "illness", money(1_000), "Ordonnance de la petite")
    swapping.ask(tontine_id, fatou, "P05", "P03")
    guaranteeing.ask(tontine_id, kossi, "P04", _member(tontine_id, goods.AWA), money(10_000))


def _invite(today: date) -> None:
    """Open a circle to everybody: two are in, one asks."""
    rules = Rules(
        contribution=money(2_000), shares=8, when=When(today + timedelta(days=14), Period.MONTHLY, (5,)),
        fine=Fine(money(100), cap=money(400)), auction=Auction(money(500)), currency=CURRENCY,
        visibility=Visibility.PUBLIC, order=Order.RANDOM, min_partial=money(500), relief=money(0),
    )  # fmt: skip
    founder = user_of(goods.MARIAM)
    session.rollback()
    tontine = creation.create(
        founder, "Couturières de Cocody", rules, country="CI", join_policy=JoinPolicy.REQUEST,
        form_key=JOINING,
    )  # fmt: skip
    creation.open_to_members(tontine.id, founder)
    _enter(tontine, (goods.MARIAM, goods.FATOU), shares=2)
    asker = user_of(goods.KOSSI)
    session.rollback()
    membership.ask(tontine.id, asker, "Je couds des uniformes à Cotonou, Fatou me connaît.")
