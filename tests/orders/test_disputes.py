"""A problem freezes the money; an agreement or a decision moves it once, to the franc, and both see where."""

from __future__ import annotations

from itertools import product

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shop import jobs
from shop.approvals.service import NamelessDecision, Voice
from shop.db import session
from shop.errors import Conflict, NotFound
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.notices.models import Notice
from shop.orders import checks, disputes, fulfilment, handover, whereabouts
from shop.orders.dispute_states import EDGES, REASONS, UNSETTLED, Offer, needs_two, reasons_at
from shop.orders.dispute_states import Dispute as State
from shop.orders.models import SellerOrder
from shop.orders.refusals import (
    BadReason,
    BadShare,
    BadWords,
    Disputed,
    NoDispute,
    NotThatStep,
    OfferGone,
)
from shop.orders.states import Actor, Stage
from shop.orders.talk import Side
from shop.orders.talk_models import Dispute
from tests.databases import connect
from tests.marketplace import make_order, make_product, make_user
from tests.orders.paid import again, buyer_of, make_part, report, seller_of
from tests.orders.test_states import migration_of

HELD = [stage for stage in Stage if reasons_at(stage)]
AWA, BINTA = Voice("Awa", "ops", "photo vue"), Voice("Binta", "ops", "d’accord")


def wallet(user_id: int) -> int:
    return ledger.balance(chart.wallet(user_id, "XOF")).amount


def healthy() -> bool:
    return [*audit.check(), *checks.check()] == []


def now(part: SellerOrder) -> Dispute:
    session.rollback()
    dispute = disputes.of_part(part)
    assert dispute is not None
    return dispute


def offer(part: SellerOrder, side: Side, kind: Offer = Offer.SHARE, percent: int = 40) -> int:
    """Propose as one side; give the proposal's number."""
    disputes.propose(side, part.reference, kind, percent)
    latest = disputes.latest_offer(now(part))
    assert latest is not None
    return latest.id


def test_a_share_proposed_and_accepted_is_split_and_both_see_where_it_is(app, time):
    part = make_part(Stage.RECEIVED)
    report(part)
    part = again(part)
    assert "gelés" in whereabouts.for_buyer(part, whereabouts.of(part))
    assert "gelés" in whereabouts.for_seller(part, whereabouts.of(part))

    number = offer(part, seller_of(part))
    disputes.accept(buyer_of(part), part.reference, number)
    disputes.accept(buyer_of(part), part.reference, number)

    part = again(part)
    back = part.total_amount * 40 // 100
    assert (part.stage, part.escrow, part.disputed_at) == (Stage.DECIDED, "split", None)
    assert wallet(part.order.user_id) == part.refunded_amount == back
    assert wallet(part.store.owner_id) == part.total_amount - back - part.kept_amount
    where = whereabouts.of(part)
    assert (where.held.amount, where.to_buyer.amount) == (0, back)
    assert [e.what for e in disputes.history(now(part))] == ["reported", "offer_share", "agreed"]
    assert healthy()


@pytest.mark.parametrize("stage", HELD)
def test_nobody_moves_what_is_disputed(app, time, stage):
    part = make_part(stage)
    report(part)
    part = again(part)
    seller, buyer = part.store.owner_id, part.order.user_id

    for to in Stage:
        by = fulfilment.By(Actor.STAFF, words="mot")
        for act in (
            lambda to=to: fulfilment.sell(seller, part.reference, to, "mot"),
            lambda to=to: fulfilment.buy([buyer], part.reference, to),
            lambda by=by, to=to: fulfilment.decide(part.reference, to, by, Money(1, "XOF")),
        ):
            with pytest.raises(NotThatStep):
                act()
        assert not any(fulfilment.can(part, to, actor) for actor in Actor)
    with pytest.raises(Disputed):
        fulfilment.hand_over(seller, part.reference, handover.code_of(part))
    time.pass_(days=60)
    jobs.run("expire_orders")
    jobs.run("wake_disputes")

    part = again(part)
    assert (part.stage, part.escrow) == (stage, "held")
    assert part.staff_since is not None, "after three days a person looks"
    assert healthy()


@pytest.mark.parametrize("stage", [s for s in Stage if s not in HELD and s is not Stage.UNPAID])
def test_only_held_money_is_disputed(app, time, stage):
    part = make_part(stage)

    with pytest.raises((NoDispute, BadReason)):
        report(part)
    assert disputes.of_part(part) is None


