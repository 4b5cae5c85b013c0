"""One schedule: buyers, payers, workers, providers and misfortune, in an order drawn from a seed.

First everything may go wrong (safety); then faults stop, time passes, and all must come to rest (liveness).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from shop import jobs, sweeper
from shop.db import session
from shop.sandbox.faults import IMPOSSIBLE, WIRE, FaultKind
from tests.simulation.openings import Openings
from tests.simulation.plan import FAULTS, LATEST_S, PROVIDERS, QUIET_DAYS
from tests.simulation.sellers import Sellers
from tests.simulation.senders import Senders


class Schedule(Openings, Senders, Sellers):
    """One story in the house. `run` it; then read `violations` and the hub's trace."""

    def run(self) -> list[str]:
        """Tell the story; give what broke."""
        self.house.begin(self.chance)
        self.watch.skewed = self.plan.skewed
        self.house.at_once = self.plan.at_once
        self.world.post.deliver = self._posted
        self._say(f"{self.name}: {self.plan}")
        self._open_market()
        self.fill_purses()
        self.open_shops()
        self.watch.held.selling = self.plan.sells > 0
        self._safety()
        if not self._broken():
            self._liveness()
        if not self._broken():
            session.rollback()
            self.watch.final(blind=self.plan.dead_provider)
            session.rollback()
        self._bury()
        return [*self.watch.violations, *self.hub.crashes]

    # -- the two phases -------------------------------------------------------------------------

    def _safety(self) -> None:
        share = self.plan.sends
        often = {name: times * (1 - share / 2) for name, times in EVENTS.items()}
        often |= {name: times * share for name, times in SENDING.items()}
        often |= {name: times * self.plan.sells for name, times in SELLING.items()}
        names, weights = zip(*often.items(), strict=True)
        for order in self.orders:
            if self.chance.random() < 0.8:
                self._tap(order)
        for _ in range(self.plan.events):
            getattr(self, self.chance.choices(names, weights)[0])()
            for _ in range(self.chance.randrange(self.plan.burst) + 1):
                if self._broken() or not self._step():
                    break
            if self._broken():
                return
            self.watch.held.sentences()

    def _liveness(self) -> None:
        """Stop all faults, let time pass, and wait for quiet."""
        self._heal()
        self._run_all()
        began, to_the_end = self.hub.at, self.chance.random() < 0.1
        pace, lazy = self.chance.choice((1, 4, 4)), self.chance.choice((0.0, 0.0, 0.5, 1.0))
        retaps = 0.6 if self.plan.rush else 0.2
        while not self._broken():
            if self.chance.random() < retaps and self.hub.at - began < timedelta(days=1):
                retaps -= 0.1
                self._tap(self._order())
                if self.plan.sends:
                    self.give_back()
                    self.withdraw()
            if self.plan.sells and self.chance.random() < 0.5:
                self.deal()
            while self.chance.random() >= lazy and self.answer():
                pass
            while self.chance.random() < 0.7 and self.decide():
                self._run_all()
            self._everybody_works()
            due = self._next_due()
            over = self.hub.at - began > timedelta(days=QUIET_DAYS)
            if due is None or over or (not to_the_end and self.watch.quiet()):
                if self._people_end_it(over):
                    return
                continue
            assert due is not None, "something is still due"
            # Longer steps as the days go by: what falls due within one is done together.
            step = timedelta(seconds=10) + (self.hub.at - began)
            self.hub.at = max(due, self.hub.at + min(pace * step, timedelta(days=1)))

    def _people_end_it(self, over: bool) -> bool:
        """Let staff end what is left to them; say whether nothing comes after."""
        self._decide_all()
        self._judgements += 1
        if not self.judge_all():
            return True
        self._everybody_works()
        return over or self._judgements > ENOUGH_JUDGED

    def _decide_all(self) -> None:
        """Let people come to an end about every payout that is left to them."""
        for _ in range(40):
            if self._broken() or not self.decide():
                return
            self._run_all()

    def _heal(self) -> None:
        """Mend every line, wake everybody; a provider may stay out of reach for ever."""
        self._say("--- faults stop ---")
        self._calm = True
        for fault in self.world.faults.active():
            # The line is whole again; what payers and their money will still do is no fault of it.
            if fault.kind in WIRE:
                self.world.faults.remove(fault.id)
        if self.plan.dead_provider:
            self.world.faults.add(self.plan.dead_provider, FaultKind.SILENCE)
            self._say(f"{self.plan.dead_provider} never answers again")
        if self.plan.sells:
            self.fill_purses(10**6)  # else a shop that cannot be paid is tried again every day
        # Whether anybody hears the bell decides how soon work is done, never whether.
        self.bells.away = self.chance.random() < 0.7
        if any(task.frozen for task in self.hub.tasks):
            self.pass_time()  # whoever was stopped wakes late
        for task in self.hub.tasks:
            task.frozen, task.loses_commit, task.skew = False, False, timedelta(0)

    def _everybody_works(self) -> None:
        """Providers, post, clock and workers do what is due now."""
        self.tick()
        self._empty_outbox()
        self._spawn("clock", "clock-1", sweeper.sweep)
        self._run_all()
        while self.bells.waiting:
            name = self.bells.waiting.pop(0)
            self._spawn("worker", "worker-1", lambda name=name: jobs.run(name))
            self._run_all()

    def _next_due(self) -> datetime | None:
        moments = [self.world.next_due(), self.house.line.next_due()]
        for query in (
            "SELECT MIN(next_check_at) FROM payment",
            "SELECT MIN(next_check_at) FROM payout",
            *(_SELLERS_DUE if self.plan.sells else ()),
            "SELECT MIN(next_try_at) FROM webhook_event WHERE status = 'queued'",
        ):
            text = self.house.eye.execute(query).fetchone()[0]
            moments.append(None if text is None else datetime.fromisoformat(f"{text}+00:00"))
        known = [at for at in moments if at is not None]
        return min(known) if known else None

    # -- providers ------------------------------------------------------------------------------

    def tick(self) -> None:
        """What the providers had planned happens."""
        self.arrive()
        self.world.tick()

    def fault(self) -> None:
        """Something is about to go wrong at a provider."""
        if self.chance.random() >= self.plan.fault_rate:
            return
        kind = self.chance.choices(list(FAULTS), list(FAULTS.values()))[0]
        able = [name for name in PROVIDERS if kind not in IMPOSSIBLE.get(name, ())]
        busy = self._some_payment("settled_at IS NULL")
        provider = (
            busy["provider"] if busy and busy["provider"] in able else self.chance.choice(able)
        )
        self._plant(provider, kind, {"calls": self.chance.choice((1, 1, 2, 5))})

    def _plant(self, provider: str, kind: FaultKind, how: dict[str, Any]) -> None:
        if kind is FaultKind.LATE_SUCCESS:
            how["seconds"] = self.chance.choice((5.0, 700.0, 2_000.0, LATEST_S))
        if kind is FaultKind.WRONG_AMOUNT:
            how["amount"] = self.chance.choice((1, 700, 99_999))
        if kind in (FaultKind.HTTP_500, FaultKind.HTTP_429):
            how["accepted"] = self.chance.random() < 0.5
        if kind in WIRE:
            how["on"] = self.chance.choices(("any", "create", "read", "token"), (4, 3, 3, 1))[0]
        self.world.faults.add(provider, kind, **how)
        self._say(f"{provider} will have {kind} {how}")


