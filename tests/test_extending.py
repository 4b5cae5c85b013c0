"""The example of docs/extending.md, run word for word; and listeners that misbehave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from shop.signals import payment_settled, tell, webhook_received
from tests.marketplace import make_order
from tests.street import Street

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"


@pytest.fixture
def accounting() -> Iterator[ModuleType]:
    """The example as a module, listening until the test ends."""
    [text] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module = ModuleType("accounting")
    exec(text, module.__dict__)  # the page's own words are what is tested
    module.listen()
    yield module
    payment_settled.disconnect(module.on_settled)
    for listener in list(webhook_received.receivers_for("any")):
        webhook_received.disconnect(listener)


def test_the_example_tells_of_each_paid_payment(street: Street, accounting: ModuleType):
    paid, refused = street.sent(make_order()), street.sent(make_order(), "mtn-ci")
    assert street.approve(paid)
    assert street.refuse(refused)
    street.pass_(60)

    words = f"{paid.money.to_wire()} XOF by wave"
    assert {paid.reference: words} == accounting.TOLD
    assert set(accounting.HEARD) == {"wave", "mtn"}


def test_the_example_catches_up_on_what_it_missed(street: Street, accounting: ModuleType):
    payment = street.sent(make_order())
    street.approve(payment)
    street.pass_(30)
    accounting.TOLD.clear()

    accounting.catch_up(street.time.now() - timedelta(hours=1))

    assert list(accounting.TOLD) == [payment.reference]


def test_a_failing_listener_disturbs_nobody(street: Street, caplog):
    told: list[str] = []

    def broken(_sender: str) -> None:
        raise RuntimeError("the other program is down")

    def fine(sender: str) -> None:
        told.append(sender)

    for listener in (broken, fine):
        payment_settled.connect(listener)
        webhook_received.connect(listener)
    payment = street.sent(make_order())
    street.approve(payment)
    street.pass_(30)

    assert street.again(payment).status == "succeeded"
    assert told == ["wave", payment.reference]
    assert "a listener of payment-settled failed" in caplog.text
    assert street.findings() == []


def test_telling_nobody_is_nothing():
    tell(payment_settled, "PX7K4M2Q")
