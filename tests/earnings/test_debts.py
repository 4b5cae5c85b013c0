"""What a seller owes is shown, recovered oldest first, capped, and a line of its own on the statement."""

from __future__ import annotations

import pytest

from shop.db import session
from shop.debts import service as debts
from shop.earnings import planning, reading, service
from shop.earnings.models import PayoutDeduction
from shop.earnings.planning import Debts, Repaid
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money
from shop.orders import refunding
from shop.orders.models import SellerOrder
from shop.orders.policy import Cause
from shop.orders.refunding import Wanted
from shop.payouts.models import Payout
from shop.stores.models import Store
from tests.earnings.shops import make_shop, release, wallet
from tests.street import Street


def francs(amount: int) -> Money:
    return Money(amount, "XOF")


def refund(store: Store, part: SellerOrder, amount: int, key: str) -> None:
    session.rollback()
    wanted = Wanted(key.ljust(20, "k"), francs(amount), Cause.MISSING, "manque")
    refunding.by_seller(store.owner_id, part.reference, wanted)


def pay(store: Store, key: str = "form-key-0123456789") -> Payout | None:
    return service.pay_now(store.id, key, language="fr")


def sums(store: Store, payout: Payout) -> tuple[int, list[int], int, int]:
    statement = reading.statement_of(store.id, payout.reference)
    deducted = [line.amount.amount for line in statement.deductions]
    amount = statement.sum.amount - sum(deducted) - statement.taken.amount
    return statement.sum.amount, deducted, statement.taken.amount, amount


def whole(street: Street) -> bool:
    """Prove the books; these orders were paid by no payment, which is the only thing to find."""
    return {finding.rule for finding in street.findings()} <= {"order_paid_once"}


@pytest.fixture
def shop(street: Street) -> Store:
    return make_shop(street)


def paid_out(street: Street, store: Store, price: int = 20_000) -> SellerOrder:
    """Sell, release, and send the money to the seller's phone."""
    part = release(store, price)
    assert pay(store, f"paid-out-{part.reference}") is not None
    street.pass_(120)
    assert wallet(street, store) == 0
    return part


def test_a_refund_before_the_payout_is_a_line_of_the_next_statement(street, shop):
    part = release(shop)  # 20,000 + 1,000 - 1,000 of commission
    refund(shop, part, 4_000, "a")

    payout = pay(shop)

    assert payout is not None
    assert sums(shop, payout) == (20_000, [3_800], 0, 16_200)
    assert payout.amount == 16_200
    assert wallet(street, shop) == 0
    street.pass_(120)
    assert street.payout(payout).status == "succeeded"
    assert whole(street)


def test_a_refund_after_the_payout_is_a_debt_recovered_by_half_of_each_payout(street, shop):
    refund(shop, paid_out(street, shop), 21_000, "a")
    assert debts.owed(shop.owner_id, "XOF") == francs(20_000)
    release(shop)

    first = pay(shop, "first-0123456789ab")

    assert first is not None
    assert sums(shop, first) == (20_000, [10_000], 0, 10_000)
    assert debts.owed(shop.owner_id, "XOF") == francs(10_000)
    street.pass_(120)
    release(shop, 40_000)
    second = pay(shop, "second-0123456789a")
    assert second is not None
    assert sums(shop, second) == (39_000, [10_000], 0, 29_000)
    assert debts.owed(shop.owner_id, "XOF") == francs(0)
    street.pass_(120)
    assert wallet(street, shop) == 0
    assert whole(street)


def test_the_oldest_debt_is_recovered_first(street, shop):
    old, new = paid_out(street, shop), paid_out(street, shop)
    refund(shop, old, 4_000, "a")
    refund(shop, new, 4_000, "b")
    release(shop, 9_000)

    payout = pay(shop)

    assert payout is not None
    statement = reading.statement_of(shop.id, payout.reference)
    assert [line.reference for line in statement.deductions] == [old.reference, new.reference]
    assert [line.amount.amount for line in statement.deductions] == [3_800, 975]
    assert [d.reference for d in debts.open_of(shop.owner_id, "XOF")] == [new.reference]


def test_a_payout_that_comes_back_brings_its_deductions_back(street, shop):
    refund(shop, paid_out(street, shop), 4_000, "a")
    release(shop, 9_000)
    first = pay(shop, "first-0123456789ab")
    assert first is not None
    from shop import payout_decisions

    payout_decisions.cancel_payout(first.id, "user")

    again = pay(shop, "second-0123456789a")

    assert again is not None
    assert sums(shop, again) == (9_550, [3_800], 0, 5_750)
    assert session.query(PayoutDeduction).count() == 2
    assert ledger.balance(chart.debt(shop.owner_id, "XOF")) == francs(0)
    street.pass_(120)
    assert whole(street)


def test_the_payouts_page_shows_the_debt_and_where_it_came_from(street, shop, client):
    from tests.marketplace import sign_in

    part = paid_out(street, shop)
    refund(shop, part, 4_000, "a")
    sign_in(client, session.get_one(service.User, shop.owner_id).phone)

    page = client.get("/store/payouts/").text

    assert 'data-test="debt"' in page
    assert part.reference[:4] in page
    assert "50 %" in page.replace("\u202f", " ").replace("\xa0", " ")


def test_the_statement_shows_each_deduction_with_its_order(street, shop, client):
    from tests.marketplace import sign_in

    part = release(shop)
    refund(shop, part, 4_000, "a")
    payout = pay(shop)
    assert payout is not None
    sign_in(client, session.get_one(service.User, shop.owner_id).phone)

    page = client.get(f"/store/payouts/{payout.reference}/").text

    assert 'data-test="deduction"' in page
    assert f"/store/orders/{part.reference}/" in page


# -- the plan itself, without a database -------------------------------------------------------------


def plan(lines: list[int], wallet: int, owed: int = 0, repaid: tuple[int, ...] = ()):
    from shop import clock

    owned = [planning.Owed(n, f"O{n}", francs(a), clock.now()) for n, a in enumerate(lines)]
    seen = [Repaid(n, f"R{n}", francs(a)) for n, a in enumerate(repaid)]
    return planning.plan(owned, francs(wallet), [], None, Debts(francs(owed), 5_000, seen))


@pytest.mark.parametrize(
    ("lines", "wallet", "owed", "repaid", "amount", "deducted", "taken", "recovered"),
    [
        ([10_000], 10_000, 0, (), 10_000, [], 0, 0),
        ([10_000], 7_000, 0, (3_000,), 7_000, [3_000], 0, 0),
        ([10_000], 5_000, 0, (3_000,), 5_000, [3_000], 2_000, 0),
        ([10_000], 9_000, 0, (3_000,), 9_000, [1_000], 0, 0),
        ([10_001], 10_001, 90_000, (), 5_001, [], 0, 5_000),
        ([10_000], 10_000, 1_000, (), 9_000, [], 0, 1_000),
        ([10_000], 6_000, 9_000, (4_000,), 3_000, [4_000], 0, 3_000),
    ],
)
def test_a_plan_names_what_is_missing_and_keeps_its_share(
    app, lines, wallet, owed, repaid, amount, deducted, taken, recovered
):
    made = plan(lines, wallet, owed, repaid)

    assert made.amount == francs(amount)
    assert [one.amount.amount for one in made.deducted] == deducted
    assert (made.taken, made.recovered) == (francs(taken), francs(recovered))
    spent = sum(deducted) + taken + recovered + amount
    assert spent == sum(lines)
