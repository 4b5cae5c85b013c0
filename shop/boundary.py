"""The flag between databases and providers: neither knows the other, both know this.

`db.transaction()` raises the flag; `providers.base.call()` refuses to speak while it is up, so that
no transaction is ever open while a provider thinks (ARCHITECTURE §5, invariant J5).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_open: ContextVar[bool] = ContextVar("transaction_open", default=False)


def in_transaction() -> bool:
    """Say whether a `transaction()` is open in this thread or task."""
    return _open.get()


@contextmanager
def flagged() -> Iterator[None]:
    """Raise the flag for the length of one transaction; transactions do not nest."""
    assert not _open.get(), "transaction() does not nest"
    token = _open.set(True)
    try:
        yield
    finally:
        _open.reset(token)
