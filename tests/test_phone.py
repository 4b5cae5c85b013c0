"""Numbers of eleven countries: read as typed, kept as E.164, guessed at and never locked."""

from __future__ import annotations

import pytest

from shop import phone
from shop.phone import COUNTRIES, CURRENCIES, PhoneError, parse

#: Country, number as typed, operator the prefix suggests (UX §3.3).
NUMBERS = [
    ("CI", "07 01 02 03 04", "orange"), ("CI", "05 01 02 03 04", "mtn"), ("CI", "01 01 02 03 04", "moov"),
    ("CI", "0708091011", "orange"), ("CI", "0554545454", "mtn"), ("CI", "0140414243", "moov"),
    ("BJ", "01 42 01 02 03", "mtn"), ("BJ", "0161010203", "mtn"), ("BJ", "0166010203", "mtn"),
    ("BJ", "0190010203", "mtn"), ("BJ", "0197010203", "mtn"), ("BJ", "0145010203", "moov"),
    ("BJ", "0160010203", "moov"), ("BJ", "0164000001", "moov"), ("BJ", "0195010203", "moov"),
    ("BJ", "0199010203", "moov"), ("BJ", "0192010203", "celtiis"), ("BJ", "0193010203", "celtiis"),
    ("SN", "77 123 45 67", "orange"), ("SN", "781234567", "orange"), ("SN", "761234567", "free"),
    ("SN", "701234567", "expresso"), ("ML", "70 12 34 56", "orange"), ("ML", "76123456", "orange"),
    ("ML", "90123456", "orange"), ("ML", "66123456", "moov"), ("ML", "95123456", "moov"),
    ("BF", "54 12 34 56", "orange"), ("BF", "64123456", "orange"), ("BF", "74123456", "orange"),
    ("BF", "50123456", "moov"), ("BF", "60123456", "moov"), ("BF", "70123456", "moov"),
    ("BF", "58123456", "telecel"), ("BF", "78123456", "telecel"), ("TG", "79 12 34 56", "moov"),
    ("TG", "98123456", "moov"), ("TG", "99123456", "moov"), ("TG", "70123456", "tmoney"),
    ("TG", "90123456", "tmoney"), ("TG", "92123456", "tmoney"), ("NE", "80123456", "zamani"),
    ("NE", "90123456", "zamani"), ("NE", "94123456", "moov"), ("NE", "84123456", "moov"),
    ("NE", "96123456", "airtel"), ("NE", "88123456", "airtel"), ("CM", "6 55 12 34 56", "orange"),
    ("CM", "691234567", "orange"), ("CM", "686123456", "orange"), ("CM", "650123456", "mtn"),
    ("CM", "671234567", "mtn"), ("CM", "680123456", "mtn"), ("CM", "661234567", "nexttel"),
    ("CG", "06 612 34 56", "mtn"), ("CG", "066123456", "mtn"), ("CG", "055123456", "airtel"),
    ("CG", "044123456", "airtel"), ("GN", "621 23 45 67", "orange"), ("GN", "611234567", "orange"),
    ("GN", "661234567", "mtn"), ("CD", "841234567", "orange"), ("CD", "891234567", "orange"),
    ("CD", "812345678", "mpesa"), ("CD", "821234567", "mpesa"), ("CD", "971234567", "airtel"),
    ("CD", "991234567", "airtel"), ("CD", "901234567", "africell"),
]  # fmt: skip


def test_there_are_numbers_of_every_country():
    assert {country for country, *_ in NUMBERS} == set(COUNTRIES)
    assert len(NUMBERS) >= 60


@pytest.mark.parametrize(("country", "typed", "operator"), NUMBERS)
def test_a_prefix_suggests_its_operator(country: str, typed: str, operator: str):
    number = parse(typed, country)

    assert number.operator == operator
    assert number.country == country
    assert number.e164.startswith(f"+{COUNTRIES[country]}")
    assert not number.upgraded


@pytest.mark.parametrize(("country", "typed", "_operator"), NUMBERS)
def test_a_number_is_itself_however_it_is_written(country: str, typed: str, _operator: str):
    number = parse(typed, country)
    other = "SN" if country != "SN" else "CI"

    for written in (
        number.e164, number.e164.replace("+", "00"), phone.international(number.e164),
        phone.local(number.e164), f"({typed})", typed.replace(" ", "-"), typed.replace(" ", "."),
    ):  # fmt: skip
        assert parse(written, country).e164 == number.e164
    assert parse(number.e164, other).country == country
    assert phone.guess_operator(number.e164) == number.operator


def test_an_old_beninese_number_is_written_the_new_way():
    """U13."""
    number = parse("64000001", "BJ")

    assert number.upgraded
    assert phone.local(number.e164) == "01\u00a064\u00a000\u00a000\u00a001"
    assert parse("+22964000001", "CI").e164 == number.e164


def test_a_number_in_seven_is_orange_in_abidjan():
    """U12: a suggestion; the form lets any method be chosen."""
    assert parse("0701020304", "CI").operator == "orange"


@pytest.mark.parametrize(
    ("country", "typed"),
    [("CI", ""), ("CI", "07"), ("CI", "0701020"), ("CI", "070102030405"), ("CI", "abc"),
     ("CI", "٠٧٠١٠٢٠٣٠٤"), ("FR", "+33612345678"), ("CI", "+33612345678"), ("BJ", "6400000"),
     ("BF", "7212345"), ("SN", "12"), ("CI", "+")],
)  # fmt: skip
def test_other_texts_are_refused(country: str, typed: str):
    with pytest.raises(PhoneError):
        parse(typed, country)


def test_a_masked_number_keeps_its_ends():
    assert phone.masked("+2250501020304") == "05\u00a0••\u00a0••\u00a0••\u00a004"
    assert phone.masked("+221771234567").endswith("67")


def test_every_country_has_its_money():
    assert set(CURRENCIES) == set(COUNTRIES)
