"""PINs: which are refused, and that a stored one opens only with its own digits and the site's key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shop.accounts import pins


@pytest.mark.parametrize(
    "pin",
    [
        "12345",
        "00000",
        "55555",
        "54321",
        "01234",
        "98765",
        "67890",
        "11222",
        "31985",
        "19850",
        "20045",
    ],
)
def test_what_anyone_would_try_first_is_weak(pin):
    assert pins.is_weak(pin)


@pytest.mark.parametrize("pin", ["83627", "40917", "27183", "18620"])
def test_an_ordinary_pin_is_not(pin):
    assert not pins.is_weak(pin)


@pytest.mark.parametrize("text", ["1234", "123456", "1234a", "", "٨٣٦٢٧", "83 27", "²3627"])
def test_only_five_plain_digits_are_a_pin(text):
    assert not pins.is_pin(text)


def test_a_pin_opens_with_its_digits_only(app):
    stored = pins.hash_pin("83627")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert pins.verify_pin(stored, "83627")
    assert not pins.verify_pin(stored, "83628")
    assert not pins.verify_pin(None, "83627")
    assert not pins.verify_pin("not a hash", "83627")


def test_a_stolen_table_is_useless_without_the_key(app):
    stored = pins.hash_pin("83627")
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], secret_key="another")

    assert not pins.verify_pin(stored, "83627")
