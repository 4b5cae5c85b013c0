"""Refusals: each carries a stable code for programs and leaves its sentence to the pages.

Assertions are for us; these are for people. `messages.py` of the pages words each code in the
reader's language; `str(error)` is for logs and never holds a phone number or a secret.
"""

from __future__ import annotations

from typing import ClassVar

from shop.money import Money


class Refusal(Exception):
    """Something a person asked for is refused, and nothing was changed."""

    #: Stable for programs; one class may carry several, chosen when it is raised.
    code: str = "refused"
    http_status: ClassVar[int] = 422


class NotFound(Refusal):
    """It does not exist, or is not yours: the two look the same on purpose."""

    code = "not_found"
    http_status = 404


class Conflict(Refusal):
    """It was done already, or something else happened first."""

    code = "conflict"
    http_status = 409


class InsufficientFunds(Refusal):
    """A ledger account that may not go below zero would have."""

    code = "insufficient_funds"

    def __init__(self, account: str, available: Money) -> None:
        super().__init__(f"{account} holds {available}")
        self.account = account
        self.available = available


class ConfigurationError(Exception):
    """A setting is missing or wrong; the sentence says which and how to mend it."""
