"""The table of steps is the database's too, each step has its people, and every way sums to the franc."""

from __future__ import annotations

import importlib.util
import re
from itertools import pairwise, product
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop import jobs
from shop.approvals.service import Voice
from shop.db import session
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders import checks, disputes, fulfilment, handover, whereabouts
from shop.orders.models import SellerOrder
from shop.orders.refusals import CodeLocked, NotThatStep, WrongCode
from shop.orders.states import CLOSED, EDGES, ESCROW_AT, TABS, WAITS, Actor, Escrow, Stage
from tests.orders.doors import door_order
from tests.orders.paid import WAYS, again, make_part, report

VERSIONS = Path(__file__).parents[2] / "migrations/versions"
PAID = [stage for stage in Stage if stage is not Stage.UNPAID]


def migration_of(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location("migration", VERSIONS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    migration = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(migration)
    return migration


def test_the_database_keeps_the_same_tables():
    migration, disputed = migration_of("0011_fulfilment"), migration_of("0012_talk")
    counter = migration_of("0016_at_the_counter")
    everybody = {
        str(old): {str(new): {str(a) for a in actors} for new, actors in news.items()}
        for old, news in EDGES.items()
        if news
    }
    goes_back = {
        old: news.pop("gone_back") for old, news in everybody.items() if "gone_back" in news
    }
    assert goes_back == dict.fromkeys(counter.GOES_BACK_FROM, counter.GOES_BACK_BY)
    assert everybody == counter.STEPS
    ours = {
        old: {new: actors - {"dispute"} for new, actors in news.items()}
        for old, news in everybody.items()
    }
    assert ours == migration.EDGES == disputed.STEPS
    assert {
        (old, new) for old, n in everybody.items() for new, a in n.items() if "dispute" in a
    } == {*product(disputed.DISPUTED_FROM, disputed.DISPUTE_STEPS)}
    assert {*disputed.CLOSED, counter.GONE_BACK} == CLOSED
    tabs = {str(t): tuple(map(str, s)) for t, s in TABS.items()}
    assert tabs["refused"] == (*migration.TABS["refused"], counter.GONE_BACK)
    assert {**tabs, "refused": migration.TABS["refused"]} == migration.TABS
    assert {s for s in PAID if ESCROW_AT[s] is Escrow.HELD} == set(migration.OPEN)


def test_every_stage_is_under_one_tab_and_every_open_one_has_its_wait():
    assert sorted(stage for stages in TABS.values() for stage in stages) == sorted(PAID)
    assert set(WAYS) == set(PAID)
    assert {stage for stage in PAID if stage not in CLOSED} == {*WAITS, "preparing", "ready"}


@pytest.mark.parametrize("stage", PAID)
def test_the_database_knows_who_may_take_which_step(app, stage):
    """E5: every stage, every next, every actor, by raw SQL: taken if and only if the table says so."""
    part = make_part(stage)
    step = sa.text(
        "INSERT INTO seller_order_event (seller_order_id, at, actor, old, new, what, words)"
        " VALUES (:id, '2026-11-21 14:00:00+00:00', :actor, :old, :new, :new, '')"
    )
    wrong = []
    for old, new, actor in product(Stage, Stage, Actor):
        allowed = old is stage and actor in EDGES[old].get(new, frozenset())
        words = {"id": part.id, "actor": str(actor), "old": str(old), "new": str(new)}
        nested = session.begin_nested()
        try:
            session.execute(step, words)
            taken = True
        except DBAPIError:
            taken = False
        nested.rollback()
        if taken is not allowed:
            wrong.append((old, new, actor, taken))

    assert wrong == []


@pytest.mark.parametrize("stage", PAID)
def test_no_door_takes_a_step_that_is_not_in_the_table(app, time, stage):
    """Every door with every step from every stage: refused unless the table has it, and nothing moves."""
    part = make_part(stage)
    seller, buyer = part.store.owner_id, part.order.user_id
    before = [e.id for e in fulfilment.history(part.id)]
    tried = 0
    for to in Stage:
        for actor, act in {
            Actor.SELLER: lambda to=to: fulfilment.sell(seller, part.reference, to, "mot"),
            Actor.BUYER: lambda to=to: fulfilment.buy([buyer], part.reference, to),
            Actor.STAFF: lambda to=to: fulfilment.decide(
                part.reference, to, fulfilment.By(Actor.STAFF, words="mot"), Money(1, "XOF")
            ),
        }.items():
            if fulfilment.can(part, to, actor) and to is not Stage.HANDED_OVER:
                continue
            tried += 1
            with pytest.raises(NotThatStep):
                act()

    assert tried > 25
    assert [e.id for e in fulfilment.history(part.id)] == before
    assert again(part).stage == stage


# Every way through the machine


def ways() -> list[tuple[tuple[Actor, Stage], ...]]:
    """Every path from payment to an end, by every actor: the machine has no circle."""
    found, begun = [], [((Actor.PAYMENT, Stage.TO_ACCEPT),)]
    while begun:
        way = begun.pop()
        nexts = [(a, to) for to, actors in EDGES[way[-1][1]].items() for a in sorted(actors)]
        found += [] if nexts else [way]
        begun += [(*way, step) for step in nexts]
    return found


def shortest() -> list[tuple[tuple[Actor, Stage], ...]]:
    """Of all ways, enough to take every edge by every actor, each after the shortest beginning."""
    covered: set[tuple[Stage, Actor, Stage]] = set()
    chosen = []
    for way in sorted(ways(), key=len):
        edges = {(a[1], b[0], b[1]) for a, b in pairwise(way)}
        if not edges <= covered:
            chosen.append(way)
            covered |= edges
    assert covered == {
        (old, actor, new)
        for old, news in EDGES.items()
        if old is not Stage.UNPAID
        for new, actors in news.items()
        for actor in actors
    }
    return chosen


def walk(part: SellerOrder, actor: Actor, to: Stage, time) -> None:
    """Take a step as this actor would, through the door of its own."""
    if actor is Actor.CLOCK:
        time.at = part.due_at
        jobs.run("expire_orders")
    elif actor is Actor.DISPUTE:
        settle(part, to, time)
    elif to is Stage.HANDED_OVER:
        fulfilment.hand_over(part.store.owner_id, part.reference, handover.code_of(part))
    elif actor is Actor.SELLER:
        fulfilment.sell(part.store.owner_id, part.reference, to, "plus en stock")
    elif actor is Actor.BUYER:
        fulfilment.buy([part.order.user_id], part.reference, to)
    else:
        by = fulfilment.By(Actor.STAFF, words="décidé")
        fulfilment.decide(part.reference, to, by, Money(7_001, "XOF"))


def settle(part: SellerOrder, to: Stage, time) -> None:
    """Report a problem, let staff decide it, and let the time to contest pass."""
    back = {Stage.CONFIRMED: 0, Stage.CANCELLED: part.total_amount}.get(to, 7_001)
    report(part)
    disputes.decide(part.reference, Money(back, "XOF"), Voice("Awa", "test", "vu"))
    time.pass_(hours=48)
    jobs.run("wake_disputes")


def numbers(sentence: str) -> set[int]:
    """Every amount that a sentence names."""
    return {int(re.sub(r"\D", "", n)) for n in re.findall(r"([\d\u00a0]+)\u00a0FCFA", sentence)}


def agrees(part: SellerOrder) -> None:
    """D2: what both sentences say is what the books hold, at this very stage."""
    held = ledger.balance(chart.escrow(part.id, "XOF")).amount
    seller = ledger.balance(chart.wallet(part.store.owner_id, "XOF")).amount
    buyer = ledger.balance(chart.wallet(part.order.user_id, "XOF")).amount
    where = whereabouts.of(part)
    told, sold = whereabouts.for_buyer(part, where), whereabouts.for_seller(part, where)

    assert where.escrow == part.escrow
    assert (where.held.amount, where.to_seller.amount, where.to_buyer.amount) == (
        held,
        seller,
        buyer,
    )
    assert held + seller + buyer + where.kept.amount == part.total_amount
    match where.escrow:
        case Escrow.HELD:
            assert (numbers(told), numbers(sold)) == ({held}, {held - part.commission_amount})
        case Escrow.RELEASED:
            assert numbers(told) == {part.total_amount}
            if part.stage == Stage.GONE_BACK:
                assert seller == part.total_amount, "the delivery is the seller's, whole"
            assert numbers(sold) == {seller, part.commission_amount}
        case Escrow.REFUNDED:
            assert numbers(told) == numbers(sold) == {buyer}
        case _:
            assert numbers(told) == {buyer, part.total_amount - buyer}
            assert numbers(sold) == {seller, buyer, where.kept.amount}


@pytest.mark.parametrize("way", shortest(), ids=lambda way: "-".join(to for _by, to in way[1:]))
def test_where_the_money_is_agrees_with_the_books_on_every_way(app, time, way):
    # Only what is to be paid at the door goes back from there.
    part = make_part(order=door_order() if way[-1][1] is Stage.GONE_BACK else None)
    agrees(part)
    for actor, to in way[1:]:
        walk(part, actor, to, time)
        part = again(part)
        assert part.stage == to
        agrees(part)

    steps = [(e.actor, e.new) for e in fulfilment.history(part.id) if e.new]
    assert steps == list(way)
    assert [*audit.check(), *checks.check()] == []


def test_staff_called_for_is_said_and_the_money_is_where_it_was(app, time):
    part = make_part(Stage.SENT)
    for _try in range(handover.MOST_TRIES):
        with pytest.raises((WrongCode, CodeLocked)):
            fulfilment.hand_over(part.store.owner_id, part.reference, "x")

    part = again(part)
    agrees(part)
    assert "vérifions" in whereabouts.for_buyer(part, whereabouts.of(part))