def test_a_report_is_checked(app, time):
    part = make_part(Stage.SENT)
    ours, words = buyer_of(part), "cassé"

    for complaint, error in (
        (disputes.Complaint("damaged", "  \n "), BadWords),
        (disputes.Complaint("damaged", "x" * 1_001), BadWords),
        (disputes.Complaint("weather", words), BadReason),
    ):
        with pytest.raises(error):
            disputes.report(ours, part.reference, complaint)
    with pytest.raises(NotFound):
        disputes.report(
            Side(Actor.BUYER, (10**6,)), part.reference, disputes.Complaint("damaged", "x")
        )
    assert again(part).disputed_at is None
    report(part)
    with pytest.raises(NoDispute):
        report(part)
    with pytest.raises(BadShare):
        disputes.propose(ours, part.reference, Offer.SHARE, 100)


def test_the_newest_proposal_of_the_other_side_counts_until_it_lapses(app, time):
    part = make_part(Stage.SENT)
    report(part)
    part = again(part)
    buyer, seller = buyer_of(part), seller_of(part)
    first = offer(part, seller, percent=10)
    second = offer(part, seller, percent=20)

    for side, number in ((seller, second), (buyer, first), (buyer, 10**6)):
        with pytest.raises(OfferGone):
            disputes.accept(side, part.reference, number)
    time.pass_(hours=48)
    with pytest.raises(OfferGone):
        disputes.accept(buyer, part.reference, second)

    assert again(part).escrow == "held"
    third = offer(part, buyer, Offer.REFUND)
    disputes.accept(seller, part.reference, third)
    assert (again(part).escrow, wallet(part.order.user_id)) == ("refunded", part.total_amount)
    assert healthy()


@pytest.mark.parametrize("end", ["replace", "withdraw"])
def test_an_order_goes_on_after_its_dispute_with_a_new_wait(app, time, end):
    part = make_part(Stage.RECEIVED)
    report(part)
    time.pass_(hours=30)
    part = again(part)

    if end == "replace":
        disputes.accept(buyer_of(part), part.reference, offer(part, seller_of(part), Offer.REPLACE))
    else:
        disputes.withdraw(buyer_of(part), part.reference)
        with pytest.raises(NotThatStep):
            disputes.propose(seller_of(part), part.reference, Offer.REFUND)

    part = again(part)
    assert (part.stage, part.escrow, part.disputed_at) == (Stage.RECEIVED, "held", None)
    assert (part.due_at - time.at).total_seconds() == 24 * 3600
    report(part)  # a second problem may follow
    disputes.withdraw(buyer_of(again(part)), part.reference)
    time.pass_(hours=24)
    jobs.run("expire_orders")
    assert again(part).escrow == "released"
    assert healthy()


@pytest.mark.parametrize("share", [0, 1, 9_000, 26_999, 27_000])
def test_a_decision_waits_two_days_and_is_executed_once(app, time, share):
    part = make_part(Stage.SENT)
    assert part.total_amount == 27_000
    report(part)

    assert disputes.decide(part.reference, Money(share, "XOF"), AWA)
    time.pass_(hours=47)
    jobs.run("wake_disputes")
    assert again(part).escrow == "held"
    time.pass_(hours=1)
    for _twice in range(2):
        jobs.run("wake_disputes")

    part = again(part)
    assert wallet(part.order.user_id) == part.refunded_amount == share
    assert wallet(part.store.owner_id) + part.kept_amount == 27_000 - share
    assert now(part).state is State.EXECUTED
    assert "photo vue (Awa)" in [e.words for e in disputes.history(now(part))]
    assert healthy()


def test_an_appeal_stops_the_clock_and_the_last_word_is_staffs(app, time):
    part = make_part(Stage.SENT)
    report(part)
    part = again(part)
    disputes.decide(part.reference, Money(0, "XOF"), AWA)

    disputes.appeal(buyer_of(part), part.reference, "La photo montre la casse")
    time.pass_(days=10)
    jobs.run("wake_disputes")
    assert again(part).escrow == "held"
    with pytest.raises(NotThatStep):
        disputes.appeal(seller_of(part), part.reference, "encore")
    disputes.decide(part.reference, Money(5_000, "XOF"), BINTA)

    assert (again(part).escrow, again(part).refunded_amount) == ("split", 5_000)
    with pytest.raises(NotThatStep):
        disputes.decide(part.reference, Money(0, "XOF"), AWA)
    assert healthy()


def test_much_money_takes_two_people_who_say_the_same(app, time):
    part = make_part(Stage.SENT, make_order((make_product(price=200_000), 1)))
    assert needs_two(part.total)
    report(part)
    back = Money(50_000, "XOF")

    assert not disputes.decide(part.reference, back, AWA)
    assert not disputes.decide(part.reference, back, Voice(" awa ", "ops", "encore"))
    assert not disputes.decide(part.reference, Money(1, "XOF"), BINTA)
    assert now(part).state is State.OPEN
    assert disputes.decide(part.reference, back, BINTA)

    assert now(part).back == back
    with pytest.raises(NamelessDecision):
        Voice("Awa", "ops", " ")


