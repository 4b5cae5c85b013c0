"""The life of a paid seller order: who may take which step, what the clock does, where the money goes."""

from __future__ import annotations

import pytest

from shop import jobs
from shop.db import session
from shop.errors import NotFound
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.notices.models import Notice
from shop.orders import checks, escrow, fulfilment, handover
from shop.orders.models import SellerOrder
from shop.orders.refusals import CodeLocked, NeedsReason, NotThatStep, WrongCode
from shop.orders.states import Actor, Escrow, Stage
from tests.marketplace import make_user
from tests.orders.paid import again, make_part, take


def wallet(user_id: int) -> int:
    return ledger.balance(chart.wallet(user_id, "XOF")).amount


def whole() -> bool:
    """Say whether the books and the orders agree."""
    session.rollback()
    assert [*audit.check(), *checks.check()] == []
    return True


def texts(part: SellerOrder) -> list[str]:
    """Every message about steps of one order, oldest first."""
    session.rollback()
    query = session.query(Notice).where(Notice.key.contains(part.reference))
    return [notice.text for notice in query.order_by(Notice.id)]


def test_accepted_then_handed_over_with_the_code_pays_the_seller(app, time):
    part = make_part()
    seller = part.store.owner_id

    fulfilment.sell(seller, part.reference, Stage.ACCEPTED)
    fulfilment.hand_over(seller, part.reference, handover.code_of(part))

    part = again(part)
    assert (part.stage, part.escrow) == (Stage.HANDED_OVER, Escrow.RELEASED)
    assert wallet(seller) == part.net.amount == part.released_amount
    assert ledger.balance(chart.income("commission", "XOF")) == part.commission
    assert escrow.held(part) == Money(0, "XOF")
    assert whole()


def test_refused_with_a_reason_gives_everything_back(app, time):
    part = make_part()

    fulfilment.sell(part.store.owner_id, part.reference, Stage.REFUSED, "Plus en stock")

    part = again(part)
    assert (part.stage, part.escrow) == (Stage.REFUSED, Escrow.REFUNDED)
    assert wallet(part.order.user_id) == part.total_amount
    assert wallet(part.store.owner_id) == 0
    assert [e.words for e in fulfilment.history(part.id)][-1] == "Plus en stock"
    assert whole()


def test_a_silent_seller_is_reminded_then_the_buyer_is_refunded(app, time):
    part = make_part()

    for hours in (11, 1.1, 10.8):
        time.pass_(hours=hours)
        jobs.run("expire_orders")
        assert again(part).stage == Stage.TO_ACCEPT
    assert len(texts(part)) == 1
    time.pass_(hours=1.2)
    jobs.run("expire_orders")

    part = again(part)
    assert (part.stage, part.escrow) == (Stage.REFUSED, Escrow.REFUNDED)
    assert wallet(part.order.user_id) == part.total_amount
    assert [(e.actor, e.what) for e in fulfilment.history(part.id)] == [
        ("payment", "to_accept"),
        ("clock", "reminder"),
        ("clock", "refused"),
    ]
    assert len(texts(part)) == 3, "the reminder, the buyer's and the seller's"
    assert whole()


def test_a_promise_that_is_not_kept_is_refunded(app, time):
    part = make_part(Stage.READY)

    time.pass_(hours=part.promised_hours - 1)
    jobs.run("expire_orders")
    assert again(part).stage == Stage.READY
    time.pass_(hours=1.1)
    jobs.run("expire_orders")

    part = again(part)
    assert part.stage == Stage.CANCELLED
    assert wallet(part.order.user_id) == part.total_amount
    assert whole()


def test_a_sellers_word_alone_never_pays(app, time):
    part = make_part(Stage.SENT)
    fulfilment.sell(part.store.owner_id, part.reference, Stage.ASKED)

    for _day in range(60):
        time.pass_(hours=6)
        jobs.run("expire_orders")

    part = again(part)
    assert (part.stage, part.escrow) == (Stage.ASKED, Escrow.HELD)
    assert part.staff_since is not None
    whats = [e.what for e in fulfilment.history(part.id)]
    assert whats[-4:] == ["asked", "reminder", "reminder", "to_staff"]
    assert wallet(part.store.owner_id) == 0
    assert whole()


def test_a_parcel_on_its_way_is_asked_after_and_not_refunded_by_itself(app, time):
    part = make_part(Stage.SENT)

    time.pass_(hours=part.promised_hours + 1)
    jobs.run("expire_orders")

    part = again(part)
    assert (part.stage, part.escrow) == (Stage.ASKED, Escrow.HELD)


