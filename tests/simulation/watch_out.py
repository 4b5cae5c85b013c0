"""The witness of what leaves: our payouts, beside the providers' own book of what they sent."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from shop.payouts import checks
from shop.payouts.service import providers
from shop.payouts.states import EDGES, ENDED, Evidence, PayoutStatus, Route
from shop.sandbox.values import Payout, Refund, State
from tests.simulation.tasks import Task

if TYPE_CHECKING:
    from tests.simulation.watch import Watch

#: The calls that move money out; at FedaPay a payout is made by one and sent by another.
MOVES: Final = ("pay_out", "refund", "start")
PAYOUTS: Final = """SELECT id, reference, status, lease_token, lease_until, checks, sent_at, provider,
    route, reason, purpose_id, amount, currency, transaction_ref, late_ref, settled_at FROM payout"""
#: Not yet at an end, and nobody has to decide it.
RUNNING: Final = ("requested", "sending", "pending", "unknown")
#: A person collects a debt; how much of it is still open is no fault of the books.
RULES: Final = {name: query for name, query in checks.RULES.items() if name != "nobody_owes"}

_TWICE: Final = """SELECT provider || ' ' || reference, COUNT(*) FROM payouts
    WHERE state IN ('processing', 'succeeded') GROUP BY provider, reference HAVING COUNT(*) > 1"""
_ABOVE: Final = """SELECT p.provider || ' ' || p.reference, SUM(r.amount) FROM refunds r
    JOIN prompts p ON p.id = r.prompt_id WHERE r.state IN ('processing', 'succeeded')
    GROUP BY p.id HAVING SUM(r.amount) > p.moved_amount"""


@dataclass(frozen=True)
class Underway:
    """A request that the line holds: its provider hears it only when it arrives."""

    reference: str
    arrives_at: datetime


class WatchOut:
    """Looks at payouts for `Watch`, which it tells what it finds."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.begin()

    def begin(self) -> None:
        """Know nothing yet."""
        self._seen: dict[int, sqlite3.Row] = {}
        self._holders: dict[str, Task] = {}
        self.underway: list[Underway] = []

    def look(self) -> None:
        """Take what is there for given."""
        self._seen = {row["id"]: row for row in self._watch.eye.execute(PAYOUTS)}

    # -- calls ----------------------------------------------------------------------------------

    def about_to_send(self, task: Task) -> None:
        """W2: a request that moves money leaves for a committed, leased `sending` only."""
        row = self.row(task.reference)
        self._watch.leaves_once(task)
        if row is None:
            self._find("W2", f"{task.reference} leaves, and is not in our books")
        elif self._watch.skewed:
            return
        elif row["status"] != PayoutStatus.SENDING:
            self._find("W2", f"{task.reference} leaves while it is {row['status']}")
        elif self._holders.get(row["lease_token"]) is not task:
            self._find("W2", f"{task.reference} leaves by {task.name}, who does not hold it")
        elif _moment(row["lease_until"]) < self._watch.hub.now():
            self._find("W2", f"{task.reference} leaves after its lease")

    def row(self, reference: str) -> sqlite3.Row | None:
        """Read a payout by its reference."""
        found = self._watch.eye.execute(f"{PAYOUTS} WHERE reference = ?", (reference,))
        row: sqlite3.Row | None = found.fetchone()
        return row

    def sendings(self, row: sqlite3.Row) -> list[Payout | Refund]:
        """What the provider has of a payout: transfers of its reference, or refunds of its payment."""
        world, provider = self._watch.world, row["provider"]
        if row["route"] == Route.TRANSFER:
            return [*world.payouts.search(provider, row["reference"])]
        paid = self._watch.eye.execute(
            "SELECT p.reference FROM payment p JOIN receipt r ON r.payment_id = p.id WHERE r.id = ?",
            (row["purpose_id"],),
        ).fetchone()
        mine = world.refunds.search(provider, row["reference"])
        # A provider that gives a request back whole knows no name for it but the request's own.
        return [*mine, *world.refunds.search(provider, paid["reference"])]

    # -- commits --------------------------------------------------------------------------------

    def committed(self, task: Task) -> None:
        """Look at what a commit changed, and at whether anything left twice."""
        rows = self._watch.eye.execute(PAYOUTS).fetchall()
        for row in rows:
            self._compare(task, self._seen.get(row["id"]), row)
        self._seen = {row["id"]: row for row in rows}
        self.twice()

    def twice(self) -> None:
        """W1, P10: one payout moves money once; refunds are never more than was paid."""
        for query, rule in ((_TWICE, "W1"), (_ABOVE, "P10")):
            for what, count in self._watch.world.book_file.rows(query):
                self._find(rule, f"{what}: {count}")

    def _compare(self, task: Task, was: sqlite3.Row | None, row: sqlite3.Row) -> None:
        old = PayoutStatus(was["status"]) if was else PayoutStatus.REQUESTED
        new = PayoutStatus(row["status"])
        if old is not new:
            self._moved(task, old, new, row)
        if was is None:
            return
        if row["late_ref"] and not was["late_ref"]:
            self._reached("left_after_return")
        if row["checks"] != was["checks"] and self._holders.get(was["lease_token"] or "") != task:
            self._find("J4", f"{task.name} wrote {row['reference']} without its lease")
        if row["lease_token"] and row["lease_token"] != was["lease_token"]:
            before = self._holders.get(was["lease_token"] or "")
            if before is not None and before.alive and before is not task:
                self._reached("two_workers_on_one_payout")
            self._holders[row["lease_token"]] = task

    def _moved(self, task: Task, old: PayoutStatus, new: PayoutStatus, row: sqlite3.Row) -> None:
        self._watch.hub.trace.say(f"    payout {row['reference']}: {old} -> {new}")
        if old in ENDED:
            self._find("W4", f"{row['reference']} had ended {old} and is {new}")
        elif new not in EDGES[old] and not any(new in EDGES[between] for between in EDGES[old]):
            self._find("W4", f"{row['reference']}: {old} does not become {new}")
        if new is PayoutStatus.UNKNOWN:
            self._reached(f"payout_unknown_at_{row['provider']}")
        if old is PayoutStatus.UNKNOWN and new in (PayoutStatus.PENDING, PayoutStatus.SUCCEEDED):
            self._reached("payout_answer_lost_then_found")
        if new is PayoutStatus.REVIEW:
            self._reached("payout_needs_a_person")
        if new is PayoutStatus.SUCCEEDED:
            self._arrived(row)
        elif new is PayoutStatus.FAILED and not self._watch.skewed:
            self._returned(task, row)
        elif new is PayoutStatus.CANCELLED:
            self._reached("payout_cancelled")
            self._still_there(row, self.sendings(row), "cancelled")

    def _arrived(self, row: sqlite3.Row) -> None:
        route = "refunded" if row["route"] == Route.REFUND else "paid_out"
        self._reached(f"{route}_by_{row['provider']}")
        gone = [one for one in self.sendings(row) if one.state is State.SUCCEEDED]
        if not any(one.amount.amount == row["amount"] for one in gone):
            self._find("W4", f"{row['reference']} succeeded, and nothing left")

    def _returned(self, task: Task, row: sqlite3.Row) -> None:
        """W5: money comes back only when the provider does not have it, and will not."""
        event = self._watch.eye.execute(
            "SELECT evidence, words FROM payout_event WHERE payout_id = ? AND new = 'failed'",
            (row["id"],),
        ).fetchone()
        self._reached(f"payout_returned_{event['evidence']}")
        heard = [one for one, _at in task.heard.get(row["reference"]) or []]
        self._still_there(row, heard or self.sendings(row), f"returned ({event['words']})")
        if self.on_its_way(row):
            self._find("W5", f"{row['reference']} is returned while its request is on its way")
        asked_at = task.asked.get(row["reference"], self._watch.hub.now())
        if event["evidence"] == Evidence.ABSENT and asked_at < self._surely_visible_at(row):
            self._find("W5", f"{row['reference']} was called absent too early")

    def on_its_way(self, row: sqlite3.Row) -> bool:
        """Say whether the request may still arrive within the time that is always waited."""
        surely_at = self._surely_visible_at(row)
        mine = [one for one in self.underway if one.reference == row["reference"]]
        return any(one.arrives_at <= surely_at for one in mine)

    def _still_there(self, row: sqlite3.Row, sendings: list[Any], what: str) -> None:
        for one in sendings:
            if one.state in (State.PROCESSING, State.SUCCEEDED):
                self._find(
                    "W5", f"{row['reference']} is {what} while the provider has it {one.state}"
                )

    @staticmethod
    def _surely_visible_at(row: sqlite3.Row) -> datetime:
        timing = providers()[row["provider"]].timing
        seconds = timing.lease_s + timing.total_s + timing.visibility_lag_s
        return _moment(row["sent_at"]) + timedelta(seconds=seconds)

    # -- the end --------------------------------------------------------------------------------

    def rules(self) -> None:
        """Run the rules between payouts and books."""
        for rule, query in RULES.items():
            for (detail,) in self._watch.eye.execute(query):
                self._find(rule, detail)

    def final(self) -> None:
        """Compare everything, when all is quiet."""
        self.rules()
        self.twice()
        for finding in checks.check():
            if finding.rule != "nobody_owes":
                self._find(finding.rule, finding.detail)
        for row in self._watch.eye.execute(PAYOUTS):
            if row["status"] in RUNNING:
                self._find("V1", f"payout {row['reference']} is still {row['status']}")
            if row["lease_token"]:
                self._find("V2", f"payout {row['reference']} is leased to nobody")

    def running(self) -> bool:
        """Say whether something may still happen to a payout by itself."""
        query = f"SELECT 1 FROM payout WHERE status IN {RUNNING} OR lease_token IS NOT NULL"
        held = "SELECT 1 FROM payout WHERE status = 'held' AND next_check_at IS NOT NULL"
        eye = self._watch.eye
        return bool(self.underway or eye.execute(query).fetchone() or eye.execute(held).fetchone())

    def books_differ(self) -> Iterator[str]:
        """Compare what we believe left with what did, payout by payout."""
        ours: dict[tuple[str, str], int] = {}
        theirs: Counter[tuple[str, str]] = Counter()
        for row in self._watch.eye.execute(PAYOUTS).fetchall():
            key = (row["provider"], row["reference"])
            left = [one for one in self.sendings(row) if one.state is State.SUCCEEDED]
            if left:
                theirs[key] += sum(one.amount.amount for one in left)
            if row["transaction_ref"] or row["late_ref"]:
                ours[key] = row["amount"]
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                yield f"payout {key}: ours {ours.get(key)}, theirs {theirs.get(key)}"
        known = {row["reference"] for row in self._watch.eye.execute(PAYOUTS)}
        for sent in self._watch.world.payouts.book():
            if sent.reference not in known:
                yield f"{sent.provider} sent {sent.amount} for {sent.reference}, unknown to us"

    def left(self) -> Counter[str]:
        """What left each of our floats, by the providers' own book, fees aside."""
        gone: Counter[str] = Counter()
        for sent in [*self._watch.world.payouts.book(), *self._watch.world.refunds.book()]:
            gone[f"float:{sent.provider}:{sent.amount.currency}"] += sent.amount.amount
        return gone

    def _find(self, rule: str, detail: object) -> None:
        self._watch.find(rule, detail)

    def _reached(self, situation: str) -> None:
        self._watch.reached[situation] += 1


def _moment(text: str) -> datetime:
    from tests.simulation.watch import moment

    found = moment(text)
    assert found is not None, "this moment is always written"
    return found
