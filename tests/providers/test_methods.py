"""The table of methods, walked row by row, and what is computed from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from shop import phone
from shop.money import CurrencyMismatch, Money
from shop.phone import COUNTRIES, CURRENCIES
from shop.providers import PROVIDERS, methods
from shop.providers.methods import Consent, FeePayer

ROWS = methods.rows()

#: Who serves several operators: the operator alone does not name a method then.
AGGREGATORS = {
    name for name in PROVIDERS if len({m.operator for m in ROWS if m.provider == name}) > 1
}


@pytest.mark.parametrize("method", ROWS, ids=lambda method: method.code)
def test_each_row_is_sane(method):
    provider = PROVIDERS[method.provider]
    assert method.country in provider.countries
    assert method.country in COUNTRIES
    assert method.currency == CURRENCIES[method.country]
    names = [method.operator, method.country]
    if method.provider in AGGREGATORS:
        names.insert(0, method.provider)
    assert method.code == "-".join(names).lower()
    assert Money(0, method.currency) < method.minimum < method.maximum
    assert method.refusal(method.minimum) is None
    assert method.refusal(method.maximum) is None
    assert bool(method.ussd) == bool(method.ussd_hint_fr) == bool(method.ussd_hint_en)
    assert method.ussd in method.ussd_hint_fr
    assert method.ussd in method.ussd_hint_en
    if method.consent in (Consent.APP, Consent.REDIRECT) or method.provider not in AGGREGATORS:
        assert provider.can.hosted_page == (method.consent in (Consent.APP, Consent.REDIRECT))
    assert method.checked_on <= date(2030, 1, 1)


def test_every_provider_and_country_it_serves_has_a_row():
    served = {(m.provider, m.country) for m in ROWS}

    assert served == {(n, c) for n, provider in PROVIDERS.items() for c in provider.countries}


def test_a_row_that_is_not_enabled_is_kept_and_not_offered(monkeypatch: pytest.MonkeyPatch):
    hidden = replace(methods.get("mtn-bj"), enabled=False)
    table = {row.code: row for row in ROWS} | {hidden.code: hidden}

    monkeypatch.setattr(methods, "_table", lambda: table)

    assert methods.get("mtn-bj") is hidden
    assert hidden in methods.rows()
    assert hidden not in methods.all_methods()
    assert hidden not in methods.for_country("BJ", "XOF")


def test_methods_of_a_country_and_currency():
    assert [m.code for m in methods.for_country("CI", "XOF") if m.provider not in AGGREGATORS] == [
        "orange-ci",
        "mtn-ci",
        "wave-ci",
    ]
    assert methods.for_country("CI", "XAF") == ()
    assert {m.operator for m in methods.for_country("TG", "XOF")} == {"tmoney", "moov"}


def test_burkina_is_not_in_webpay():
    direct = [m for m in methods.for_country("BF", "XOF") if m.provider not in AGGREGATORS]

    assert [m.code for m in direct] == ["wave-bf"]


#: What the FeexPay guide's countries have: sixteen wallets at the least (issue 3).
PROMISED = {
    "BJ": {"mtn", "moov", "celtiis", "coris"},
    "CI": {"mtn", "moov", "orange", "wave"},
    "TG": {"tmoney", "moov"},
    "SN": {"orange", "free", "wave"},
    "BF": {"orange", "moov"},
    "CG": {"mtn"},
}


def test_the_sixteen_promised_wallets_are_served_by_feexpay():
    served = {(m.country, m.operator) for m in ROWS if m.provider == "feexpay"}
    promised = {(country, one) for country, wallets in PROMISED.items() for one in wallets}

    assert len(promised) == 16
    assert promised <= served


def test_eleven_countries_can_pay():
    assert {m.country for m in methods.all_methods()} == {
        "CI", "SN", "BJ", "TG", "BF", "ML", "NE", "GN", "CM", "CG", "CD",
    }  # fmt: skip


def test_an_aggregator_is_never_free_of_charge():
    """A fee of 0 that nobody promised would win every choice by cost."""
    assert [m.code for m in ROWS if m.provider in AGGREGATORS and not m.fee_basis_points] == []


def test_an_unknown_code_is_a_key_error():
    with pytest.raises(KeyError):
        methods.get("orange-bf")


@pytest.mark.parametrize(
    ("amount", "fee"), [(100, 1), (101, 2), (150, 2), (200, 2), (99_999, 1000)]
)
def test_a_fee_is_rounded_up(amount, fee):
    assert methods.get("wave-ci").fee(Money(amount, "XOF")) == Money(fee, "XOF")


def test_the_total_holds_the_fee_only_where_the_buyer_bears_it():
    shop_pays = methods.get("wave-ci")
    buyer_pays = replace(shop_pays, fee_payer=FeePayer.BUYER, fee_fixed=Money(10, "XOF"))

    assert shop_pays.total(Money(1000, "XOF")) == Money(1000, "XOF")
    assert buyer_pays.total(Money(1000, "XOF")) == Money(1020, "XOF")


@pytest.mark.parametrize(
    ("amount", "nearest"),
    [(1, 100), (97, 100), (102, 100), (103, 105), (2_000_001, 2_000_000), (0, 100)],
)
def test_a_refused_amount_names_the_nearest_accepted_one(amount, nearest):
    by_five = replace(methods.get("wave-ci"), step=Money(5, "XOF"))

    refusal = by_five.refusal(Money(amount, "XOF"))

    assert refusal is not None
    assert refusal.nearest == Money(nearest, "XOF")
    assert by_five.refusal(refusal.nearest) is None


def test_another_currency_is_an_error_not_an_amount():
    with pytest.raises(CurrencyMismatch):
        methods.get("wave-ci").refusal(Money(1000, "XAF"))


@pytest.mark.parametrize(
    ("number", "country", "code"),
    [
        ("0701020304", "CI", "orange-ci"),
        ("0501020304", "CI", "mtn-ci"),
        ("0101020304", "CI", None),
        ("0160130000", "BJ", "moov-bj"),
        ("0161130000", "BJ", "mtn-bj"),
        ("771234567", "SN", "orange-sn"),
    ],
)
def test_the_prefix_suggests_a_method_and_never_wave(number, country, code):
    direct = [row for row in ROWS if row.provider not in AGGREGATORS]
    guess = methods.suggested(phone.parse(number, country), direct)

    assert (guess.code if guess else None) == code


def test_wave_alone_is_not_suggested():
    assert methods.suggested(phone.parse("0701020304", "CI"), [methods.get("wave-ci")]) is None


def test_a_wrong_row_stops_the_program():
    row = methods.get("mtn-ci")

    for wrong in (
        replace(row, step=Money(0, "XOF")),
        replace(row, minimum=Money(3_000_000, "XOF")),
        replace(row, minimum=Money(101, "XOF"), step=Money(5, "XOF")),
        replace(row, consent=Consent.GUIDED, ussd=""),
        replace(row, session_s=10),
        replace(row, fee_basis_points=-1),
    ):
        with pytest.raises(AssertionError, match="mtn-ci"):
            methods._check(wrong)
