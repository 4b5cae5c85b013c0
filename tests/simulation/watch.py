"""What must be true after every commit and at the end, by a witness who reads the rows and both books."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shop.ledger import audit
from shop.orders import checks as order_checks
from shop.payments import checks
from shop.payments.service import providers
from shop.payments.states import EDGES, ENDED, PaymentStatus
from shop.sandbox.values import Prompt, State
from shop.sandbox.world import World
from tests.simulation.tasks import Hub, Task
from tests.simulation.watch_escrow import WatchEscrow
from tests.simulation.watch_out import MOVES, WatchOut

_PAYMENTS: Final = """SELECT id, reference, status, lease_token, lease_until, checks, superseded_at,
    sent_at, provider, page_url, reason, purpose_id FROM payment"""
_RECEIPTS: Final = """SELECT r.id, r.provider, r.transaction_ref, r.amount, r.currency, r.note, r.payment_id,
    r.disposition FROM receipt r WHERE r.id > ? ORDER BY r.id"""
_SHELVES: Final = """SELECT p.id, p.stock, p.stock + COALESCE((SELECT SUM(h.quantity) FROM stock_hold h
    WHERE h.product_id = p.id AND h.state IN ('held', 'consumed')), 0) FROM product p"""
_RETURNED_TOO_EARLY: Final = """SELECT p.reference FROM payment p
    JOIN stock_hold h ON h.order_id = p.purpose_id
    WHERE p.status IN ('created', 'sending', 'pending', 'unknown') AND h.state = 'returned'"""
#: What each provider holds for us by our books, and what of that it kept as a fee.
_FLOATS: Final = """SELECT a.code, SUM(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END)
    FROM transfer t JOIN ledger_account a ON a.id IN (t.debit_id, t.credit_id)
    WHERE a.kind = 'float' GROUP BY a.code"""
_FEES: Final = """SELECT a.code, SUM(t.amount) FROM transfer t JOIN ledger_account a ON a.id = t.credit_id
    JOIN ledger_account f ON f.id = t.debit_id AND f.kind = 'expense'
    WHERE a.kind = 'float' GROUP BY a.code"""
_LIVE: Final = ("created", "sending", "pending", "unknown")
#: Every so many commits the rules between payments and books are run too.
_RULES_EVERY: Final = 5
_NOTES: Final = {
    "double": "double_success",
    "short": "short_amount",
    "over": "surplus",
    "contradiction": "wrong_currency",
    "wrong_currency": "wrong_currency",
}


def moment(text: str | None) -> datetime | None:
    """Read a time as SQLite keeps it."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def within_reach(prompt: Prompt, page_url: str | None) -> bool:
    """Say whether the payer can still answer: on a phone that rang, or on a page we were told of."""
    if prompt.provider == "fedapay" and prompt.details.get("mode"):
        return prompt.reason is None  # its request rings once; another try needs the page
    if prompt.details.get("url"):
        return page_url is not None
    return prompt.phone is not None


