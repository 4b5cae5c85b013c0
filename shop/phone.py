"""Phone numbers: E.164 inside, pairs of digits on pages, and a guess at the operator.

The guess (UX §3.3) is a suggestion and never a lock: numbers are portable, and Wave lives on any
network. Prefixes come from `phonenumbers`, whose brand names are sometimes old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

#: Countries we serve, with their calling codes, in the order menus show them.
COUNTRIES: Final = {
    "CI": 225, "SN": 221, "BJ": 229, "TG": 228, "BF": 226, "ML": 223,
    "NE": 227, "GN": 224, "CM": 237, "CG": 242, "CD": 243,
}  # fmt: skip

CURRENCIES: Final = {
    "CI": "XOF", "SN": "XOF", "BJ": "XOF", "TG": "XOF", "BF": "XOF", "ML": "XOF",
    "NE": "XOF", "GN": "GNF", "CM": "XAF", "CG": "XAF", "CD": "CDF",
}  # fmt: skip

#: Words in the library's carrier names -> our operator. Old brands: Areeba is MTN Guinea, Sotelma is
#: Moov Mali, Togo Telecom is T-Money/Yas, Zamani was Orange Niger.
_BRANDS: Final = (
    ("orange", "orange"), ("mtn", "mtn"), ("areeba", "mtn"), ("moov", "moov"), ("etisalat", "moov"),
    ("sotelma", "moov"), ("malitel", "moov"), ("telecel benin", "moov"), ("togo telecom", "tmoney"),
    ("togocel", "tmoney"), ("yas", "free"), ("free", "free"), ("expresso", "expresso"), ("airtel", "airtel"),
    ("vodacom", "mpesa"), ("vodacomm", "mpesa"), ("africell", "africell"), ("celtiis", "celtiis"),
    ("libercom", "celtiis"), ("sahelcom", "zamani"), ("zamani", "zamani"), ("telecel", "telecel"),
    ("nexttel", "nexttel"), ("viettel", "nexttel"), ("warid", "airtel"), ("camtel", "camtel"),
    ("cellcom", "cellcom"),
)  # fmt: skip


class PhoneError(ValueError):
    """The text is not a phone number of a country we serve."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A valid number: E.164 text, country, the operator its prefix suggests, and if it was upgraded."""

    e164: str
    country: str
    operator: str | None
    upgraded: bool = False


def parse(text: str, country: str) -> Phone:
    """Read a number as typed, in the given country unless it says otherwise.

    Old Beninese numbers of eight digits get the `01` they have had since 30 November 2024, and
    `upgraded` says so, for the page to show. Raises `PhoneError`.
    """
    typed = "".join(c for c in text if c.isdigit() or c == "+")
    if not typed.isascii():
        raise PhoneError("digits of another script")
    if typed.startswith("00"):
        typed = "+" + typed[2:]
    for candidate, upgraded in _readings(typed, country):
        try:
            number = phonenumbers.parse(candidate, country)
        except NumberParseException:
            continue
        region = phonenumbers.region_code_for_number(number)
        if phonenumbers.is_valid_number(number) and region in COUNTRIES:
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            return Phone(e164, region, _operator(number), upgraded)
    raise PhoneError("not a number of a country we serve")


def _readings(typed: str, country: str) -> list[tuple[str, bool]]:
    readings = [(typed, False)]
    if country == "BJ" and len(typed) == 8 and typed.isdigit():
        readings.append(("01" + typed, True))
    if typed.startswith("+229") and len(typed) == 12:
        readings.append(("+22901" + typed[4:], True))
    return readings


def _operator(number: phonenumbers.PhoneNumber) -> str | None:
    # Its tables for the whole world take as long to load as Flask: only where a number is looked at.
    from phonenumbers import carrier

    name = carrier.name_for_number(number, "en").lower()
    if number.country_code == COUNTRIES["NE"] and "orange" in name:
        return "zamani"  # Orange left Niger in 2019; the library has not noticed
    return next((operator for word, operator in _BRANDS if word in name), None)


def guess_operator(e164: str) -> str | None:
    """Suggest the operator of a stored number, or None when the prefix tells nothing."""
    return _operator(phonenumbers.parse(e164))


def local(e164: str) -> str:
    """Write the number without its country code, in pairs: `07 01 02 03 04`."""
    number = phonenumbers.parse(e164)
    digits = phonenumbers.national_significant_number(number)
    head = len(digits) % 2
    groups = ([digits[:3]] if head else []) + [
        digits[i : i + 2] for i in range(3 if head else 0, len(digits), 2)
    ]
    return "\u00a0".join(groups)


def international(e164: str) -> str:
    """Write the number with its country code: `+225 07 01 02 03 04`."""
    return f"+{phonenumbers.parse(e164).country_code}\u00a0{local(e164)}"


def example(country: str) -> str:
    """Write a number of this country as people there would: `70 12 34 56`."""
    number = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    assert number is not None, f"{country} has mobile numbers"
    return local(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def masked(e164: str) -> str:
    """Write the number for public pages and messages: `05 •• •• •• 04`."""
    groups = local(e164).split("\u00a0")
    return "\u00a0".join([groups[0], *["••"] * (len(groups) - 2), groups[-1]])
