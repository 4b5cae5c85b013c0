"""An attempt learns its lost name from a signed message on its own address, and from nothing else."""

from __future__ import annotations

import pytest

from shop import leases
from shop.db import session, transaction
from shop.money import Money
from shop.payouts.models import Payout
from shop.sandbox.faults import FaultKind
from tests.marketplace import make_order, make_product
from tests.street import Street


@pytest.fixture
def nameless(street: Street) -> Payout:
    street.world.faults.add("getmipay", FaultKind.LOST_ANSWER, on="pay_out", calls=1)
    user = street.fund(Money(8_000, "XOF"), "getmipay")
    payout = street.withdraw(user, Money(5_000, "XOF"), "getmipay-wave-bf")
    assert payout.provider_ref is None
    return payout


def adopted(*rows: Payout, token: str | None, ref: str | None = "P9", reference=None) -> bool:
    session.rollback()
    with transaction():
        return leases.adopt(rows, token, reference, ref)


def test_it_learns_the_name(nameless: Payout):
    assert adopted(nameless, token=nameless.callback_token)
    assert nameless.provider_ref == "P9"


def test_it_keeps_the_first_name(nameless: Payout):
    adopted(nameless, token=nameless.callback_token)

    assert not adopted(nameless, token=nameless.callback_token, ref="P10")
    assert nameless.provider_ref == "P9"


def test_another_address_names_nothing(nameless: Payout):
    assert not adopted(nameless, token="somebody-else-s")
    assert not adopted(nameless, token=None)


def test_another_reference_contradicts(nameless: Payout):
    assert not adopted(nameless, token=nameless.callback_token, reference="PX7K4M2Q")


def test_a_message_that_names_two_says_nothing_of_either(street: Street, nameless: Payout):
    other = street.withdraw(
        street.fund(Money(8_000, "XOF"), "getmipay"), Money(1_000, "XOF"), "getmipay-wave-bf"
    )

    assert not adopted(nameless, other, token=nameless.callback_token)


def test_a_name_that_is_taken_stays_where_it_is(street: Street, nameless: Payout):
    other = street.withdraw(
        street.fund(Money(8_000, "XOF"), "getmipay"), Money(1_000, "XOF"), "getmipay-wave-bf"
    )
    taken = other.provider_ref
    assert taken

    assert not adopted(nameless, token=nameless.callback_token, ref=taken)


def test_an_unsigned_message_names_nothing(street: Street, nameless: Payout, monkeypatch):
    getmipay = street.app.extensions["providers"]["getmipay"]
    monkeypatch.setattr(getmipay, "_webhook_secrets", ("another-secret",))

    street.pass_(300)

    assert street.payout(nameless).provider_ref is None


def test_a_payment_learns_its_lost_name_too(street: Street):
    street.world.faults.add("getmipay", FaultKind.LOST_ANSWER, on="create", calls=1)
    order = make_order((make_product(price=5_000), 1))
    payment = street.sent(order, "getmipay-wave-bf", payer="+22670123456")
    assert (payment.status, payment.provider_ref) == ("unknown", None)
    assert street.approve(payment)

    street.pass_(300)

    assert street.again(payment).provider_ref is not None
    assert street.again(payment).status == "succeeded"
    assert street.findings() == []