def test_a_silent_buyer_may_still_answer_staff(app, time):
    part = make_part(Stage.ASKED)
    time.pass_(hours=73)
    for _again in range(3):
        jobs.run("expire_orders")
    assert again(part).staff_since is not None

    take(part, Stage.RECEIVED)
    assert again(part).staff_since is None
    time.pass_(hours=25)
    jobs.run("expire_orders")

    assert again(part).stage == Stage.CONFIRMED
    assert whole()


def test_a_proven_delivery_is_paid_after_a_day(app, time):
    part = make_part(Stage.RECEIVED)

    time.pass_(hours=23.9)
    jobs.run("expire_orders")
    assert wallet(part.store.owner_id) == 0
    time.pass_(hours=0.2)
    jobs.run("expire_orders")

    assert again(part).stage == Stage.CONFIRMED
    assert wallet(part.store.owner_id) == part.net.amount


def test_five_wrong_codes_call_staff_and_the_right_one_comes_too_late(app, time):
    part = make_part(Stage.SENT)
    seller, right = part.store.owner_id, handover.code_of(part)
    wrong = f"{(int(right) + 1) % 10**6:06}"

    left = []
    for _try in range(4):
        with pytest.raises(WrongCode) as refused:
            fulfilment.hand_over(seller, part.reference, wrong)
        left.append(refused.value.left)
    with pytest.raises(CodeLocked):
        fulfilment.hand_over(seller, part.reference, wrong)
    with pytest.raises(CodeLocked):
        fulfilment.hand_over(seller, part.reference, right)

    part = again(part)
    assert left == [4, 3, 2, 1]
    assert (part.stage, part.code_tries) == (Stage.SENT, 5)
    assert part.staff_since is not None
    take(part, Stage.CONFIRMED)
    assert wallet(seller) == part.net.amount, "the buyer can still say so"
    assert whole()


def test_a_code_may_be_typed_with_its_space(app, time):
    part = make_part(Stage.SENT)

    fulfilment.hand_over(
        part.store.owner_id, part.reference, f" {handover.spaced(handover.code_of(part))} "
    )

    assert again(part).stage == Stage.HANDED_OVER


def test_codes_differ_by_order_and_by_site(app, time):
    from dataclasses import replace

    first, second = make_part(), make_part()
    codes = {handover.code_of(first), handover.code_of(second)}
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], secret_key="another")

    assert len(codes | {handover.code_of(first)}) == 3


def test_the_code_is_in_no_table_once_its_message_is_sent(app, time):
    part = make_part(Stage.SENT)
    kinds = {
        n.kind for n in session.query(Notice) if handover.spaced(handover.code_of(part)) in n.text
    }

    assert kinds == {"hand_over_code"}, "a kind whose text is forgotten once sent"


@pytest.mark.parametrize("stage", [s for s in Stage if s not in (Stage.UNPAID,)])
def test_anothers_order_does_not_exist(app, time, stage):
    part, stranger = make_part(stage), make_user()

    for act in (
        lambda: fulfilment.sell(stranger.id, part.reference, Stage.CANCELLED, "x"),
        lambda: fulfilment.hand_over(stranger.id, part.reference, "000000"),
        lambda: fulfilment.buy([stranger.id], part.reference, Stage.CONFIRMED),
    ):
        with pytest.raises(NotFound):
            act()
    assert again(part).stage == stage


def test_money_goes_back_with_a_word(app, time):
    part = make_part()

    with pytest.raises(NeedsReason):
        fulfilment.sell(part.store.owner_id, part.reference, Stage.REFUSED, "  ")

    assert again(part).stage == Stage.TO_ACCEPT


def test_a_step_is_taken_once(app, time):
    part = make_part(Stage.CONFIRMED)

    with pytest.raises(NotThatStep):
        take(part, Stage.CONFIRMED)
    with pytest.raises(NotThatStep):
        fulfilment.sell(part.store.owner_id, part.reference, Stage.CANCELLED, "trop tard")

    assert wallet(part.order.user_id) == 0


@pytest.mark.parametrize("amount", [1, 13_500, 26_999])
def test_a_split_sums_to_what_was_held(app, time, amount):
    part = make_part(Stage.SENT)
    assert part.total_amount == 27_000

    fulfilment.decide(
        part.reference,
        Stage.DECIDED,
        fulfilment.By(Actor.STAFF, words="une pièce manque"),
        Money(amount, "XOF"),
    )

    part = again(part)
    assert wallet(part.order.user_id) == amount
    assert part.released_amount + part.kept_amount == 27_000 - amount
    assert part.kept_amount <= part.commission_amount
    assert whole()
