"""People who take money out or want it back, and staff who decide what nobody else can tell."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from shop import payout_decisions, payout_settlement, queue, refunds
from shop.accounts import service as accounts
from shop.db import session, transaction
from shop.errors import Refusal
from shop.ledger import chart
from shop.money import Money
from shop.payouts import service as payouts
from shop.payouts.service import Intent
from shop.payouts.states import PayoutPurpose, PayoutStatus
from shop.providers import methods
from shop.sandbox.faults import IMPOSSIBLE, WIRE, FaultKind
from shop.sandbox.values import State
from tests.marketplace import know_number
from tests.simulation.house import BUYERS
from tests.simulation.plan import FAULTS, PAYEES
from tests.simulation.story import Story

#: What people take out: small sums, most of a wallet, more than it holds.
SUMS = (500, 1_000, 5_000, 5_000, 12_000, 20_000, 40_000)
#: Who decides about payouts in review; each needs the other.
STAFF = ("awa", "koffi")


class Senders(Story):
    """The sending half."""

    def fill_purses(self, most: int | None = None) -> None:
        """Let each provider hold something of ours; some hold too little."""
        for provider in sorted({methods.get(code).provider for code in PAYEES}):
            held = most or self.chance.choice(self.plan.purses)
            self.world.payouts.fund(provider, Money(held, "XOF"))
        self.world.switches.set("wave.payout", self.chance.choice(("at_once", "processing")))

    def fill_a_purse(self) -> None:
        """Staff move money to a provider from the bank."""
        provider = methods.get(self.chance.choice(list(PAYEES))).provider
        self.world.payouts.fund(provider, Money(50_000, "XOF"))
        self._say(f"{provider} holds 50000 more of ours")

    # -- users ----------------------------------------------------------------------------------

    def withdraw(self) -> None:
        """Somebody takes money out; sometimes with two taps, sometimes by going back to the form."""
        if self._crowded():
            return
        user = self.chance.randrange(BUYERS) + 1
        if user not in self._slips or self.chance.random() < 0.6:
            method = self.chance.choice(list(PAYEES))
            wrong = self.chance.random() < 0.05
            phone = PAYEES[method].format(99 if wrong else f"1{user}")
            self._numbers += 1
            key = f"slip-{self._numbers}"
            self._slips[user] = (key, method, phone, self.chance.choice(SUMS))
        key, method, phone, amount = self._slips[user]
        twice = self.chance.random() < 0.25
        if twice:
            self.reached["payout_asked_twice_at_once"] += 1
        for _ in range(2 if twice else 1):
            self._say(f"user {user} withdraws {amount} to {phone} by {method} ({key})")
            self._spawn(
                f"withdraw{user}", "web", lambda: self._withdraw(user, method, phone, amount, key)
            )

    def _withdraw(self, user: int, method: str, phone: str, amount: int, key: str) -> str:
        money = Money(amount, "XOF")
        know_number(user, phone)
        try:
            payout = payout_settlement.start_payout(
                Intent(
                    purpose=PayoutPurpose.WITHDRAWAL,
                    user_id=user,
                    method=methods.get(method),
                    payee_phone=phone,
                    amount=money,
                    source=chart.wallet(user, "XOF"),
                    form_key=key,
                )
            )
        except Refusal as refused:
            self.reached["payout_refused_for_want_of_funds"] += 1
            return type(refused).__name__
        reference = payout.reference
        queue.ring("send_payouts")
        return reference

    def cancel_payout(self) -> None:
        """Somebody takes a withdrawal back, just in time or too late."""
        self._about_a_payout(
            "1", "cancels", lambda number: payout_decisions.cancel_payout(number, "user")
        )

    def retry_payout(self) -> None:
        """What came back is sent once more."""

        def again(number: int) -> None:
            payout_decisions.retry_payout(number, "awa")
            queue.ring("send_payouts")

        self._about_a_payout("status = 'failed'", "sends again", again)

    def hold_payout(self) -> None:
        """A payout is held for a while, or for a person; or a person lets it go."""
        until = self.hub.at + timedelta(seconds=self.chance.choice((30, 700, 4_000)))
        for_ever = self.chance.random() < 0.2

        def hold(number: int) -> None:
            with transaction():
                payout = payouts.locked([number])[number]
                if payout.state is PayoutStatus.REQUESTED:
                    payouts.hold(payout, "awa", "checked", None if for_ever else until)
                elif payout.state is PayoutStatus.HELD:
                    payouts.release(payout, "awa")

        self._about_a_payout("status IN ('requested', 'held')", "is held or let go", hold)

    def nudge_payout(self) -> None:
        """Somebody asks what became of a payout."""

        def ask(number: int) -> None:
            with transaction():
                payouts.make_due([payouts.locked([number])[number]])
            queue.ring("verify_payouts")

        self._about_a_payout("sent_at IS NOT NULL", "is asked about", ask)

    def _about_a_payout(self, where: str, what: str, work: Callable[[int], object]) -> None:
        row = self._some_payout(where)
        if row is None or self._crowded():
            return
        number = row["id"]

        def try_it() -> str:
            try:
                work(number)
            except Refusal as refused:
                session.rollback()
                return type(refused).__name__
            return "done"

        self._say(f"payout {row['reference']} {what}")
        self._spawn(f"{what.split()[0]}-{row['reference']}", "web", try_it)

    def _some_payout(self, where: str) -> Any:
        rows = self.house.eye.execute(f"SELECT * FROM payout WHERE {where} ORDER BY id").fetchall()
        return self.chance.choice(rows) if rows else None

    def give_back(self) -> None:
        """A receipt is given back, or a part of it; sometimes with two taps, sometimes again."""
        # What paid an order goes back with the order; the payer's own money goes as the payer likes.
        kept = "SELECT * FROM receipt WHERE disposition = 'wallet' ORDER BY id"
        receipts = self.house.eye.execute(kept).fetchall()
        if not receipts or self._crowded():
            return
        receipt = self.chance.choice(receipts)
        share = self.chance.choice((1, 1, 1, 2))
        amount = Money(max(receipt["amount"] // share, 1), receipt["currency"])
        self._numbers += 1
        key, number = f"refund-{self._numbers}", receipt["id"]

        def refund() -> str:
            owner = accounts.owner_id(receipt["user_id"])
            session.rollback()
            source = chart.wallet(owner, amount.currency)
            try:
                refunds.refund_receipt(number, amount, source=source, form_key=key, reason="story")
            except Refusal as refused:
                session.rollback()
                self.reached["refund_refused"] += 1
                return type(refused).__name__
            queue.ring("send_payouts")
            return "refunded"

        for _ in range(2 if self.chance.random() < 0.3 else 1):
            self._say(f"{amount} of receipt {receipt['code']} is given back ({key})")
            self._spawn(f"refund{number}", "web", refund)

    # -- staff ----------------------------------------------------------------------------------

    def decide(self) -> bool:
        """One of two people looks at the provider's own pages and says how a payout in review ended."""
        row = self._some_payout("status = 'review'")
        if row is None:
            return False
        to, ref = self._truth(row)
        if to is None:
            return False
        number, who = row["id"], self.chance.choice(STAFF)

        def say() -> str:
            try:
                payout_decisions.resolve_payout(number, to, who, "seen on their pages", ref)
            except Refusal as refused:
                session.rollback()
                return type(refused).__name__
            return "said"

        self._say(f"{who} says that payout {row['reference']} {to}")
        self._spawn(f"{who}-{row['reference']}", "web", say)
        return True

    def _truth(self, row: sqlite3.Row) -> tuple[PayoutStatus | None, str | None]:
        """Say how a payout ended by the provider's book; nothing while that may still change."""
        sent = self.watch.out.sendings(row)
        gone = [one for one in sent if one.state is State.SUCCEEDED]
        if gone:
            return PayoutStatus.SUCCEEDED, gone[0].transaction_id or gone[0].provider_ref
        waiting = any(one.state is State.PROCESSING for one in sent)
        # What may still arrive in decent time they wait for; what comes later nobody can foresee.
        soon = self.watch.out.on_its_way(row)
        return (None, None) if waiting or soon else (PayoutStatus.FAILED, None)

    # -- providers ------------------------------------------------------------------------------

    def fault_outside(self) -> None:
        """Something is about to go wrong at a provider that sends."""
        if self.chance.random() >= self.plan.fault_rate:
            return
        busy = self._some_payout("settled_at IS NULL")
        method = self.chance.choice(list(PAYEES))
        provider = busy["provider"] if busy else methods.get(method).provider
        able = [one for one in FAULTS if one in WIRE and one not in IMPOSSIBLE.get(provider, ())]
        kind = self.chance.choices(able, [FAULTS[one] for one in able])[0]
        on = self.chance.choice(("pay_out", "pay_out", "payout_status", "refund", "create", "read"))
        how: dict[str, Any] = {"calls": self.chance.choice((1, 1, 2, 5)), "on": on}
        if kind in (FaultKind.HTTP_500, FaultKind.HTTP_429):
            how["accepted"] = self.chance.random() < 0.5
        self.world.faults.add(provider, kind, **how)
        self._say(f"{provider} will have {kind} {how}")

    def slow_line(self) -> None:
        """The next requests that move money may be long on their way: heard only when they arrive."""
        if self.chance.random() < self.plan.fault_rate:
            self.house.line.next_takes_s = self.chance.choice((4.0, 30.0, 60.0, *self.plan.late_s))
            self._say(f"a request will be {self.house.line.next_takes_s} s on its way")

    def arrive(self) -> None:
        """What was on its way arrives."""
        for reference in self.house.line.arrive(self.hub.at):
            self._say(f"the request of {reference} arrives")
