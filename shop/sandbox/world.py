"""The simulated world: phones, prompts, the book of what moved, and time that `tick` moves on.

Nothing here reads a wall clock, starts a thread or draws from a global source of chance, so that a
seed and a schedule always give the same story. The server ticks it in the background; a
simulation ticks it by hand.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from shop import clock as shop_clock
from shop.money import Money
from shop.sandbox import book as stored
from shop.sandbox.book import Book
from shop.sandbox.faults import FaultKind, Faults
from shop.sandbox.handsets import UNREGISTERED, Handsets
from shop.sandbox.payouts import Payouts, Refunds
from shop.sandbox.post import Letter, Post
from shop.sandbox.switches import Switches
from shop.sandbox.values import (
    Delivery,
    Desk,
    Movement,
    Phone,
    Prompt,
    Sms,
    State,
    Why,
)

#: A late success without its own delay comes this long after the request had expired.
_LATE_S = 60.0


class World:
    """Everything the simulated providers share. All of it is safe to call from several threads."""

    def __init__(
        self, *, store: str = ":memory:", clock: Callable[[], datetime] = shop_clock.now,
        rng: random.Random, deliver: Callable[[Delivery], int] | None = None,
        shop_url: str = "http://127.0.0.1:5000", phones_url: str = "http://127.0.0.1:9100",
    ) -> None:  # fmt: skip
        """Open the world. `deliver` sends one webhook and gives the status it met (0: none)."""
        self.shop_url = shop_url.rstrip("/")
        self.phones_url = phones_url.rstrip("/")
        self.desks: dict[str, Desk] = {}
        self.faults = Faults(self.desks)
        self.book_file = Book(store, clock, rng)
        self.switches = Switches(self.book_file)
        self.handsets = Handsets(self.book_file)
        self.post = Post(self.book_file, self.desks, deliver)
        self.payouts = Payouts(self.book_file, self.handsets, self.desks, self.post)
        self.refunds = Refunds(self.book_file, self.handsets, self.desks, self.post)
        self._journal: deque[str] = deque(maxlen=100_000)

    # -- what providers call --------------------------------------------------------------------

    def open_desk(self, desk: Desk) -> None:
        """Let a provider behave its own way when payers act."""
        self.desks[desk.name] = desk

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other thread out while something is looked up and then changed."""
        return self.book_file.changing()

    def now(self) -> datetime:
        """The present moment of this world."""
        return self.book_file.now()

    def ask(
        self, provider: str, *, provider_ref: str, reference: str, merchant: str, amount: Money,
        valid_s: float, phone: str | None = None, details: dict[str, Any] | None = None,
    ) -> Prompt:  # fmt: skip
        """Create a request for money; with a phone it appears there at once."""
        now = self.now().timestamp()
        if phone is not None:
            self.handsets.get(phone)
        values = {
            "provider": provider, "provider_ref": provider_ref, "reference": reference,
            "merchant": merchant, "amount": amount.amount, "currency": amount.currency,
            "phone": phone, "state": State.OPEN, "created_at": now, "expires_at": now + valid_s,
            "details": json.dumps(details or {}),
        }  # fmt: skip
        with self.book_file.changing():
            prompt_id = self.book_file.insert("prompts", values)
            prompt = self.prompt(prompt_id)
            if self.desks[provider].expires_alone:
                self._later(valid_s, prompt_id, "expire")
            self._plan_forgery(prompt)
            self._say(f"{provider} asks {amount} for {reference}")
        return prompt

    def find(self, provider: str, provider_ref: str) -> Prompt | None:
        """Find a request by the provider's id."""
        row = self.book_file.row(
            "SELECT * FROM prompts WHERE provider = ? AND provider_ref = ?", provider, provider_ref
        )
        return None if row is None else stored.prompt(row)

    def search(self, provider: str, reference: str) -> list[Prompt]:
        """Find requests by the merchant's reference, newest first."""
        rows = self.book_file.rows(
            "SELECT * FROM prompts WHERE provider = ? AND reference = ? ORDER BY id DESC",
            provider, reference,
        )  # fmt: skip
        return [stored.prompt(row) for row in rows]

    def latest(self, provider: str) -> list[Prompt]:
        """Give a provider's newest request, or none."""
        sql = "SELECT * FROM prompts WHERE provider = ? ORDER BY id DESC LIMIT 1"
        return [stored.prompt(row) for row in self.book_file.rows(sql, provider)]

    def amend(self, prompt_id: int, **details: object) -> None:
        """Change what only its provider keeps about a request."""
        with self.book_file.changing():
            merged = self.prompt(prompt_id).details | details
            self.book_file.change("prompts", prompt_id, {"details": json.dumps(merged)})

    def expire(self, prompt_id: int) -> bool:
        """Close an open request unpaid; False when it was closed already."""
        with self.book_file.changing():
            prompt = self.prompt(prompt_id)
            if prompt.state is not State.OPEN:
                return False
            state = self.desks[prompt.provider].expired_state
            self._close(prompt, state, Why.TIMEOUT)
        return True

    def later(self, seconds: float, prompt_id: int, action: str, word: str = "") -> None:
        """Plan `settle`, `fail` (with its reason as word) or `expire` for a later tick."""
        with self.book_file.changing():
            self._later(seconds, prompt_id, action, word)

    def remember(self, provider: str, name: str, value: object) -> None:
        """Keep a provider's own fact (a token, an API user)."""
        with self.book_file.changing():
            self.book_file.run(
                "INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", provider, name, json.dumps(value)
            )

    def recall(self, provider: str, name: str) -> Any:
        """Give back a provider's own fact, or None."""
        row = self.book_file.row(
            "SELECT value FROM notes WHERE provider = ? AND name = ?", provider, name
        )
        return None if row is None else json.loads(row["value"])

    # -- what payers do -------------------------------------------------------------------------

    def phone(self, e164: str) -> Phone:
        """Find or make a phone. Raises `NoSuchPhone` when the text is not a number."""
        return self.handsets.get(e164)

    def prompt(self, prompt_id: int) -> Prompt:
        """Find a request by its number in this world. Raises `KeyError`."""
        row = self.book_file.row("SELECT * FROM prompts WHERE id = ?", prompt_id)
        if row is None:
            raise KeyError(prompt_id)
        return stored.prompt(row)

    def pending_prompts(self, phone: str | None = None) -> list[Prompt]:
        """List what waits on a phone (or anywhere), newest first."""
        rows = self.book_file.rows(
            "SELECT * FROM prompts WHERE state = 'open' AND NOT ignored "
            "AND (?1 IS NULL OR phone = ?1) ORDER BY id DESC", phone,
        )  # fmt: skip
        return [stored.prompt(row) for row in rows]

    def prompts(self, phone: str) -> list[Prompt]:
        """List everything a phone was ever asked, newest first."""
        rows = self.book_file.rows("SELECT * FROM prompts WHERE phone = ? ORDER BY id DESC", phone)
        return [stored.prompt(row) for row in rows]

    def present(self, prompt_id: int, phone: str) -> Prompt:
        """Open a link or hosted page on a phone; what is closed already keeps its payer."""
        self.handsets.get(phone)
        with self.book_file.changing():
            if self._can_answer(self.prompt(prompt_id)):
                self.book_file.change("prompts", prompt_id, {"phone": phone, "ignored": 0})
        return self.prompt(prompt_id)

    def accept(self, prompt_id: int) -> bool:
        """Type the PIN. True when this very call changed something; a second accept never pays."""
        with self.book_file.changing():
            prompt = self.prompt(prompt_id)
            if not self._can_answer(prompt) or self._too_late(prompt):
                return False
            assert prompt.phone, "a link is opened on a phone first: present()"
            why = self._objection(prompt)
            if why is not None:
                self._try_failed(prompt, why)
            else:
                self._begin(prompt)
        return True

    def refuse(self, prompt_id: int, why: str = Why.DECLINED) -> bool:
        """Say no, or mistype the code. True when this very call changed something."""
        with self.book_file.changing():
            prompt = self.prompt(prompt_id)
            if not self._can_answer(prompt):
                return False
            if self.desks[prompt.provider].walks_away and why == Why.DECLINED:
                return self.ignore(prompt_id)
            if self._too_late(prompt):
                return False
            self._try_failed(prompt, why)
        return True

    def ignore(self, prompt_id: int) -> bool:
        """Put the phone away: the request stays open and is no longer shown."""
        with self.book_file.changing():
            prompt = self.prompt(prompt_id)
            if prompt.state is not State.OPEN or prompt.ignored:
                return False
            self.book_file.change("prompts", prompt_id, {"ignored": 1})
        return True

    def pay(self, provider: str, reference: str, phone: str | None = None) -> bool:
        """Pay the newest request with this merchant reference, opening its link on `phone`."""
        prompt = self._newest(provider, reference, phone)
        return prompt is not None and self.accept(prompt.id)

    def decline(self, provider: str, reference: str, phone: str | None = None) -> bool:
        """Refuse the newest request with this merchant reference."""
        prompt = self._newest(provider, reference, phone)
        return prompt is not None and self.refuse(prompt.id)

    # -- what happened --------------------------------------------------------------------------

    def book(self, provider: str | None = None) -> list[Movement]:
        """List every sum that really moved, in order: the oracle."""
        rows = self.book_file.rows(
            "SELECT m.*, p.provider, p.reference, p.provider_ref FROM movements m "
            "JOIN prompts p ON p.id = m.prompt_id "
            "WHERE ?1 IS NULL OR p.provider = ?1 ORDER BY m.id", provider,
        )  # fmt: skip
        return [stored.movement(row) for row in rows]

    def merchant_balance(self, provider: str, currency: str) -> Money:
        """What a provider holds for the merchant."""
        return self.handsets.balance(f"merchant:{provider}", currency)

    def send_sms(self, to: str, text: str) -> int:
        """Put a text message into a phone's inbox."""
        return self.handsets.write(to, text)

    def inbox(self, phone: str) -> list[Sms]:
        """List a phone's messages, newest first."""
        return self.handsets.inbox(phone)

    def letters(self) -> list[Letter]:
        """List every webhook ever queued, oldest first."""
        return self.post.letters()

    def log(self) -> list[str]:
        """Tell what happened so far, one line each: the same seed and schedule give the same."""
        return list(self._journal)

    # -- time -----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Let everything due by now happen: first what was planned, then the webhooks."""
        self.advance()
        self.send_webhooks()

    def advance(self) -> None:
        """Let what was planned happen, in the order of its time; sends nothing."""
        with self.book_file.changing():
            now = self.now().timestamp()
            due = "SELECT * FROM timers WHERE due_at <= ? ORDER BY due_at, id LIMIT 1"
            while (timer := self.book_file.row(due, now)) is not None:
                self.book_file.run("DELETE FROM timers WHERE id = ?", timer["id"])
                self._happen(self.prompt(timer["prompt_id"]), timer["action"], timer["word"])
            self.payouts.advance()
            self.refunds.advance()

    def send_webhooks(self) -> None:
        """Try every webhook whose time has come."""
        for delivery, status in self.post.send_due():
            self._say(
                f"{delivery.provider} tells {delivery.reference}"
                f"{' (forged)' if delivery.forged else ''}, try {delivery.attempt}: {status}"
            )

    def next_due(self) -> datetime | None:
        """When the next tick has something to do; None when nothing is planned."""
        row = self.book_file.row("SELECT min(due_at) AS due FROM timers")
        moments = [row["due"] if row else None, self.post.next_due()]
        moments += [self.payouts.next_due(), self.refunds.next_due()]
        known = [moment for moment in moments if moment is not None]
        return stored.moment(min(known)) if known else None

    def close(self) -> None:
        """Put the book away."""
        self.book_file.close()

    # -- helpers --------------------------------------------------------------------------------

    def _happen(self, prompt: Prompt, action: str, word: str) -> None:
        if action == "expire":
            self.expire(prompt.id)
        elif action == "forge":
            self._forge(prompt)
        elif action == "fail" and prompt.state in (State.OPEN, State.PROCESSING):
            self._try_failed(prompt, word)
        elif action == "settle" and prompt.moved is None:
            self._settle(prompt)

    def _objection(self, prompt: Prompt) -> str | None:
        """Say why this phone cannot pay this request, or None."""
        assert prompt.phone is not None
        only = prompt.details.get("only_payer")
        if only and only != prompt.phone:
            return Why.PAYER_MISMATCH
        if prompt.phone.endswith(UNREGISTERED):
            return Why.NOT_REGISTERED
        held = self.handsets.balance(prompt.phone, prompt.amount.currency)
        return Why.INSUFFICIENT_FUNDS if held < prompt.amount else None

    def _can_answer(self, prompt: Prompt) -> bool:
        """Whether the payer's word still counts; a late success has been accepted already."""
        return prompt.state is State.OPEN and not prompt.details.get("accepted")

    def _too_late(self, prompt: Prompt) -> bool:
        if self.now() < prompt.expires_at:
            return False
        self._close(prompt, self.desks[prompt.provider].expired_state, Why.TIMEOUT)
        return True

    def _begin(self, prompt: Prompt) -> None:
        """Start moving the money: now, after the provider's pause, or late by a fault."""
        names = (prompt.reference, prompt.provider_ref)
        late = self.faults.take_one(prompt.provider, FaultKind.LATE_SUCCESS, *names)
        if late is not None:
            over = (prompt.expires_at - self.now()).total_seconds() + _LATE_S
            self.ignore(prompt.id)
            self.amend(prompt.id, accepted=True)
            self._later(over if late.seconds is None else late.seconds, prompt.id, "settle")
            return
        least, most = self.desks[prompt.provider].settle_s
        if most == 0:
            self._settle(prompt)
            return
        self.book_file.change("prompts", prompt.id, {"state": State.PROCESSING})
        self._later(self.book_file.rng.uniform(least, most), prompt.id, "settle")

    def _settle(self, prompt: Prompt) -> None:
        """Move the money once, close the request as paid and announce it."""
        assert prompt.phone is not None
        now = self.now()
        moved = self._really_moved(prompt)
        # The last six digits count, so that no two movements ever share a name.
        digits = self.book_file.letters(6, "0123456789") + f"{prompt.id % 1_000_000:06d}"
        transaction_id = self.desks[prompt.provider].name_money(prompt, digits, now)
        self.book_file.insert(
            "movements",
            {
                "prompt_id": prompt.id, "transaction_id": transaction_id, "amount": moved.amount,
                "currency": moved.currency, "payer": prompt.phone, "at": now.timestamp(),
            },
        )  # fmt: skip
        self.handsets.move(prompt.phone, f"merchant:{prompt.provider}", moved)
        paid = {"moved_amount": moved.amount, "moved_currency": moved.currency}
        self.book_file.change("prompts", prompt.id, paid | {"transaction_id": transaction_id})
        self._close(prompt, State.SUCCEEDED, None)

    def _really_moved(self, prompt: Prompt) -> Money:
        names = (prompt.reference, prompt.provider_ref)
        wrong = self.faults.take_one(prompt.provider, FaultKind.WRONG_AMOUNT, *names)
        amount = prompt.amount.amount
        if wrong is not None:
            amount = wrong.amount if wrong.amount is not None else amount - -(-amount // 10)
        currency = prompt.amount.currency
        if self.faults.take_one(prompt.provider, FaultKind.WRONG_CURRENCY, *names):
            currency = "XAF" if currency != "XAF" else "XOF"
        return Money(max(amount, 1), currency)

    def _try_failed(self, prompt: Prompt, why: str) -> None:
        """Fail for good, or leave open for another try, as this provider does."""
        if self.desks[prompt.provider].reopens:
            self.book_file.change("prompts", prompt.id, {"reason": why})
            self._announce(self.prompt(prompt.id))
            self._say(f"{prompt.provider} {prompt.reference} is tried in vain: {why}")
        else:
            self._close(prompt, State.FAILED, why)

    def _close(self, prompt: Prompt, state: State, why: str | None) -> None:
        self.book_file.change(
            "prompts", prompt.id,
            {"state": state, "reason": why, "completed_at": self.now().timestamp()},
        )  # fmt: skip
        self._say(f"{prompt.provider} {prompt.reference} is {state}{f': {why}' if why else ''}")
        self._announce(self.prompt(prompt.id))

    def _announce(self, prompt: Prompt) -> None:
        letter = self.desks[prompt.provider].announce(prompt, event_id=self.event_id())
        names = (prompt.reference, prompt.provider_ref)
        if letter is None or self.faults.take_one(prompt.provider, FaultKind.NO_WEBHOOK, *names):
            return
        twice = self.faults.take_one(prompt.provider, FaultKind.DUPLICATE_WEBHOOKS, *names)
        for delay_s in (0.0, 2.0, 5.0) if twice else (0.0,):
            self.post.add(prompt.provider, prompt.reference, letter, delay_s=delay_s)

    def _plan_forgery(self, prompt: Prompt) -> None:
        names = (prompt.reference, prompt.provider_ref)
        fault = self.faults.take_one(prompt.provider, FaultKind.FORGED_WEBHOOK, *names)
        if fault is not None:
            self._later(1.0 if fault.seconds is None else fault.seconds, prompt.id, "forge")

    def _forge(self, prompt: Prompt) -> None:
        lie = self.desks[prompt.provider].forge(prompt, event_id=self.event_id())
        if lie is not None:
            self.post.add(prompt.provider, prompt.reference, lie, forged=True)

    def event_id(self) -> str:
        """Draw the id of a webhook event."""
        return self.book_file.letters(
            12, "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
        )

    def _newest(self, provider: str, reference: str, phone: str | None) -> Prompt | None:
        found = self.search(provider, reference)
        if found and found[0].phone is None and phone is not None:
            return self.present(found[0].id, phone)
        return found[0] if found else None

    def _later(self, seconds: float, prompt_id: int, action: str, word: str = "") -> None:
        due = self.now() + timedelta(seconds=seconds)
        values = {
            "due_at": due.timestamp(), "prompt_id": prompt_id, "action": action, "word": word,
        }  # fmt: skip
        self.book_file.insert("timers", values)

    def _say(self, words: str) -> None:
        self._journal.append(f"{self.now().isoformat(timespec='milliseconds')} {words}")
