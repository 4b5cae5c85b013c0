"""Money that goes out: payouts to a phone, and refunds to the phone that had paid."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar

from shop.money import Money
from shop.sandbox import book as stored
from shop.sandbox.book import Book
from shop.sandbox.handsets import UNREGISTERED, Handsets
from shop.sandbox.post import Post
from shop.sandbox.values import Desk, Payout, Prompt, Refund, State, Why

#: Between the start of a payout and its end.
TAKES_S: Final = 2.0

Sending = TypeVar("Sending", Payout, Refund)


class Outgoing(ABC, Generic[Sending]):
    """What leaves the merchant's purse. Each leaves PROCESSING once, moving its money then or never."""

    _table: ClassVar[str]
    _first_number: ClassVar[int]
    """So that the names of what came, left and went back never meet."""

    def __init__(
        self, book: Book, handsets: Handsets, desks: Mapping[str, Desk], post: Post
    ) -> None:
        self._book = book
        self._handsets = handsets
        self._desks = desks
        self._post = post

    def start(self, sending_id: int, takes_s: float = TAKES_S) -> bool:
        """Let one go; False when it had gone already."""
        due = self._book.now().timestamp() + takes_s
        with self._book.changing():
            if self.get(sending_id).state is not State.OPEN:
                return False
            change = {"state": State.PROCESSING, "due_at": due}
            self._book.change(self._table, sending_id, change)
        return True

    def send_now(self, sending_id: int) -> Sending:
        """Let one go and end it at once, as synchronous providers do."""
        with self._book.changing():
            if self.start(sending_id, 0):
                self._end(self.get(sending_id))
            return self.get(sending_id)

    def get(self, sending_id: int) -> Sending:
        """Find one by its number in this world. Raises `KeyError`."""
        found = self._rows("id = ?", sending_id)
        if not found:
            raise KeyError(sending_id)
        return found[0]

    def find(self, provider: str, provider_ref: str) -> Sending | None:
        """Find one by the provider's id."""
        found = self._rows("provider = ? AND provider_ref = ?", provider, provider_ref)
        return found[0] if found else None

    def search(self, provider: str, reference: str) -> list[Sending]:
        """Find them by the merchant's reference, newest first."""
        return self._rows("provider = ? AND reference = ? ORDER BY id DESC", provider, reference)

    def to(self, phone: str) -> list[Sending]:
        """List what was ever sent to a phone, newest first."""
        return self._rows("phone = ? ORDER BY id DESC", phone)

    def latest(self, limit: int, provider: str | None = None) -> list[Sending]:
        """List the newest ones, of one provider or of all."""
        condition = "(?1 IS NULL OR provider = ?1) ORDER BY id DESC LIMIT ?2"
        return self._rows(condition, provider, limit)

    def book(self, provider: str | None = None) -> list[Sending]:
        """List all whose money really moved, in order: the oracle."""
        condition = "state = 'succeeded' AND (?1 IS NULL OR provider = ?1)"
        return self._rows(f"{condition} ORDER BY completed_at, id", provider)

    def advance(self) -> None:
        """End all whose time has come, inside the world's tick."""
        due = "state = 'processing' AND due_at <= ? ORDER BY due_at, id"
        for sending in self._rows(due, self._book.now().timestamp()):
            self._end(sending)

    def next_due(self) -> float | None:
        """When the next one ends, in seconds since 1970; None when none is on its way."""
        waiting = f"FROM {self._table} WHERE state = 'processing'"
        row = self._book.row(f"SELECT min(due_at) AS due {waiting}")
        return None if row is None else row["due"]

    @abstractmethod
    def _read(self, row: sqlite3.Row) -> Sending:
        """Read a row of the table."""

    def _objection(self, sending: Sending) -> str | None:
        """Say why this one cannot go, or None."""
        fails = sending.details.get("fails")
        if fails is not None:
            return str(fails)
        held = self._handsets.balance(f"merchant:{sending.provider}", sending.amount.currency)
        return Why.INSUFFICIENT_FUNDS if held < sending.amount + fee_of(sending) else None

    def _rows(self, condition: str, *args: object) -> list[Sending]:
        sql = f"SELECT * FROM {self._table} WHERE {condition}"  # noqa: S608 - our own words
        return [self._read(row) for row in self._book.rows(sql, *args)]

    def _add(
        self, provider: str, provider_ref: str, reference: str, amount: Money, phone: str,
        details: dict[str, Any] | None, **more: object,
    ) -> Sending:  # fmt: skip
        self._handsets.get(phone)
        values = {
            "provider": provider, "provider_ref": provider_ref, "reference": reference,
            "amount": amount.amount, "currency": amount.currency, "phone": phone,
            "state": State.OPEN, "created_at": self._book.now().timestamp(),
            "details": json.dumps(details or {}),
        }  # fmt: skip
        with self._book.changing():
            return self.get(self._book.insert(self._table, values | more))

    def _end(self, sending: Sending) -> None:
        why = self._objection(sending)
        change: dict[str, object] = {"completed_at": self._book.now().timestamp()}
        if why is None:
            purse = f"merchant:{sending.provider}"
            self._handsets.move(purse, sending.phone, sending.amount)
            self._handsets.add(purse, -fee_of(sending))
            number = (self._first_number + sending.id) % 1_000_000
            digits = self._book.letters(6, "0123456789") + f"{number:06d}"
            name = self._desks[sending.provider].name_money(sending, digits, self._book.now())
            change |= {"state": State.SUCCEEDED, "transaction_id": name}
        else:
            change |= {"state": State.FAILED, "reason": why}
        self._book.change(self._table, sending.id, change)
        self._announce(self.get(sending.id))

    def _announce(self, sending: Sending) -> None:
        event_id = self._book.hex(12)
        letter = self._desks[sending.provider].announce_payout(sending, event_id=event_id)
        if letter is not None:
            self._post.add(sending.provider, sending.reference, letter)


