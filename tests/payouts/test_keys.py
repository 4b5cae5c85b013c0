"""A provider without the keys that sending needs collects as before, and is never offered to send."""

from __future__ import annotations

import pytest

from shop import refunds
from shop.db import session
from shop.money import Money
from shop.payments.models import Payment
from shop.payouts import service as payouts
from shop.providers import against_sandbox, build_providers
from tests.payouts.test_refunds import late_receipt
from tests.street import Street

KEYS = {
    "mtn": (
        "MTN_DISBURSEMENT_SUBSCRIPTION_KEY",
        "MTN_DISBURSEMENT_API_USER",
        "MTN_DISBURSEMENT_API_KEY",
    ),
    "cinetpay": ("CINETPAY_TRANSFER_PASSWORD",),
}


def take_away_keys(street: Street, name: str) -> None:
    """Load the provider again as a shop that only collects has it."""
    settings = against_sandbox({}, 9100) | dict.fromkeys(KEYS[name], "")
    loaded = street.app.extensions["providers"]
    http = loaded[name]._session
    loaded.update(build_providers(settings, names=[name], session=http))


def offered(country: str, operator: str) -> set[str]:
    return {row.provider for row in payouts.payout_methods(country, operator, "XOF")}


@pytest.mark.parametrize("name", KEYS)
def test_without_its_keys_it_is_not_offered_to_send(street: Street, name: str):
    before = offered("CI", "mtn")

    take_away_keys(street, name)

    assert before - offered("CI", "mtn") == {name}


def test_without_its_keys_mtn_gives_nothing_back_but_another_sends(street: Street):
    receipt = late_receipt(street, "mtn-ci", "+2250501020377")
    payment = session.get_one(Payment, receipt.payment_id)
    take_away_keys(street, "mtn")

    road = refunds.road_of(receipt, payment, Money(5_000, "XOF"))

    assert road is not None
    assert (road[0], road[1].provider == "mtn") == ("transfer", False)