#: Rounds after which staff must have ended everything.
ENOUGH_JUDGED: Final = 20
#: When the clock owes a buyer or a seller something.
_SELLERS_DUE: Final = (
    "SELECT MIN(wake_at) FROM seller_order",
    "SELECT MIN(return_at) FROM seller_order",
    "SELECT MIN(wake_at) FROM dispute",
)

#: What may happen, and how often.
EVENTS: Final = {
    "tap": 10,
    "change_method": 3,
    "nudge": 3,
    "new_order": 1,
    "answer": 10,
    "work": 18,
    "sweep": 6,
    "tick": 6,
    "deliver": 7,
    "replay": 2,
    "forge": 2,
    "fault": 10,
    "pass_time": 14,
    "freeze": 3,
    "kill_one": 2,
    "kill_everybody": 1,
    "lose_commit": 2,
    "lose_bells": 1,
    "seal": 1,
}

#: The same about money going out.
SENDING: Final = {
    "withdraw": 10,
    "cancel_payout": 2,
    "retry_payout": 3,
    "hold_payout": 1,
    "nudge_payout": 3,
    "give_back": 12,
    "decide": 2,
    "fault_outside": 10,
    "slow_line": 8,
    "fill_a_purse": 1,
}

#: The same between buyers and sellers.
SELLING: Final = {
    "sell": 20,
    "give_code": 6,
    "guess_code": 1,
    "buy": 6,
    "complain": 5,
    "quarrel": 10,
    "judge": 4,
    "ask_to_be_paid": 5,
    "pay_run": 3,
    "read_floats": 1,
    "pass_days": 6,
}
