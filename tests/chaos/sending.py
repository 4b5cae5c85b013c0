"""Money that leaves under fire: withdrawals while everything dies, then our books beside theirs."""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from contextlib import suppress

import requests
import sqlalchemy as sa

from shop import payout_decisions, payout_settlement, queue
from shop.db import session, transaction
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.entries import Entry, Leg
from shop.money import Money
from shop.payouts.models import Payout
from shop.payouts.service import Intent
from shop.payouts.states import ENDED, PayoutPurpose, PayoutStatus
from shop.providers import methods
from tests.chaos.town import PURSE, Town
from tests.marketplace import know_number

METHODS = {
    "wave-ci": "+2250701020305", "mtn-ci": "+2250501020305", "moov-bj": "+2290195010203",
    "fedapay-mtn-bj": "+2290196010203",
}  # fmt: skip
#: Answers that come so slowly that somebody is killed between a yes and its record.
SLOW = {"kind": "slow_drip", "seconds": 2.0, "on": "pay_out", "calls": 3}
LOST = {"kind": "lost_answer", "on": "pay_out", "calls": 1}


class Sellers:
    """Somebody with money in the wallet, who takes it out again and again."""

    def __init__(self, town: Town, user_id: int, chance: random.Random) -> None:
        self.town, self.user_id, self.chance = town, user_id, chance
        self.asked: list[str] = []
        self.for_tomorrow: set[str] = set()
        """Lost at a provider that cannot be asked: people may not give it back within the day."""
        with transaction():
            ledger.post(_opening(user_id))

    def withdraw(self) -> None:
        """Take a little money out by one of the roads, with a slow or a lost answer ahead."""
        method = self.chance.choice(list(METHODS))
        provider = methods.get(method).provider
        if self.chance.random() < 0.5:
            fault = self.chance.choice((SLOW, SLOW, LOST))
            with suppress(requests.RequestException):
                url = f"{self.town.phones}/api/faults"
                requests.post(url, json={"provider": provider, **fault}, timeout=5)
        know_number(self.user_id, METHODS[method])
        payout = payout_settlement.start_payout(
            Intent(
                purpose=PayoutPurpose.WITHDRAWAL,
                user_id=self.user_id,
                method=methods.get(method),
                payee_phone=METHODS[method],
                amount=Money(self.chance.choice((200, 500, 1_000)), "XOF"),
                source=chart.wallet(self.user_id, "XOF"),
                form_key=secrets.token_hex(8),
            )
        )
        self.asked.append(payout.reference)
        session.rollback()
        queue.ring("send_payouts")

    def wait(self, deadline: float) -> Counter[str]:
        """Wait until each has ended, two people deciding what nobody else can tell; give what is left."""
        while (left := self._left()) and time.monotonic() < deadline:
            self._decide()
            time.sleep(2)
        return left

    def _left(self) -> Counter[str]:
        session.rollback()
        query = sa.select(Payout.status).where(
            Payout.reference.in_(set(self.asked) - self.for_tomorrow), Payout.status.not_in(ENDED)
        )
        left = Counter(session.scalars(query).all())
        session.rollback()
        return left

    def _decide(self) -> None:
        """Let two people read the provider's own book, for what is in review."""
        gone = {p["reference"]: p["transaction_id"] for p in self._book()}
        query = sa.select(Payout.id, Payout.reference).where(Payout.status == PayoutStatus.REVIEW)
        waiting = session.execute(query).all()
        session.rollback()
        for number, reference in waiting:
            to = PayoutStatus.SUCCEEDED if reference in gone else PayoutStatus.FAILED
            for who in ("awa", "koffi"):
                try:
                    payout_decisions.resolve_payout(number, to, who, "chaos", gone.get(reference))
                except payout_decisions.TooEarlyToGiveBack:
                    self.for_tomorrow.add(reference)
                session.rollback()

    def _book(self) -> list[dict[str, str]]:
        told: list[dict[str, str]] = requests.get(
            f"{self.town.phones}/api/book", timeout=10
        ).json()["payouts"]
        return told

    def differences(self) -> list[str]:
        """Compare what we believe left with what did; nothing twice, nothing lost."""
        theirs = Counter((p["provider"], p["reference"]) for p in self._book())
        sums = {(p["provider"], p["reference"]): int(p["amount"]) for p in self._book()}
        found = [f"{key} left {times} times" for key, times in theirs.items() if times > 1]
        rows = session.scalars(sa.select(Payout)).all()
        ours = {
            (p.provider, p.reference): p.amount for p in rows if p.transaction_ref or p.late_ref
        }
        found += [
            f"payout {key}: ours {ours.get(key)}, theirs {sums.get(key)}"
            for key in ours.keys() | sums.keys()
            if ours.get(key) != sums.get(key)
        ]
        session.rollback()
        return found

    def report(self) -> str:
        """Say how payouts ended, and how many were unknown for a while."""
        ends = Counter(session.scalars(sa.select(Payout.status)))
        lost = session.scalar(
            sa.text("SELECT COUNT(DISTINCT payout_id) FROM payout_event WHERE new = 'unknown'")
        )
        session.rollback()
        return f"sent: {dict(ends)}; of these {lost} were unknown for a while"


def _opening(user_id: int) -> Entry:
    names = [methods.get(code).provider for code in METHODS]
    legs = [
        Leg(
            f"opening:{name}",
            chart.float_at(name, "XOF"),
            chart.wallet(user_id, "XOF"),
            Money(PURSE, "XOF"),
        )
        for name in names
    ]
    return Entry("opening", tuple(legs))
