"""Refunds of a sale, whole or in part, before and after the seller was paid: every franc has its bearer."""

from __future__ import annotations

import os
import random

import pytest
import sqlalchemy as sa

from shop import clock, jobs, references
from shop.approvals.service import Voice
from shop.db import session
from shop.debts import checks as debt_checks
from shop.debts import service as debts
from shop.ledger import audit, chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.notices.models import Notice
from shop.orders import checks, figures, fulfilment, refund_rows, refunding, whereabouts, wording
from shop.orders.fulfilment import By
from shop.orders.models import SellerOrder
from shop.orders.policy import OF_SELLER, AboveSale, Cause
from shop.orders.refund_models import OrderRefund
from shop.orders.refunding import Wanted
from shop.orders.refusals import BadReason, Disputed, NeedsReason, NotThatStep
from shop.orders.states import Actor, Stage
from tests.marketplace import make_order, make_product, make_store
from tests.orders.paid import again, make_part, report, take

#: Baskets in a run; REFUND_SEQUENCES=10000 for the campaign.
SEQUENCES = int(os.environ.get("REFUND_SEQUENCES", "40"))


def francs(amount: int) -> Money:
    return Money(amount, "XOF")


def wanted(amount: int, cause: Cause = Cause.MISSING, form_key: str = "") -> Wanted:
    return Wanted(form_key or f"form-{references.new()}", francs(amount), cause, "il en manque un")


def refund(part: SellerOrder, amount: int, cause: Cause = Cause.MISSING) -> OrderRefund:
    part = again(part)
    return refunding.by_seller(part.store.owner_id, part.reference, wanted(amount, cause))


def wallet(user_id: int) -> int:
    return ledger.balance(chart.wallet(user_id, "XOF")).amount


def sale(stage: Stage, price: int = 10_000, delivery: int = 2_000) -> SellerOrder:
    """Sell one article at 5 % commission and bring the order to a stage."""
    store = make_store(commission_bp=500, delivery=delivery)
    return make_part(stage, make_order((make_product(price=price, store=store), 1)))


def whole() -> list[audit.Finding]:
    session.rollback()
    return [*audit.check(), *checks.check(), *debt_checks.check()]


# -- while the money is held ------------------------------------------------------------------------


def test_a_part_goes_back_and_the_rest_stays_held(app, time):
    part = sale(Stage.ACCEPTED)

    row = refund(part, 3_000)

    part = again(part)
    assert (part.stage, part.escrow, part.held.amount) == ("accepted", "held", 9_000)
    assert (row.commission_amount, row.seller_amount, row.platform_amount) == (150, 2_850, 150)
    assert wallet(part.order.user_id) == 3_000
    assert whereabouts.of(part).held == francs(9_000)
    assert "avaient déjà été rendus" in whereabouts.for_buyer(part, whereabouts.of(part))
    assert figures.of(part).net == francs(9_000 - 350)
    assert whole() == []


def test_the_rest_is_released_less_the_commission_of_what_is_left(app, time):
    part = sale(Stage.SENT)
    refund(part, 3_000)

    take(part, Stage.CONFIRMED)

    part = again(part)
    assert (part.escrow, part.released_amount, part.kept_amount) == ("released", 8_650, 350)
    assert wallet(part.store.owner_id) == 8_650
    sums = figures.of(part)
    assert (sums.refunded, sums.commission, sums.net) == (francs(3_000), francs(350), francs(8_650))
    assert whole() == []


def test_giving_all_that_is_held_closes_the_order(app, time):
    part = sale(Stage.ACCEPTED)
    refund(part, 3_000)

    row = refund(part, 9_000)

    part = again(part)
    assert (part.stage, part.escrow, row.source) == ("cancelled", "refunded", "closing")
    assert wallet(part.order.user_id) == 12_000
    assert whole() == []


def test_before_an_answer_giving_all_back_is_a_refusal(app, time):
    part = sale(Stage.TO_ACCEPT)

    refund(part, 12_000)

    assert (again(part).stage, again(part).escrow) == ("refused", "refunded")


def test_goodwill_leaves_our_commission(app, time):
    part = sale(Stage.SENT)
    refund(part, 3_000, Cause.GOODWILL)

    take(part, Stage.CONFIRMED)

    part = again(part)
    assert (part.released_amount, part.kept_amount) == (8_500, 500)


def test_goodwill_that_eats_the_commission_leaves_nobody_below_zero(app, time):
    part = sale(Stage.SENT, delivery=0)
    refund(part, 9_900, Cause.GOODWILL)

    take(part, Stage.CONFIRMED)
    refund(part, 60)

    part = again(part)
    assert (part.released_amount, part.kept_amount) == (0, 100)
    assert whole() == []