def test_more_than_was_held_is_never_decided(app, time):
    part = make_part(Stage.SENT)
    report(part)

    with pytest.raises(Conflict):
        disputes.decide(part.reference, part.total + Money(1, "XOF"), AWA)


def test_both_sides_are_told_once_each(app, time):
    part = make_part(Stage.SENT, make_order(user=make_user("Paul")))
    session.execute(sa.delete(Notice))
    session.commit()
    report(part)
    part = again(part)
    offer(part, seller_of(part))
    disputes.decide(part.reference, Money(0, "XOF"), AWA)

    keys = session.scalars(sa.select(Notice.key).order_by(Notice.id)).all()
    assert [key.split(":")[0] for key in keys] == ["dispute", "offer", "dispute", "dispute"]
    assert [key.endswith(":seller") for key in keys] == [False, False, False, True]


# What the database holds, against raw SQL


def test_the_database_keeps_the_same_table():
    migration = migration_of("0012_talk")
    ours = {
        str(old): {str(new): {str(a) for a in actors} for new, actors in news.items()}
        for old, news in EDGES.items()
        if news
    }
    assert ours == migration.EDGES
    assert set(migration.UNSETTLED) == UNSETTLED
    assert {s for r in REASONS.values() for s in r.stages} == set(migration.DISPUTED_FROM)


@pytest.mark.parametrize("state", State)
def test_the_database_knows_who_may_take_which_step(app, time, state):
    """Every state, every next, every actor, by raw SQL: taken if and only if the table says so."""
    part = make_part(Stage.SENT)
    report(part)
    bring(again(part), state, time)
    dispute = now(part)
    step = sa.text(
        "INSERT INTO dispute_event (dispute_id, at, actor, old, new, what, words)"
        " VALUES (:id, '2026-11-21 14:00:00+00:00', :actor, :old, :new, :new, '')"
    )
    wrong = []
    for old, new, actor in product(State, State, Actor):
        allowed = old is state and actor in EDGES[old].get(new, frozenset())
        nested = session.begin_nested()
        try:
            values = {"id": dispute.id, "actor": str(actor), "old": str(old), "new": str(new)}
            session.execute(step, values)
            taken = True
        except DBAPIError:
            taken = False
        nested.rollback()
        if taken != allowed:
            wrong.append((old, new, actor, taken))
    session.rollback()
    assert wrong == []


def bring(part: SellerOrder, state: State, time) -> None:
    """Bring an open dispute to a state by the people who may."""
    if state in (State.DECIDED, State.APPEALED, State.EXECUTED):
        disputes.decide(part.reference, Money(100, "XOF"), AWA)
    match state:
        case State.APPEALED:
            disputes.appeal(seller_of(part), part.reference, "non")
        case State.EXECUTED:
            time.pass_(hours=48)
            jobs.run("wake_disputes")
        case State.AGREED:
            disputes.accept(buyer_of(part), part.reference, offer(part, seller_of(part)))
        case State.WITHDRAWN:
            disputes.withdraw(buyer_of(part), part.reference)


