"""Payouts: money a merchant sends to a phone, from what the provider holds for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from shop.money import Money
from shop.sandbox import book as stored
from shop.sandbox.book import Book
from shop.sandbox.handsets import UNREGISTERED, Handsets
from shop.sandbox.post import Post
from shop.sandbox.values import Desk, Payout, State, Why

#: Between the start of a payout and its end.
TAKES_S: Final = 2.0


class Payouts:
    """Every payout of the world. Each leaves PROCESSING once, and moves its money then or never."""

    def __init__(
        self, book: Book, handsets: Handsets, desks: Mapping[str, Desk], post: Post
    ) -> None:
        self._book = book
        self._handsets = handsets
        self._desks = desks
        self._post = post

    def fund(self, provider: str, amount: Money) -> None:
        """Give the merchant money to pay out, as its bank would."""
        with self._book.changing():
            self._handsets.add(f"merchant:{provider}", amount)

    def create(
        self, provider: str, *, provider_ref: str, reference: str, amount: Money, phone: str,
        details: dict[str, Any] | None = None,
    ) -> Payout:  # fmt: skip
        """Make a payout that moves nothing yet."""
        self._handsets.get(phone)
        values = {
            "provider": provider, "provider_ref": provider_ref, "reference": reference,
            "amount": amount.amount, "currency": amount.currency, "phone": phone,
            "state": State.OPEN, "created_at": self._book.now().timestamp(),
            "details": json.dumps(details or {}),
        }  # fmt: skip
        with self._book.changing():
            return self.get(self._book.insert("payouts", values))

    def start(self, payout_id: int, takes_s: float = TAKES_S) -> bool:
        """Let a payout go; False when it had gone already."""
        due = self._book.now().timestamp() + takes_s
        with self._book.changing():
            if self.get(payout_id).state is not State.OPEN:
                return False
            change = {"state": State.PROCESSING, "due_at": due}
            self._book.change("payouts", payout_id, change)
        return True

    def get(self, payout_id: int) -> Payout:
        """Find a payout by its number in this world. Raises `KeyError`."""
        row = self._book.row("SELECT * FROM payouts WHERE id = ?", payout_id)
        if row is None:
            raise KeyError(payout_id)
        return stored.payout(row)

    def find(self, provider: str, provider_ref: str) -> Payout | None:
        """Find a payout by the provider's id."""
        row = self._book.row(
            "SELECT * FROM payouts WHERE provider = ? AND provider_ref = ?", provider, provider_ref
        )
        return None if row is None else stored.payout(row)

    def search(self, provider: str, reference: str) -> list[Payout]:
        """Find payouts by the merchant's reference, newest first."""
        rows = self._book.rows(
            "SELECT * FROM payouts WHERE provider = ? AND reference = ? ORDER BY id DESC",
            provider, reference,
        )  # fmt: skip
        return [stored.payout(row) for row in rows]

    def book(self, provider: str | None = None) -> list[Payout]:
        """List every payout whose money really moved, in order: the oracle."""
        rows = self._book.rows(
            "SELECT * FROM payouts WHERE state = 'succeeded' AND (?1 IS NULL OR provider = ?1) "
            "ORDER BY completed_at, id", provider,
        )  # fmt: skip
        return [stored.payout(row) for row in rows]

    def advance(self) -> None:
        """End every payout whose time has come, inside the world's tick."""
        now = self._book.now().timestamp()
        for row in self._book.rows(
            "SELECT * FROM payouts WHERE state = 'processing' AND due_at <= ? ORDER BY due_at, id",
            now,
        ):
            self._end(stored.payout(row))

    def next_due(self) -> float | None:
        """When the next payout ends, in seconds since 1970; None when none is on its way."""
        row = self._book.row("SELECT min(due_at) AS due FROM payouts WHERE state = 'processing'")
        return None if row is None else row["due"]

    def _end(self, payout: Payout) -> None:
        why = self._objection(payout)
        change: dict[str, object] = {"completed_at": self._book.now().timestamp()}
        if why is None:
            self._handsets.move(f"merchant:{payout.provider}", payout.phone, payout.amount)
            digits = self._book.letters(6, "0123456789") + f"{payout.id % 1_000_000:06d}"
            name = self._desks[payout.provider].name_money(payout, digits, self._book.now())
            change |= {"state": State.SUCCEEDED, "transaction_id": name}
        else:
            change |= {"state": State.FAILED, "reason": why}
        self._book.change("payouts", payout.id, change)
        self._announce(self.get(payout.id))

    def _objection(self, payout: Payout) -> str | None:
        if payout.phone.endswith(UNREGISTERED):
            return Why.NOT_REGISTERED
        held = self._handsets.balance(f"merchant:{payout.provider}", payout.amount.currency)
        return Why.INSUFFICIENT_FUNDS if held < payout.amount else None

    def _announce(self, payout: Payout) -> None:
        event_id = self._book.hex(12)
        letter = self._desks[payout.provider].announce_payout(payout, event_id=event_id)
        if letter is not None:
            self._post.add(payout.provider, payout.reference, letter)