class Payouts(Outgoing[Payout]):
    """Money a merchant sends to a phone, from what the provider holds for it."""

    _table = "payouts"
    _first_number = 400_000

    def fund(self, provider: str, amount: Money) -> None:
        """Give the merchant money to pay out, as its bank would."""
        with self._book.changing():
            self._handsets.add(f"merchant:{provider}", amount)

    def create(
        self, provider: str, *, provider_ref: str, reference: str, amount: Money, phone: str,
        details: dict[str, Any] | None = None,
    ) -> Payout:  # fmt: skip
        """Make a payout that moves nothing yet.

        `details` may hold `fee` (minor units the provider keeps) and `fails` (a fate decided
        beforehand, by a documented test number).
        """
        return self._add(provider, provider_ref, reference, amount, phone, details)

    def _read(self, row: sqlite3.Row) -> Payout:
        return stored.payout(row)

    def _objection(self, sending: Payout) -> str | None:
        if sending.phone.endswith(UNREGISTERED):
            return Why.NOT_REGISTERED
        return super()._objection(sending)


class Refunds(Outgoing[Refund]):
    """Money given back to whoever had paid."""

    _table = "refunds"
    _first_number = 700_000

    def create(
        self, prompt: Prompt, *, provider_ref: str, reference: str, amount: Money,
        details: dict[str, Any] | None = None,
    ) -> Refund:  # fmt: skip
        """Make a refund of a paid request, which moves nothing yet."""
        assert prompt.phone, "what was paid was paid from a phone"
        return self._add(
            prompt.provider, provider_ref, reference, amount, prompt.phone, details,
            prompt_id=prompt.id,
        )  # fmt: skip

    def of(self, prompt: Prompt) -> list[Refund]:
        """List what was ever tried to give back of a request, oldest first."""
        return self._rows("prompt_id = ? ORDER BY id", prompt.id)

    def _read(self, row: sqlite3.Row) -> Refund:
        return stored.refund(row)

    def _objection(self, sending: Refund) -> str | None:
        row = self._book.row("SELECT * FROM prompts WHERE id = ?", sending.prompt_id)
        collected = stored.prompt(row).moved if row else None
        given = [
            other.amount.amount
            for other in self._rows("prompt_id = ? AND state = 'succeeded'", sending.prompt_id)
        ]
        if collected is None or collected.currency != sending.amount.currency:
            return Why.TOO_MUCH
        if sum(given) + sending.amount.amount > collected.amount:
            return Why.TOO_MUCH
        return super()._objection(sending)


def fee_of(sending: Payout) -> Money:
    """Tell what the provider keeps for sending this."""
    return Money(int(sending.details.get("fee", 0)), sending.amount.currency)
