"""PINs of five digits: which are refused, how they are kept, how they are checked."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shop.accounts.secrets import keyed

LENGTH: Final = 5

#: OWASP's setting for small servers. Docs: https://cheatsheetseries.owasp.org (password storage)
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

_RUNS: Final = ("01234567890", "09876543210")


def is_pin(text: str) -> bool:
    """Say whether a text is five plain digits."""
    return len(text) == LENGTH and text.isascii() and text.isdigit()


def is_weak(pin: str) -> bool:
    """Say whether a PIN is among the first that anyone would try."""
    assert is_pin(pin), "ask is_pin first"
    few_digits = len(set(pin)) <= 2
    in_order = any(pin in run for run in _RUNS)
    return few_digits or in_order or _holds_a_birth_year(pin)


def _holds_a_birth_year(pin: str) -> bool:
    return any(1930 <= int(pin[i : i + 4]) <= 2029 for i in range(LENGTH - 3))


def hash_pin(pin: str) -> str:
    """Hash a PIN for keeping. There are only 100,000, so the site's key goes in too."""
    return _HASHER.hash(keyed("pin", pin))


def verify_pin(pin_hash: str | None, pin: str) -> bool:
    """Say whether this is the PIN; without a stored one the answer is no, just as slowly."""
    try:
        return _HASHER.verify(pin_hash or _nobody(), keyed("pin", pin)) and pin_hash is not None
    except (VerificationError, InvalidHashError):
        return False


_nobodys: list[str] = []


def _nobody() -> str:
    if not _nobodys:
        _nobodys.append(_HASHER.hash("nobody"))
    return _nobodys[0]