@pytest.mark.parametrize("amount", [0, 12_001])
def test_more_than_is_held_is_refused(app, time, amount):
    part = sale(Stage.ACCEPTED)

    with pytest.raises(AboveSale):
        refund(part, amount)

    assert wallet(again(part).order.user_id) == 0


def test_a_disputed_order_gives_nothing_back_by_this_door(app, time):
    part = sale(Stage.SENT)
    report(part)

    with pytest.raises(Disputed):
        refund(part, 1_000)


def test_a_dispute_after_a_part_is_about_what_is_left(app, time):
    from shop.orders import disputes
    from shop.orders.dispute_states import Offer
    from tests.orders.paid import buyer_of, seller_of

    part = sale(Stage.SENT)
    refund(part, 2_000)
    report(part)
    part = again(part)
    disputes.propose(seller_of(part), part.reference, Offer.REFUND)
    offer = disputes.latest_offer(disputes.of_part(part))
    disputes.accept(buyer_of(part), part.reference, offer.id)

    part = again(part)
    assert (offer.back_amount, part.escrow, part.refunded_amount) == (10_000, "refunded", 12_000)
    assert whole() == []


# -- after the seller was paid ----------------------------------------------------------------------


def test_after_the_release_the_wallet_pays_and_the_commission_comes_back(app, time):
    part = sale(Stage.CONFIRMED)
    seller, buyer = part.store.owner_id, part.order.user_id
    assert wallet(seller) == 11_500

    row = refund(part, 4_000)

    assert (wallet(buyer), wallet(seller)) == (4_000, 11_500 - 3_800)
    assert (row.source, row.seller_amount, row.platform_amount) == ("seller", 3_800, 200)
    assert debts.owed(seller, "XOF") == francs(0)
    sums = figures.of(again(part))
    assert (sums.refunded, sums.commission, sums.net) == (francs(4_000), francs(300), francs(7_700))
    assert "à votre charge" in whereabouts.for_seller(again(part), whereabouts.of(part))
    assert whole() == []


def test_what_the_wallet_has_not_is_the_sellers_debt(app, time):
    part = sale(Stage.CONFIRMED)
    spend(part.store.owner_id, 10_000)

    refund(part, 12_000)

    part = again(part)
    assert wallet(part.order.user_id) == 12_000
    assert wallet(part.store.owner_id) == 0
    # 12,000 less 500 of commission, less the 1,500 that were there.
    assert debts.owed(part.store.owner_id, "XOF") == francs(10_000)
    assert ledger.balance(chart.debt(part.store.owner_id, "XOF")) == francs(10_000)
    assert ledger.balance(chart.income("commission", "XOF")) == francs(0)
    assert whole() == []


def spend(user_id: int, amount: int) -> None:
    """Take money out of a wallet, as a withdrawal that arrived does."""
    from shop.db import transaction
    from shop.ledger.entries import Entry, Leg

    with transaction():
        leg = Leg(
            f"spent:{references.new()}", chart.wallet(user_id, "XOF"),
            chart.float_at("wave", "XOF"), francs(amount),
        )  # fmt: skip
        ledger.post(Entry("spent", (leg,)))


def test_the_whole_sale_goes_back_once(app, time):
    part = sale(Stage.CONFIRMED)
    refund(part, 12_000)

    with pytest.raises(AboveSale) as refused:
        refund(part, 1)

    assert refused.value.left == francs(0)
    with pytest.raises(AboveSale):
        refund(sale(Stage.CANCELLED), 1)


def test_two_taps_are_one_refund(app, time):
    part = sale(Stage.CONFIRMED)
    owner, one = part.store.owner_id, wanted(1_000, form_key="f" * 32)

    made = [refunding.by_seller(owner, part.reference, one).id for _tap in range(3)]

    assert len(set(made)) == 1
    assert wallet(again(part).order.user_id) == 1_000


def test_the_buyer_is_told_and_the_history_says_it(app, time):
    part = sale(Stage.CONFIRMED)

    row = refund(part, 4_000)

    keys = session.scalars(sa.select(Notice.key).where(Notice.key.like("order-refund:%"))).all()
    assert keys == [f"order-refund:{row.id}"]
    [line] = [m for m in wording.history(again(part)) if "rend de l’argent" in str(m.text)]
    assert "4 000" in line.words.replace("\u202f", " ").replace("\xa0", " ")
    assert "il en manque un" in line.words


def test_a_franc_that_is_all_commission_costs_the_seller_nothing(app, time):
    part = sale(Stage.CONFIRMED)

    row = refund(part, 1)

    assert (row.commission_amount, row.seller_amount, row.source) == (1, 0, "seller")
    assert figures.of(again(part)).net == francs(11_500)
    assert whole() == []


@pytest.mark.parametrize("cause", [Cause.STAFF, Cause.REVERSED, Cause.SILENT])
def test_a_seller_gives_only_a_sellers_reasons(app, time, cause):
    with pytest.raises(BadReason):
        refund(sale(Stage.CONFIRMED), 100, cause)