STEP = "INSERT INTO seller_order_event (seller_order_id, at, actor, old, new, what, words) SELECT 1, at,"
EVENT = "INSERT INTO dispute_event (dispute_id, at, actor, old, new, what, words) SELECT 1, at,"
FROM = " FROM seller_order_event WHERE id = 1"
ENDED = (
    "closed_at = due_at, released_amount = total_amount - commission_amount,"
    " kept_amount = commission_amount"
)
ATTACKS = {
    "step: release": f"{STEP} 'buyer', 'sent', 'confirmed', 'x', ''{FROM}",
    "step: refund": f"{STEP} 'seller', 'sent', 'cancelled', 'x', ''{FROM}",
    "step: split": f"{STEP} 'dispute', 'sent', 'decided', 'x', ''{FROM}",
    "step: ask": f"{STEP} 'clock', 'sent', 'asked', 'x', ''{FROM}",
    "release": f"UPDATE seller_order SET stage = 'confirmed', escrow = 'released', {ENDED} WHERE id = 1",
    "refund": (
        "UPDATE seller_order SET stage = 'cancelled', escrow = 'refunded', refunded_amount = total_amount"
        " WHERE id = 1"
    ),
    "split": (
        "UPDATE seller_order SET stage = 'decided', escrow = 'split', refunded_amount = 1,"
        " released_amount = total_amount - 1 WHERE id = 1"
    ),
    "thaw and release": (
        f"UPDATE seller_order SET disputed_at = NULL, stage = 'confirmed', escrow = 'released', {ENDED}"
        " WHERE id = 1"
    ),
    "thaw": "UPDATE seller_order SET disputed_at = NULL WHERE id = 1",
    "freeze without a dispute": "UPDATE seller_order SET disputed_at = paid_at WHERE id = 2",
    "take the money": (
        "INSERT INTO transfer (key, event, debit_id, credit_id, amount, currency, created_at)"
        " SELECT 'free', 'free', credit_id, debit_id, amount, currency, created_at FROM transfer"
        " WHERE key LIKE 'paid:%' ORDER BY id LIMIT 1"
    ),
    "end without a word": "UPDATE dispute SET status = 'withdrawn' WHERE id = 1",
    "decide as the seller": f"{EVENT} 'seller', 'open', 'decided', 'x', ''{FROM}",
    "withdraw as the seller": f"{EVENT} 'seller', 'open', 'withdrawn', 'x', ''{FROM}",
    "a second dispute": (
        "INSERT INTO dispute (seller_order_id, reason, words, status, opened_at, currency)"
        " SELECT 1, reason, words, 'open', opened_at, currency FROM dispute WHERE id = 1"
    ),
    "a dispute on money that left": (
        "INSERT INTO dispute (seller_order_id, reason, words, status, opened_at, currency)"
        " SELECT 2, reason, words, 'open', opened_at, currency FROM dispute WHERE id = 1"
    ),
    "a dispute that is over": (
        "INSERT INTO dispute (seller_order_id, reason, words, status, opened_at, currency, back_amount)"
        " SELECT 1, reason, words, 'executed', opened_at, currency, 1 FROM dispute WHERE id = 1"
    ),
    "other words": "UPDATE dispute SET words = 'rien' WHERE id = 1",
    "an outcome before its time": "UPDATE dispute SET back_amount = 5 WHERE id = 1",
    "forget the dispute": "DELETE FROM dispute WHERE id = 1",
    "forget its history": "DELETE FROM dispute_event",
    "change its history": "UPDATE dispute_event SET actor = 'staff'",
    "change a proposal": "UPDATE dispute_proposal SET back_amount = back_amount - 1",
    "forget a proposal": "DELETE FROM dispute_proposal",
    "replace it on sqlite": "INSERT OR REPLACE INTO dispute SELECT * FROM dispute WHERE id = 1",
}


@pytest.fixture
def raw(app, time, database_url):
    """A stranger's connection: order 1 is disputed and has a proposal of the seller, order 2 is paid out."""
    part = make_part(Stage.SENT)
    other = make_part(Stage.CONFIRMED)
    assert (part.id, other.id) == (1, 2)
    report(part)
    offer(again(part), seller_of(part))
    session.remove()
    engine = connect(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("attack", ATTACKS)
def test_raw_sql_cannot(raw, attack):
    with pytest.raises(DBAPIError):
        raw.execute(sa.text(ATTACKS[attack]))
    assert healthy()


def test_raw_sql_agrees_to_nothing_that_the_other_did_not_propose(raw):
    """The seller proposed; the seller's own "agreed" is written, and still not taken."""
    raw.execute(sa.text(f"{EVENT} 'seller', 'open', 'agreed', 'x', ''{FROM}"))

    for back in ("p.back_amount", "p.back_amount + 1"):
        with pytest.raises(DBAPIError):
            raw.execute(
                sa.text(
                    "UPDATE dispute SET status = 'agreed', proposal_id = 1, back_amount ="
                    f" (SELECT {back} FROM dispute_proposal p WHERE p.id = 1) WHERE id = 1"
                )
            )


def test_raw_sql_takes_the_honest_way(raw):
    """The control: the buyer agrees, the order thaws; what is given must be what was agreed."""
    raw.execute(sa.text(f"{EVENT} 'buyer', 'open', 'agreed', 'x', ''{FROM}"))
    raw.execute(
        sa.text(
            "UPDATE dispute SET status = 'agreed', proposal_id = 1, back_amount ="
            " (SELECT p.back_amount FROM dispute_proposal p WHERE p.id = 1) WHERE id = 1"
        )
    )
    raw.execute(sa.text(ATTACKS["thaw"]))
    raw.execute(sa.text(ATTACKS["step: split"]))
    raw.execute(sa.text(ATTACKS["take the money"]))

    with pytest.raises(DBAPIError):
        raw.execute(sa.text(ATTACKS["split"]))
    share = "(SELECT back_amount FROM dispute WHERE id = 1)"
    raw.execute(
        sa.text(
            f"UPDATE seller_order SET stage = 'decided', escrow = 'split', refunded_amount = {share},"
            f" released_amount = total_amount - {share} WHERE id = 1"
        )
    )
