"""The post: webhooks waiting to go out, tried again as their provider would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shop.sandbox.book import Book
from shop.sandbox.values import Announcement, Delivery, Desk


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook in the queue or already gone, for whoever looks into the post."""

    id: int
    provider: str
    reference: str
    url: str
    body: bytes
    forged: bool
    attempts: int
    waiting: bool
    last_status: int | None


class Post:
    """The queue of webhooks. Sending happens outside the lock: the shop may be slow."""

    def __init__(
        self, book: Book, desks: Mapping[str, Desk], deliver: Callable[[Delivery], int] | None
    ) -> None:
        self._book = book
        self._desks = desks
        self.deliver = deliver
        self._last: dict[tuple[str, str], Delivery] = {}

    def add(
        self, provider: str, reference: str, letter: Announcement, *, delay_s: float = 0.0,
        forged: bool = False,
    ) -> int:  # fmt: skip
        """Queue a webhook, inside the caller's transaction."""
        due = self._book.now().timestamp() + delay_s
        values = {
            "provider": provider, "reference": reference, "method": letter.method,
            "url": letter.url, "body": letter.body, "forged": int(forged), "attempts": 0,
            "due_at": due, "last_status": None,
        }  # fmt: skip
        return self._book.insert("deliveries", values)

    def send_due(self) -> list[tuple[Delivery, int]]:
        """Try every webhook whose time has come; give each try and the status it met (0: none)."""
        if self.deliver is None:
            return []
        tries = []
        for delivery_id in self._due():
            delivery = self._take(delivery_id)
            if delivery is None:
                continue
            status = self.send(delivery)
            self._record(delivery, status)
            tries.append((delivery, status))
        return tries

    def send(self, delivery: Delivery) -> int:
        """Send one message now and give the status it met (0: nobody answered)."""
        if self.deliver is None:
            return 0
        status = self.deliver(delivery)
        if not delivery.forged:
            self._last[delivery.provider, delivery.reference] = delivery
        return status

    def last(self, provider: str, reference: str) -> Delivery | None:
        """Give the newest true message about a reference, as it left; None before the first."""
        return self._last.get((provider, reference))

    def letters(self) -> list[Letter]:
        """List every webhook ever queued, oldest first."""
        return [
            Letter(
                r["id"], r["provider"], r["reference"], r["url"], r["body"], bool(r["forged"]),
                r["attempts"], r["due_at"] is not None, r["last_status"],
            )
            for r in self._book.rows("SELECT * FROM deliveries ORDER BY id")
        ]  # fmt: skip

    def next_due(self) -> float | None:
        """When the next try is due, in seconds since 1970; None when nothing waits."""
        row = self._book.row("SELECT min(due_at) AS due FROM deliveries")
        return None if row is None else row["due"]

    def _due(self) -> list[int]:
        now = self._book.now().timestamp()
        rows = self._book.rows(
            "SELECT id FROM deliveries WHERE due_at <= ? ORDER BY due_at, id", now
        )
        return [row["id"] for row in rows]

    def _take(self, delivery_id: int) -> Delivery | None:
        """Claim one try and dress it; the claim is written before the shop hears of it."""
        now = self._book.now()
        with self._book.changing():
            row = self._book.row(
                "SELECT * FROM deliveries WHERE id = ? AND due_at IS NOT NULL", delivery_id
            )
            if row is None:
                return None
            desk, attempt = self._desks[row["provider"]], row["attempts"] + 1
            waits = desk.retries_s
            again = waits[attempt - 1] if attempt <= len(waits) and not row["forged"] else None
            due = None if again is None else now.timestamp() + again
            self._book.change("deliveries", row["id"], {"attempts": attempt, "due_at": due})
        forged = bool(row["forged"])
        return Delivery(
            row["id"], row["provider"], row["reference"], row["method"], row["url"],
            desk.headers(row["body"], now, forged=forged), row["body"], attempt, forged,
        )  # fmt: skip

    def _record(self, delivery: Delivery, status: int) -> None:
        heard: dict[str, object] = {"last_status": status}
        if 200 <= status < 300:
            heard["due_at"] = None
        with self._book.changing():
            self._book.change("deliveries", delivery.id, heard)