def test_a_refund_needs_a_word(app, time):
    part = sale(Stage.CONFIRMED)

    with pytest.raises(NeedsReason):
        refunding.by_seller(
            part.store.owner_id, part.reference, Wanted("k" * 20, francs(5), Cause.MISSING, " ")
        )


# -- by staff ---------------------------------------------------------------------------------------


def test_staff_gives_our_own_money_and_the_seller_keeps_the_sale(app, time):
    part = sale(Stage.CONFIRMED)

    refunding.by_staff(part.reference, wanted(2_000, Cause.STAFF), Voice("awa", "x", "geste"))

    assert wallet(part.store.owner_id) == 11_500
    assert ledger.balance(chart.expense("goodwill", "XOF")) == francs(2_000)
    assert figures.of(again(part)).net == francs(11_500)
    assert whole() == []


def test_our_own_money_waits_for_the_release(app, time):
    with pytest.raises(NotThatStep):
        refunding.by_staff(
            sale(Stage.SENT).reference, wanted(100, Cause.STAFF), Voice("awa", "x", "geste")
        )


def test_much_money_takes_two_people_who_say_the_same(app, time):
    part = sale(Stage.CONFIRMED, price=200_000)
    one, other = Voice("Awa", "x", "jamais reçu"), Voice("Koffi", "y", "jamais reçu")
    asked = wanted(150_000, Cause.NOT_RECEIVED)

    assert refunding.by_staff(part.reference, asked, one) is None
    assert refunding.by_staff(part.reference, asked, one) is None, "one person counts once"
    assert wallet(part.order.user_id) == 0
    row = refunding.by_staff(part.reference, asked, other)

    assert row is not None
    assert (row.actor, wallet(part.order.user_id)) == ("staff", 150_000)
    assert whole() == []


# -- any sequence -----------------------------------------------------------------------------------


def test_any_sequence_of_refunds_sums_to_zero_in_the_books(app, time):
    """G4: random baskets and refunds, before and after the release; the books prove each of them."""
    dice = random.Random(20_261_121)
    for _basket in range(SEQUENCES):
        part = sale(Stage.ACCEPTED, dice.randint(1, 90_000), dice.choice([0, 500, 1_000, 2_500]))
        end = dice.choice([Stage.CONFIRMED, Stage.HANDED_OVER, Stage.DECIDED, None])
        for step in range(dice.randint(1, 6)):
            if step == 2 and end is not None and again(part).escrow == "held":
                close(part, end)
            give_some(part, dice)
        prove(part)
    assert whole() == []


def close(part: SellerOrder, end: Stage) -> None:
    held = again(part).held
    if end is Stage.DECIDED:
        if held.amount > 2:
            by, third = By(Actor.STAFF, words="cassé"), Money(held.amount // 3, "XOF")
            fulfilment.decide(part.reference, end, by, third or francs(1))
    else:
        take(part, end)


def give_some(part: SellerOrder, dice: random.Random) -> None:
    part = again(part)
    cause = dice.choice(OF_SELLER)
    left = refund_rows.left(part, cause).amount
    if left and part.escrow != "refunded":
        amount = left if dice.random() < 0.15 else dice.randint(1, left)
        refund(part, amount, cause)


def prove(part: SellerOrder) -> None:
    part = again(part)
    rows = refund_rows.of_part(part)
    back = sum(r.price_amount + r.delivery_amount + r.fee_amount for r in rows)
    borne = sum(r.seller_amount + r.platform_amount + r.provider_amount for r in rows)
    assert back == borne == wallet(part.order.user_id)
    owed = debts.owed(part.store.owner_id, "XOF").amount
    commission = figures.of(part).commission.amount
    held = part.held.amount if part.escrow == "held" else 0
    seller = wallet(part.store.owner_id) - owed
    kept = 0 if part.escrow == "held" else commission
    assert back + seller + kept + held == part.total_amount
    if part.escrow != "held":
        assert seller == figures.of(part).net.amount
    assert where_agrees(part)


def where_agrees(part: SellerOrder) -> bool:
    where = whereabouts.of(part)
    return where.escrow == part.escrow and whereabouts.for_buyer(part, where) != ""


def test_a_part_is_sent_on_to_the_phone_that_paid(street):
    from tests.orders.test_order_refunds import paid
    from tests.orders.test_order_refunds import wallet as in_wallet

    part = paid(street)
    refund(part, 1_200)

    jobs.run("return_parts")
    street.pass_(120)

    assert in_wallet(street, part) == 0
    [moved] = street.world.payouts.book()
    assert moved.amount == francs(1_200)
    assert clock.now() > again(part).paid_at
    assert street.findings() == []
