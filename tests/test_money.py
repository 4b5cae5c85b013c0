"""Money is exact: no unit appears or disappears, no float gets in, and people type as they like."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.money import EXPONENTS, CurrencyMismatch, Money, MoneyError, total

CURRENCY = st.sampled_from(sorted(EXPONENTS))
AMOUNT = st.integers(0, 10**15)


@given(AMOUNT, st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any), CURRENCY)
def test_parts_always_make_the_whole(amount, weights, currency):
    parts = Money(amount, currency).split(weights)

    assert total(parts, currency) == Money(amount, currency)
    assert all(part.amount >= 0 for part in parts)
    assert all(
        abs(part.amount * sum(weights) - amount * weight) < sum(weights)
        for part, weight in zip(parts, weights, strict=True)
    )


@given(AMOUNT, st.integers(0, 10_000), CURRENCY)
def test_a_share_and_the_rest_make_the_whole(amount, basis_points, currency):
    whole = Money(amount, currency)
    share = whole.share(basis_points)

    assert share + (whole - share) == whole
    assert Money(0, currency) <= share <= whole.share_up(basis_points) <= whole
    assert (whole.share_up(basis_points) - share).amount in (0, 1)


@given(AMOUNT, CURRENCY)
def test_what_goes_out_on_the_wire_comes_back(amount, currency):
    money = Money(amount, currency)

    assert Money.from_wire(money.to_wire(), currency) == money


@given(st.one_of(st.floats(), st.decimals(), st.booleans(), st.text("0123456789", min_size=1)))
def test_only_whole_numbers_are_amounts(value):
    with pytest.raises(MoneyError):
        Money(value, "XOF")


@given(st.floats())
def test_no_float_is_read_from_a_provider(value):
    with pytest.raises(MoneyError):
        Money.from_wire(value, "XOF")
    with pytest.raises((MoneyError, TypeError)):
        Money(100, "XOF") * value


@pytest.mark.parametrize(
    "value",
    ["1e3", "-5", "+5", "0x10", "1_000", "5.5", "5.001", " 5", "5 ", "", "٥", "NaN", "Infinity", "007",
     None, True, 5.0, Decimal(5), -5, "5,000", "9" * 25],
)  # fmt: skip
def test_a_provider_is_read_to_the_letter(value):
    with pytest.raises(MoneyError):
        Money.from_wire(value, "XOF")


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [("1000", "XOF", 1000), ("1000.00", "XOF", 1000), (1000, "XOF", 1000), ("0", "XAF", 0),
     ("12.5", "EUR", 1250), ("12.50", "EUR", 1250), ("12.500", "EUR", 1250), (12, "EUR", 1200)],
)  # fmt: skip
def test_a_provider_is_read_exactly(value, currency, amount):
    assert Money.from_wire(value, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    "text",
    ["12500", "12 500", "12.500", "12,500", "12\u00a0500", "12\u202f500", " 12500 "],
)
def test_twelve_thousand_five_hundred_however_it_is_typed(text: str):
    """U14."""
    assert Money.typed(text, "XOF") == Money(12_500, "XOF")


@pytest.mark.parametrize(
    "text",
    [
        "12,5",
        "12.5",
        "abc",
        "",
        "-5",
        "+5",
        "1 2500",
        "12.50",
        "12,5000",
        "1e3",
        "٥٠٠",
        "0x1F",
        "5 F",
    ],
)
def test_other_writings_are_refused(text: str):
    with pytest.raises(MoneyError):
        Money.typed(text, "XOF")


def test_two_currencies_do_not_meet():
    for meet in (Money.__add__, Money.__sub__, Money.__lt__, Money.__ge__):
        with pytest.raises(CurrencyMismatch):
            meet(Money(1, "XOF"), Money(1, "XAF"))
    assert Money(1, "XOF") != Money(1, "XAF")


def test_money_beyond_the_database_is_a_bug():
    with pytest.raises(MoneyError):
        Money(2**63, "XOF")
    with pytest.raises(MoneyError):
        Money(2**62, "XOF") * 4