class Watch:
    """Looks at every commit of every task. What it finds ends the schedule."""

    def __init__(
        self, hub: Hub, eye: sqlite3.Connection, world: World, reached: Counter[str]
    ) -> None:
        self.hub, self.eye, self.world, self.reached = hub, eye, world, reached
        eye.row_factory = sqlite3.Row
        self.out = WatchOut(self)
        self.held = WatchEscrow(self)
        self.begin()

    def begin(self) -> None:
        """Know nothing yet."""
        self.violations: list[str] = []
        self.skewed = False
        self._seen: dict[int, sqlite3.Row] = {}
        self._holders: dict[str, Task] = {}
        self._senders: dict[str, Task] = {}
        self._last_receipt = 0
        self._commits = 0
        self._first = {row[0]: row[2] for row in self.eye.execute(_SHELVES)}
        self._floats = dict(self.eye.execute(_FLOATS).fetchall())
        self.out.begin()
        self.held.begin()

    def look(self) -> None:
        """Take what is there for given: the story begins now."""
        self._seen = {row["id"]: row for row in self.eye.execute(_PAYMENTS)}
        self.out.look()
        self.held.look()

    def find(self, rule: str, detail: object) -> None:
        """Note a broken rule."""
        self.violations.append(f"{rule}: {detail}")
        self.hub.trace.say(f"!!! {rule}: {detail}")

    # -- calls ----------------------------------------------------------------------------------

    def about_to_send(self, task: Task) -> None:
        """J5: no transaction is open. W2: a request leaves for a committed, leased `sending` only."""
        if task.open:
            self.find("J5", f"{task.name} calls a provider inside a transaction")
        if task.operation in MOVES:
            self.out.about_to_send(task)
        elif task.operation == "collect":
            self._about_to_collect(task)
        else:
            task.asked[task.reference] = self.hub.now()

    def _about_to_collect(self, task: Task) -> None:
        row = self.eye.execute(f"{_PAYMENTS} WHERE reference = ?", (task.reference,)).fetchone()
        self.leaves_once(task)
        if row is None:
            self.find("W2", f"{task.reference} leaves, and is not in our books")
        elif self.skewed:
            return  # a lease is as long as clocks agree; what it guards is looked at all the same
        elif row["status"] != PaymentStatus.SENDING:
            self.find("W2", f"{task.reference} leaves while it is {row['status']}")
        elif self._holders.get(row["lease_token"]) is not task:
            self.find("W2", f"{task.reference} leaves by {task.name}, who does not hold it")
        elif (moment(row["lease_until"]) or self.hub.now()) < self.hub.now():
            self.find("W2", f"{task.reference} leaves after its lease")

    def leaves_once(self, task: Task) -> None:
        """Whatever a reference asks for leaves by one sender, whoever has died meanwhile."""
        if self._senders.setdefault(task.reference, task) is not task:
            self.find("W2", f"{task.reference} leaves again, by {task.name}")

    def answered(self, task: Task) -> None:
        """Remember what the provider knew when it spoke."""
        payout = self.out.row(task.reference)
        task.heard[task.reference] = (
            self.prompts(task.reference)
            if payout is None
            else [(one, self.hub.at) for one in self.out.sendings(payout)]
        )

    def prompts(self, reference: str) -> list[tuple[Prompt, datetime]]:
        """The provider's requests under a reference, and when they were looked at."""
        rows = self.world.book_file.rows("SELECT id FROM prompts WHERE reference = ?", reference)
        return [(self.world.prompt(row["id"]), self.hub.at) for row in rows]

    # -- commits --------------------------------------------------------------------------------

    def committed(self, task: Task) -> None:
        """Look at what a commit changed."""
        self._commits += 1
        if task.skew:
            self.reached["skewed_clock_wrote"] += 1
        rows = self.eye.execute(_PAYMENTS).fetchall()
        for row in rows:
            self._compare(task, self._seen.get(row["id"]), row)
        self._receipts()
        self.out.committed(task)
        self.held.committed(task)
        self._seen = {row["id"]: row for row in rows}
        self._shelves()
        if self._commits % _RULES_EVERY == 0:
            self.rules()

    def _compare(self, task: Task, was: sqlite3.Row | None, row: sqlite3.Row) -> None:
        old = PaymentStatus(was["status"]) if was else PaymentStatus.CREATED
        new = PaymentStatus(row["status"])
        if old is not new:
            self._moved(task, old, new, row)
        if was is None:
            return
        if row["checks"] != was["checks"]:
            holder = self._holders.get(was["lease_token"] or "")
            if holder is not task:
                self.find("J4", f"{task.name} wrote {row['reference']} without its lease")
            if new is PaymentStatus.UNKNOWN and task.heard.get(row["reference"]) == []:
                self.reached["absence_was_too_early"] += 1
        if row["lease_token"] and row["lease_token"] != was["lease_token"]:
            before = self._holders.get(was["lease_token"] or "")
            if before is not None and before.alive and before is not task:
                self.reached["two_workers_on_one_payment"] += 1
            self._holders[row["lease_token"]] = task

    def _moved(self, task: Task, old: PaymentStatus, new: PaymentStatus, row: sqlite3.Row) -> None:
        self.hub.trace.say(f"    {row['reference']}: {old} -> {new}")
        if old in ENDED:
            self.find("P2", f"{row['reference']} had ended {old} and is {new}")
        elif new not in EDGES[old] and not self._reachable(old, new):
            self.find("P1", f"{row['reference']}: {old} does not become {new}")
        if old is PaymentStatus.UNKNOWN and new in (PaymentStatus.PENDING, PaymentStatus.SUCCEEDED):
            self.reached["answer_lost_then_found"] += 1
        if new is PaymentStatus.UNKNOWN:
            self.reached[f"unknown_at_{row['provider']}"] += 1
        if new is PaymentStatus.SUCCEEDED and row["superseded_at"]:
            self.reached["given_up_brought_money"] += 1
        if new is PaymentStatus.FAILED and not self.skewed:
            self._judged(task, row)

    @staticmethod
    def _reachable(old: PaymentStatus, new: PaymentStatus) -> bool:
        """Two edges in one commit: claimed as unknown, or answered with money at once."""
        return any(new in EDGES[between] for between in EDGES[old])

    def _judged(self, task: Task, row: sqlite3.Row) -> None:
        """D6, W5: an attempt fails on the provider's word, or on an absence seen late enough."""
        reference = row["reference"]
        event = self.eye.execute(
            "SELECT source, words FROM payment_event WHERE payment_id = ? AND new = 'failed'",
            (row["id"],),
        ).fetchone()
        if row["reason"] in ("short", "wrong_currency") or event["source"] == "staff":
            return
        heard = task.heard.get(reference) or self.prompts(reference)
        for prompt, at in heard:
            open_still = prompt.state is State.OPEN and at < prompt.expires_at
            open_still = open_still and within_reach(prompt, row["page_url"])
            if open_still or prompt.state in (State.PROCESSING, State.SUCCEEDED):
                words = f"{reference} failed ({event['words']}) while the provider has it"
                self.find("D6", f"{words} {prompt.state}")
        if row["reason"] == "operator_down" and event["source"] == "verify":
            self._absent(task, row)

    def _absent(self, task: Task, row: sqlite3.Row) -> None:
        self.reached["absence_ended_an_attempt"] += 1
        timing = providers()[row["provider"]].timing
        sent_at = moment(row["sent_at"])
        assert sent_at is not None, "an attempt that was never sent cannot be absent"
        visible_s = timing.lease_s + timing.total_s + timing.visibility_lag_s
        asked_at = task.asked.get(row["reference"], self.hub.now())
        if asked_at < sent_at + timedelta(seconds=visible_s):
            self.find("W5", f"{row['reference']} was called absent too early")

    def _receipts(self) -> None:
        for receipt in self.eye.execute(_RECEIPTS, (self._last_receipt,)).fetchall():
            self._last_receipt = receipt["id"]
            payment = self._seen.get(receipt["payment_id"])
            self.hub.trace.say(
                f"    receipt of {receipt['amount']} {receipt['currency']}: {receipt['note']}"
            )
            self.reached[f"paid_by_{receipt['provider']}"] += 1
            self._situate(receipt, payment["status"] if payment else "")
            moved = self.world.book_file.row(
                "SELECT m.amount, m.currency FROM movements m JOIN prompts p ON p.id = m.prompt_id "
                "WHERE p.provider = ? AND m.transaction_id = ?",
                receipt["provider"],
                receipt["transaction_ref"],
            )
            if moved is None:
                self.find("P3", f"receipt {receipt['transaction_ref']}: nothing moved")
            elif (moved["amount"], moved["currency"]) != (receipt["amount"], receipt["currency"]):
                self.find(
                    "P3", f"receipt {receipt['transaction_ref']}: {moved['amount']} really moved"
                )

    def _situate(self, receipt: sqlite3.Row, was: str) -> None:
        if situation := _NOTES.get(receipt["note"]):
            self.reached[situation] += 1
        if was == PaymentStatus.FAILED:
            self.reached["late_success_after_failed"] += 1
        if receipt["note"] == "not_wanted":
            self.reached["stock_gone_at_late_success"] += 1

    def _shelves(self) -> None:
        for product_id, stock, everywhere in self.eye.execute(_SHELVES):
            if stock < 0 or everywhere != self._first[product_id]:
                self.find("E4", f"article {product_id}: {everywhere} of {self._first[product_id]}")
        for (reference,) in self.eye.execute(_RETURNED_TOO_EARLY):
            self.find("B3", f"stock was returned while {reference} may still be paid")

    def rules(self) -> None:
        """Run the rules between payments and books."""
        for rule, query in (checks.RULES | order_checks.RULES).items():
            for (detail,) in self.eye.execute(query):
                self.find(rule, detail)
        self.out.rules()

    # -- the end --------------------------------------------------------------------------------

    def final(self, *, blind: str = "") -> None:
        """Compare everything, when all is quiet; of a provider out of reach nobody knows the book."""
        self.rules()
        for finding in audit.check():
            self.find(finding.rule, finding.detail)
        for finding in self._books_differ():
            if not blind or blind not in finding:
                self.find("oracle", finding)
        for row in self.eye.execute(_PAYMENTS):
            if row["status"] in _LIVE:
                self.find("V1", f"{row['reference']} is still {row['status']}")
            if row["lease_token"]:
                self.find("V2", f"{row['reference']} is leased to nobody")
        self.out.final()
        self.held.final()
        for (number,) in self.eye.execute("SELECT id FROM webhook_event WHERE status = 'queued'"):
            self.find("J1", f"message {number} is still queued")

    def quiet(self) -> bool:
        """Say whether nothing can happen any more: looking again for late money would find none."""
        live = f"SELECT 1 FROM payment WHERE status IN {_LIVE} OR lease_token IS NOT NULL"
        queued = "SELECT 1 FROM webhook_event WHERE status = 'queued'"
        return (
            self.world.next_due() is None
            and not self.out.running()
            and not self.held.waiting()
            and not any(self.eye.execute(query).fetchone() for query in (live, queued))
            and not any(self._books_differ())
        )

    def _books_differ(self) -> Iterator[str]:
        ours: dict[Any, Any] = {
            (r["provider"], r["transaction_ref"]): (r["amount"], r["currency"])
            for r in self.eye.execute(_RECEIPTS, (0,))
        }
        theirs: dict[Any, Any] = {}
        held: Counter[str] = Counter()
        for m in self.world.book():
            theirs[m.provider, m.transaction_id] = (m.amount.amount, m.amount.currency)
            held[f"float:{m.provider}:{m.amount.currency}"] += m.amount.amount
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                yield f"{key}: ours {ours.get(key)}, theirs {theirs.get(key)}"
        held.subtract(self.out.left())
        kept = Counter(dict(self.eye.execute(_FLOATS).fetchall()))
        kept.subtract(self._floats)
        kept.update(dict(self.eye.execute(_FEES).fetchall()))
        if +held != +kept or -held != -kept:
            yield f"floats: they hold {dict(held)} of ours, we count {dict(kept)}"
        yield from self.out.books_differ()
