"""What the shopper picks from: one provider x country x operator, read from `methods.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final

from shop.errors import Refusal
from shop.money import Money
from shop.phone import CURRENCIES, Phone


class Consent(StrEnum):
    """How the payer says yes (UX §3.4)."""

    PUSH = "push"
    GUIDED = "guided"
    OTP_BEFORE = "otp_before"
    OTP_AFTER = "otp_after"
    REDIRECT = "redirect"
    APP = "app"


class FeePayer(StrEnum):
    """Who bears the provider's fee."""

    BUYER = "buyer"
    SHOP = "shop"


#: A wallet on any network: no prefix suggests it.
UNTIED_OPERATORS: Final = frozenset({"wave"})


class AmountRefused(Refusal):
    """This method does not take this amount; `nearest` is the closest one it takes."""

    code = "amount_refused"

    def __init__(self, method: str, nearest: Money) -> None:
        super().__init__(f"{method} takes {nearest} instead")
        self.nearest = nearest


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the table, with what can be computed from it."""

    code: str
    provider: str
    country: str
    operator: str
    label: str
    minimum: Money
    maximum: Money
    step: Money
    fee_basis_points: int
    fee_fixed: Money
    fee_payer: FeePayer
    consent: Consent
    fallback: Consent | None
    """The way the operator may ask instead: the waiting page must cover both."""
    ussd: str
    """What the payer can dial when nothing appears; empty when there is nothing to dial."""
    ussd_hint_fr: str
    ussd_hint_en: str
    approve_window_s: int
    session_s: int
    cooldown_s: int
    """Wait before the same payer asks the same amount again, where the operator wants one."""
    checked_on: date
    enabled: bool = True
    """Whether pages offer it; a payment already made with it keeps working either way."""

    @property
    def currency(self) -> str:
        """The only currency of this method."""
        return self.minimum.currency

    def fee(self, amount: Money) -> Money:
        """Give the provider's fee on this amount, rounded up as providers do."""
        return amount.share_up(self.fee_basis_points) + self.fee_fixed

    def total(self, amount: Money) -> Money:
        """Give what the phone will show: the fee is added only where the buyer bears it."""
        return amount + self.fee(amount) if self.fee_payer is FeePayer.BUYER else amount

    def refusal(self, amount: Money) -> AmountRefused | None:
        """Say why this amount cannot be asked, naming the nearest that can; None when it can."""
        steps_down = amount.amount // self.step.amount * self.step.amount
        choices = [Money(steps_down, self.currency), Money(steps_down, self.currency) + self.step]
        inside = [min(max(choice, self.minimum), self.maximum) for choice in choices]
        nearest = min(inside, key=lambda choice: abs((choice - amount).amount))
        return None if nearest == amount else AmountRefused(self.code, nearest)


def rows() -> tuple[Method, ...]:
    """Every row of the table, whether pages offer it or not."""
    return tuple(_table().values())


def all_methods() -> tuple[Method, ...]:
    """Every method pages offer, in the order menus show them."""
    return tuple(m for m in rows() if m.enabled)


def for_country(country: str, currency: str) -> tuple[Method, ...]:
    """The methods a payer of this country can use to pay in this currency."""
    return tuple(m for m in all_methods() if (m.country, m.currency) == (country, currency))


def get(code: str) -> Method:
    """Find a method by its code. Raises `KeyError`."""
    return _table()[code]


def suggested(phone: Phone, methods: Iterable[Method]) -> Method | None:
    """Guess the payer's method from the number's prefix: a suggestion, never a lock (UX §3.3)."""
    tied = (m for m in methods if m.operator not in UNTIED_OPERATORS)
    wanted = (phone.country, phone.operator)
    return next((m for m in tied if (m.country, m.operator) == wanted), None)


@cache
def _table() -> dict[str, Method]:
    text = resources.files(__package__).joinpath("methods.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    rows = [_method({**document["defaults"], **row}) for row in document["method"]]
    table = {row.code: row for row in rows}
    assert len(table) == len(rows), "two methods share a code"
    return table


def _method(row: dict[str, Any]) -> Method:
    """Read one row; a wrong one stops the program here, with its code."""
    currency = CURRENCIES[row["country"]]
    amounts = ("minimum", "maximum", "step", "fee_fixed")
    words: dict[str, Any] = {
        "fee_payer": FeePayer(row["fee_payer"]),
        "consent": Consent(row["consent"]),
        "fallback": Consent(row["fallback"]) if row["fallback"] else None,
    }
    method = Method(**{**row, **{field: Money(row[field], currency) for field in amounts}, **words})
    _check(method)
    return method


def _check(method: Method) -> None:
    assert Money(0, method.currency) < method.step, f"{method.code}: a step is positive"
    assert Money(0, method.currency) < method.minimum <= method.maximum, f"{method.code}: limits"
    for limit in (method.minimum, method.maximum):
        assert limit.amount % method.step.amount == 0, f"{method.code}: {limit} is off the step"
    assert 0 <= method.fee_basis_points < 10_000, f"{method.code}: fee"
    assert Consent.GUIDED not in (method.consent, method.fallback) or method.ussd, (
        f"{method.code}: a guided method says what to dial"
    )
    assert 0 < method.approve_window_s <= method.session_s, f"{method.code}: windows"
