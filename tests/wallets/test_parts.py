"""What a wallet pays of an order: alone or beside mobile money, held, posted or given back, once."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask.testing import FlaskClient

from shop import jobs, settlement, wallet_parts
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.cashback import campaigns
from shop.cashback import service as cashback
from shop.cashback.campaigns import Campaign, timedelta
from shop.db import session
from shop.errors import InsufficientFunds
from shop.ledger import chart
from shop.orders.models import Order
from shop.orders.states import Stage
from shop.payments.refusals import AttemptUnderWay
from shop.wallets.models import PartStatus
from tests.marketplace import make_order, make_product, make_store, make_user, sign_in, stock_of
from tests.orders.paid import again, take
from tests.street import Street
from tests.wallets.owners import available, francs, is_voided, mixed, part_of

PHONE = "+2250701020377"
#: An order of `make_order`: 24,500 of articles and 2,500 of delivery.
TOTAL = 27_000


@pytest.fixture
def buyer(street: Street) -> User:
    return make_user()


def is_paid(order: Order) -> bool:
    session.rollback()
    return session.get_one(Order, order.id).status == "paid"


def test_a_wallet_pays_an_order_alone(street: Street, buyer: User):
    street.fund(francs(30_000), user=buyer)
    product = make_product(stock=3)
    order = make_order((product, 1), user=buyer)

    wallet_parts.pay(order.id, buyer.id)
    wallet_parts.pay(order.id, buyer.id)

    assert is_paid(order)
    assert available(buyer) == 3_000
    assert stock_of(product) == 2
    assert part_of(order).status == PartStatus.POSTED
    assert street.findings() == []


def test_a_wallet_too_small_moves_nothing(street: Street, buyer: User):
    street.fund(francs(26_999), user=buyer)
    order = make_order(user=buyer)

    with pytest.raises(InsufficientFunds):
        wallet_parts.pay(order.id, buyer.id)

    assert not is_paid(order)
    assert available(buyer) == 26_999
    assert street.findings() == []


def test_while_a_phone_is_asked_the_wallet_waits(street: Street, buyer: User):
    street.fund(francs(30_000), user=buyer)
    order = make_order(user=buyer)
    street.sent(order)

    with pytest.raises(AttemptUnderWay):
        wallet_parts.pay(order.id, buyer.id)

    assert available(buyer) == 30_000


def test_wallet_and_phone_pay_together(street: Street, buyer: User):
    street.fund(francs(10_000), user=buyer)
    one, two = make_product(price=5_000), make_product(price=7_000)
    order = make_order((one, 1), (two, 1), user=buyer)  # 5,000 + 2,500 and 7,000 + 2,500
    payment = mixed(street, order, 8_000)
    assert payment.amount - payment.fee_amount == 9_000
    assert available(buyer) == 2_000
    assert part_of(order).status == PartStatus.HELD
    assert street.findings() == []

    street.approve(payment)
    street.pass_(120)

    assert is_paid(order)
    assert part_of(order).status == PartStatus.POSTED
    held = [street.balance(chart.escrow(p.id, "XOF")).amount for p in order.seller_orders]
    assert held == [7_500, 9_500]
    assert available(buyer) == 2_000
    assert street.findings() == []


def test_when_the_phone_refuses_the_wallet_s_part_is_back(street: Street, buyer: User):
    street.fund(francs(10_000), user=buyer)
    order = make_order(user=buyer)
    payment = mixed(street, order, 8_000, "mtn-ci")

    street.refuse(payment)
    street.pass_(120)

    assert street.again(payment).status == "failed"
    assert is_voided(order)
    assert available(buyer) == 10_000
    assert street.findings() == []


def test_when_nobody_answers_the_wallet_s_part_is_back(street: Street, buyer: User):
    street.fund(francs(10_000), user=buyer)
    order = make_order(user=buyer)
    payment = mixed(street, order, 8_000, "mtn-ci")

    street.pass_(3_600)

    assert street.again(payment).status == "failed"
    assert is_voided(order)
    assert available(buyer) == 10_000
    assert street.findings() == []


def test_money_after_the_part_went_back_is_the_payer_s(street: Street, buyer: User):
    street.fund(francs(10_000), user=buyer)
    order = make_order(user=buyer)
    payment = mixed(street, order, 8_000)
    settlement.give_up(payment.id)
    assert is_voided(order)

    street.approve(payment)
    street.pass_(600)

    assert not is_paid(order)
    assert available(buyer) == 10_000 + 19_000
    assert street.findings() == []


def test_a_second_way_may_use_the_wallet_again(street: Street, buyer: User):
    street.fund(francs(10_000), user=buyer)
    order = make_order(user=buyer)
    first = mixed(street, order, 8_000, "mtn-ci")
    settlement.give_up(first.id)
    second = mixed(street, order, 10_000, "wave-ci")
    street.approve(second)
    street.pass_(120)
    street.approve(first)
    street.pass_(600)

    assert is_paid(order)
    assert available(buyer) == 19_000, "what came second is whole in the wallet"
    assert street.findings() == []


def test_a_refund_goes_to_the_phone_as_far_as_it_came_from_there(street: Street, buyer: User):
    street.fund(francs(10_000), "wave", user=buyer)
    order = make_order(user=buyer)
    payment = mixed(street, order, 10_000)
    street.approve(payment)
    street.pass_(120)

    [part] = order.seller_orders
    take(part, Stage.REFUSED)
    jobs.run("return_refunds")
    street.pass_(600)

    assert available(buyer) == 10_000
    assert sum(b.amount.amount for b in street.world.refunds.book()) == 17_000
    assert street.findings() == []


def test_the_pages_offer_the_wallet(street: Street, client: FlaskClient):
    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    order = make_order((make_product(price=4_000), 1), user=user)  # 6,500
    pay = f"/order/{order.reference}/payment/"
    assert 'data-test="wallet-offer"' not in client.get(pay).text

    street.fund(francs(2_000), user=user)
    assert "?wallet=2000" in client.get(pay).text
    mixed_page = client.get(f"{pay}?wallet=2000").text
    assert f'action="{pay}?wallet=2000"' in mixed_page
    assert "Payer 4\u202f500" in mixed_page.replace("\u00a0", "\u202f")

    street.fund(francs(5_000), user=user)
    assert 'data-test="pay-from-wallet"' in client.get(pay).text
    answer = client.post(f"/order/{order.reference}/wallet/")
    assert answer.location == f"/order/{order.reference}/"
    assert is_paid(order)
    assert f"/order/{order.reference}/" in client.get("/wallet/").text


def test_a_large_part_asks_for_the_pin(street: Street, client: FlaskClient):
    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    street.fund(francs(50_000), user=user)
    order = make_order(user=user)

    refused = client.post(f"/order/{order.reference}/wallet/", data={"pin": "11111"})
    assert refused.status_code == 422
    assert not is_paid(order)

    client.post(f"/order/{order.reference}/wallet/", data={"pin": "83627"})
    assert is_paid(order)


def test_a_stranger_s_wallet_pays_nothing(street: Street, client: FlaskClient, buyer: User):
    sign_in(client, PHONE)
    street.fund(francs(50_000), user=accounts.proven(PHONE))
    order = make_order(user=buyer)

    assert client.post(f"/order/{order.reference}/wallet/").status_code == 404
    assert not is_paid(order)


# -- cashback -----------------------------------------------------------------------------------


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> Campaign:
    one = Campaign(
        "essai",
        False,
        date(2026, 11, 1),
        date(2027, 1, 1),
        1_000,
        francs(2_000),
        timedelta(days=30),
    )
    monkeypatch.setattr(campaigns, "_table", lambda: (one,))
    return one


def sold(street: Street, buyer: User) -> Order:
    """A sale of 10,000 that ended well: it earns 1,000."""
    order = make_order((make_product(price=10_000), 1), user=buyer)
    payment = street.sent(order)
    street.approve(payment)
    street.pass_(60)
    take(order.seller_orders[0], Stage.ACCEPTED)
    take(order.seller_orders[0], Stage.HANDED_OVER)
    return order


def left(buyer: User) -> int:
    session.rollback()
    return sum(money.amount for _grant, money in cashback.living([buyer.id], "XOF"))


def test_a_sale_earns_cashback_once_up_to_the_most(campaign: Campaign):
    assert campaign.earned(francs(10_009)) == francs(1_000)
    assert campaign.earned(francs(50_000)) == francs(2_000)
    assert campaign.earned(francs(9)) == francs(0)


def test_cashback_is_owed_at_the_release_and_cannot_be_withdrawn(street, buyer, campaign):
    sold(street, buyer)

    assert left(buyer) == 1_000
    assert available(buyer) == 0
    assert street.findings() == []


def test_cashback_pays_first_and_comes_back_as_cashback(street, buyer, campaign):
    sold(street, buyer)
    street.fund(francs(20_000), user=buyer)
    order = make_order((make_product(price=5_000), 1), user=buyer)  # 7,500
    wallet_parts.pay(order.id, buyer.id)
    assert (left(buyer), available(buyer)) == (0, 13_500)
    assert part_of(order).cashback_amount == 1_000

    take(again(order.seller_orders[0]), Stage.REFUSED)

    assert (left(buyer), available(buyer)) == (1_000, 20_000)
    assert street.findings() == []


def test_cashback_of_a_voided_part_is_back(street, buyer, campaign):
    sold(street, buyer)
    order = make_order((make_product(price=5_000), 1), user=buyer)
    payment = mixed(street, order, 1_000, "mtn-ci")
    assert left(buyer) == 0

    street.refuse(payment)
    street.pass_(120)

    assert left(buyer) == 1_000
    assert street.findings() == []


def test_cashback_expires_by_a_transfer(street, buyer, campaign):
    sold(street, buyer)
    street.time.pass_(days=29)
    jobs.run("expire_cashback")
    assert left(buyer) == 1_000

    street.time.pass_(days=1, seconds=1)
    jobs.run("expire_cashback")
    jobs.run("expire_cashback")

    assert left(buyer) == 0
    assert street.balance(chart.expense("cashback", "XOF")) == francs(0)
    assert street.findings() == []


def test_the_wallet_shows_cashback_apart(street, client: FlaskClient, campaign):
    sign_in(client, PHONE)
    user = accounts.proven(PHONE)
    make_store()
    sold(street, user)

    page = client.get("/wallet/").text

    assert re.search(r'data-test="wallet-cashback">.*data-montant="1000"', page)
    assert 'data-test="withdraw"' not in page
