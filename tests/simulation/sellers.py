"""Buyers and sellers after the payment: steps, codes, quarrels, staff, and sellers who want their money."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from shop import queue
from shop.approvals.service import Voice
from shop.db import session
from shop.earnings import service as earnings
from shop.errors import Refusal
from shop.money import Money
from shop.orders import disputes, fulfilment, handover
from shop.orders.dispute_states import Offer, reasons_at
from shop.orders.disputes import Complaint
from shop.orders.fulfilment import By
from shop.orders.models import SellerOrder
from shop.orders.states import Actor, Stage
from shop.orders.talk import Side
from tests.simulation.house import SELLERS
from tests.simulation.story import Story

#: What a seller does next, the likely more often; sometimes somebody tries anything.
NEXT: Final = {
    Stage.TO_ACCEPT: (Stage.ACCEPTED,) * 6 + (Stage.REFUSED,),
    Stage.ACCEPTED: (Stage.PREPARING, Stage.READY, Stage.SENT, Stage.SENT, Stage.ASKED, Stage.CANCELLED),
    Stage.PREPARING: (Stage.READY, Stage.SENT, Stage.SENT),
    Stage.READY: (Stage.SENT, Stage.SENT, Stage.ASKED),
    Stage.SENT: (Stage.ASKED, Stage.ASKED, Stage.CANCELLED),
    Stage.ASKED: (Stage.CANCELLED, Stage.HANDED_OVER),
    Stage.RECEIVED: (Stage.CANCELLED, Stage.CONFIRMED),
}  # fmt: skip
#: What a buyer does.
ANSWERS: Final = {
    Stage.TO_ACCEPT: (Stage.CANCELLED,),
    **dict.fromkeys(
        (Stage.ACCEPTED, Stage.PREPARING, Stage.READY), (Stage.CONFIRMED, Stage.CANCELLED)
    ),
    **dict.fromkeys((Stage.SENT, Stage.ASKED), (Stage.RECEIVED, Stage.RECEIVED, Stage.CONFIRMED)),
    Stage.RECEIVED: (Stage.CONFIRMED,),
}
OPEN: Final = "s.escrow = 'held'"
_PARTS: Final = """SELECT s.id, s.reference, s.stage, s.total_amount, s.currency, s.store_id, s.disputed_at,
    s.staff_since, o.user_id AS buyer, t.owner_id AS seller FROM seller_order s
    JOIN "order" o ON o.id = s.order_id JOIN store t ON t.id = s.store_id WHERE {} ORDER BY s.id"""


class Sellers(Story):
    """The half between two people."""

    # -- steps ----------------------------------------------------------------------------------

    def deal(self) -> None:
        """Somebody does something about an order."""
        getattr(
            self, self.chance.choice(("sell", "sell", "buy", "give_code", "quarrel", "judge"))
        )()

    def sell(self) -> None:
        """A seller takes a step, sometimes with two taps, sometimes one that is not there."""
        part = self._part(OPEN)
        if part is None:
            return
        stages = NEXT[Stage(part["stage"])] if self.chance.random() < 0.9 else tuple(Stage)
        to, seller, reference = self.chance.choice(stages), part["seller"], part["reference"]
        self._try(
            "seller", reference, f"{to}", lambda: fulfilment.sell(seller, reference, to, "story")
        )

    def give_code(self) -> None:
        """The buyer tells the code at the door; some sellers mistype it."""
        part = self._part(f"{OPEN} AND s.stage NOT IN ('to_accept', 'unpaid')")
        if part is not None:
            self._type(part, right=self.chance.random() < 0.7)

    def guess_code(self) -> None:
        """A seller who has not met the buyer tries codes, many at once."""
        part = self._part(f"{OPEN} AND s.stage NOT IN ('to_accept', 'unpaid')")
        if part is not None:
            for _ in range(6):
                self._type(part, right=False)

    def _type(self, part: sqlite3.Row, *, right: bool) -> None:
        code = handover.code_of(session.get_one(SellerOrder, part["id"]))
        session.rollback()
        typed = code if right else f"{(int(code) + 1 + self.chance.randrange(999)) % 10**6:06}"
        seller, reference = part["seller"], part["reference"]
        what = f"types a {'right' if right else 'wrong'} code"
        for task in self._try(
            "seller", reference, what, lambda: fulfilment.hand_over(seller, reference, typed)
        ):
            self.watch.held.typed[task] = right

    def buy(self) -> None:
        """A buyer says that it came, pays, or cancels."""
        part = self._part(OPEN)
        if part is None:
            return
        stages = ANSWERS[Stage(part["stage"])] if self.chance.random() < 0.9 else tuple(Stage)
        to, buyer, reference = self.chance.choice(stages), part["buyer"], part["reference"]
        self._try("buyer", reference, f"{to}", lambda: fulfilment.buy([buyer], reference, to))

    def pass_days(self) -> None:
        """Nobody does anything for half a day, or for three; the clock looks every twelve hours."""
        if self.plan.longest_s < 1e5:
            return
        for _ in range(self.chance.choice((1, 2, 4, 6))):
            self.hub.at += timedelta(seconds=43_300)
            self.sweep()
        self._say(f"days pass: {self.hub.at:%d %H:%M:%S}")

    # -- quarrels -------------------------------------------------------------------------------

    def complain(self) -> None:
        """A buyer reports a problem."""
        part = self._part(f"{OPEN} AND s.stage <> 'to_accept'")
        if part is None:
            return
        reason = self.chance.choice(list(reasons_at(Stage(part["stage"]))))
        side, reference = self._side(part, Actor.BUYER), part["reference"]
        self._try(
            "buyer", reference, f"complains: {reason}",
            lambda: disputes.report(side, reference, Complaint(reason, "story")),
        )  # fmt: skip

    def quarrel(self) -> None:
        """One side proposes, accepts, takes the report back or appeals."""
        part = self._part("s.disputed_at IS NOT NULL")
        if part is None:
            return
        actor = self.chance.choice((Actor.BUYER, Actor.SELLER))
        side, reference = self._side(part, actor), part["reference"]
        act = self.chance.choice(("offers", "offers", "agrees", "agrees", "gives_in", "contests"))
        work = getattr(self, f"_{act}")(part, side, reference)
        if work is not None:
            self._try(f"{actor}", reference, f"quarrels: {act}", work)

    def _offers(self, _part: sqlite3.Row, side: Side, reference: str) -> Callable[[], object]:
        kind, percent = self.chance.choice(list(Offer)), self.chance.choice((1, 30, 50, 99))
        return lambda: disputes.propose(side, reference, kind, percent)

    def _agrees(self, part: sqlite3.Row, side: Side, reference: str) -> Callable[[], object] | None:
        rows = self.house.eye.execute(
            "SELECT p.id FROM dispute_proposal p JOIN dispute d ON d.id = p.dispute_id"
            " WHERE d.seller_order_id = ? ORDER BY p.id DESC",
            (part["id"],),
        ).fetchall()
        if not rows:
            return None
        # Most see the newest; some have a page open that is old.
        offer = (rows[0] if self.chance.random() < 0.8 else self.chance.choice(rows))["id"]
        return lambda: disputes.accept(side, reference, offer)

    @staticmethod
    def _gives_in(_part: sqlite3.Row, side: Side, reference: str) -> Callable[[], object]:
        return lambda: disputes.withdraw(side, reference)

    @staticmethod
    def _contests(_part: sqlite3.Row, side: Side, reference: str) -> Callable[[], object]:
        return lambda: disputes.appeal(side, reference, "story")

    # -- staff ----------------------------------------------------------------------------------

    def judge(self) -> bool:
        """A person of staff decides about an order that waits for one; say whether there was any."""
        part = self._part("s.staff_since IS NOT NULL OR s.disputed_at IS NOT NULL")
        if part is None:
            return False
        reference, total = part["reference"], part["total_amount"]
        share = self.chance.choice((0, 1, total // 3, total - 1, total))
        back = Money(share, part["currency"])
        if part["disputed_at"]:
            voice = Voice("awa", "root", "story")
            self._try(
                "staff", reference, f"decides: {back} back",
                lambda: disputes.decide(reference, back, voice),
            )  # fmt: skip
            return True
        to = Stage.CONFIRMED if not share else Stage.CANCELLED if share == total else Stage.DECIDED
        by = By(Actor.STAFF, words="story")
        self._try("staff", reference, f"{to}", lambda: fulfilment.decide(reference, to, by, back))
        return True

    def judge_all(self) -> bool:
        """Let staff end what is left to them, and everybody be paid; say whether anything was left."""
        left = self.watch.held.left()
        for _ in range(40):
            if self._broken() or not self.judge():
                break
            self._run_all()
        return left

    # -- sellers' money -------------------------------------------------------------------------

    def ask_to_be_paid(self) -> None:
        """A seller asks for the money; sometimes with two taps, sometimes from two pages at once."""
        store = self.chance.randrange(len(SELLERS)) + 1
        pages = self.chance.choice((1, 1, 2))
        for page in range(pages):
            self._numbers += 1
            key = f"slip-{self._numbers}-{page}"

            def ask(key: str = key) -> None:
                earnings.pay_now(store, key, language="fr")
                queue.ring("send_payouts")

            self._try("seller", f"shop{store}", "asks for the money", ask)

    def pay_run(self) -> None:
        """Two machines pay sellers at the same time."""
        if self._worker("pay_sellers") and self._worker("pay_sellers"):
            self.reached["two_machines_pay_sellers"] += 1

    def read_floats(self) -> None:
        """Providers are asked what they hold for us."""
        self._worker("read_floats")

    # -- between --------------------------------------------------------------------------------

    def _part(self, where: str) -> Any:
        rows = self.house.eye.execute(_PARTS.format(where)).fetchall()
        return self.chance.choice(rows) if rows else None

    @staticmethod
    def _side(part: sqlite3.Row, actor: Actor) -> Side:
        return Side(actor, (part["buyer" if actor is Actor.BUYER else "seller"],))

    def _try(self, who: str, about: str, what: str, work: Callable[[], object]) -> list[Any]:
        """Let a person try something, one time in five with two taps; a refusal is an answer."""
        if self._crowded():
            return []

        def try_it() -> str:
            try:
                work()
            except Refusal as refused:
                session.rollback()
                self.watch.held.refused(about, refused)
                return type(refused).__name__
            return "done"

        self._say(f"{who} of {about}: {what}")
        taps = 2 if self.chance.random() < 0.2 else 1
        return [self._spawn(f"{who}-{about}", "web", try_it) for _ in range(taps)]
