"""One schedule: buyers, payers, workers, providers and misfortune, in an order drawn from a seed.

First everything may go wrong (safety); then faults stop, time passes, and all must come to rest (liveness).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shop import jobs, queue, references, settlement, sweeper
from shop.db import session
from shop.errors import Refusal
from shop.money import Money
from shop.orders import service as orders
from shop.payments import service as payments
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.providers import methods
from shop.sandbox.credentials import WAVE
from shop.sandbox.faults import IMPOSSIBLE, PROVIDERS, WIRE, FaultKind
from shop.sandbox.values import Delivery, Prompt, State
from shop.sandbox.wave import signature
from tests.marketplace import CONTACT
from tests.simulation.house import BUYERS, STORES, House
from tests.simulation.tasks import Task
from tests.simulation.watch import within_reach

#: Payers' numbers by method: one for each buyer. Every provider is reached, those of several wallets
#: by a request on the phone and by a page.
PAYERS: Final = {
    "wave-ci": "+22507010203{}4",
    "mtn-ci": "+22505010203{}4",
    "orange-ci": "+22507010203{}5",
    "moov-bj": "+229019501020{}",
    "fedapay-mtn-bj": "+229019601020{}",
    "fedapay-orange-ci": "+22507010204{}5",
    "cinetpay-orange-ci": "+22507010205{}5",
    "feexpay-mtn-bj": "+229019701020{}",
    "feexpay-wave-ci": "+22507010206{}5",
    "getmipay-mtn-ci": "+22505010207{}5",
}
METHODS: Final = tuple(PAYERS)
#: What the clock may jump by: answers, leases, approvals, expiries, nights.
JUMPS: Final = (
    0.2,
    1,
    3,
    6,
    6,
    12,
    30,
    47,
    62,
    100,
    130,
    310,
    620,
    910,
    1_850,
    3_700,
    21_600,
    90_000,
)
#: Stops where a death hurts most.
SORE: Final = (
    "hears",
    "COMMIT",
    "committed",
    "sends",
    "rings",
    "INSERT receipt",
    "INSERT transfer",
)
#: How often each fault, those that move money the wrong way more than others.
FAULTS: Final = {
    **{kind: 2 for kind in FaultKind if kind is not FaultKind.SLOW_DRIP},
    FaultKind.LATE_SUCCESS: 7,
    FaultKind.WRONG_AMOUNT: 4,
    FaultKind.LOST_ANSWER: 5,
    FaultKind.SILENCE: 6,
}
#: What a payer's own money may do.
SURPRISES: Final = (FaultKind.LATE_SUCCESS, FaultKind.LATE_SUCCESS, FaultKind.WRONG_AMOUNT)
#: Late money comes before the last look of the late watch (a day after the failure).
LATEST_S: Final = 18 * 3_600.0
#: A provider out of reach is asked for a week after the last tap; then a person is.
QUIET_DAYS: Final = 25


@dataclass(frozen=True)
class Plan:
    """How rough this schedule is: drawn first, so that schedules differ in kind."""

    orders: int
    events: int
    burst: int
    stickiness: float
    fault_rate: float
    kill_rate: float
    freeze_rate: float
    doze_rate: float
    lossy_commits: float
    longest_s: float
    """No single step of the clock is longer: some schedules are about seconds, some about nights."""
    skewed: bool
    at_once: bool
    dead_provider: str
    """Out of reach from the end of the first phase on, for ever."""
    rush: bool
    """Everybody wants the same last article."""

    @classmethod
    def drawn(cls, chance: random.Random) -> Plan:
        """Draw a plan."""
        return cls(
            orders=chance.choice((1, 2, 2, 3)),
            events=chance.choice((20, 35, 50, 70)),
            burst=chance.choice((8, 30, 80, 160)),
            stickiness=chance.choice((0.5, 0.9, 0.98)),
            fault_rate=chance.choice((0.0, 0.5, 1.0)),
            kill_rate=chance.choice((0.0, 0.0, 0.002, 0.01)),
            freeze_rate=chance.choice((0.0, 0.01, 0.05)),
            doze_rate=chance.choice((0.0, 0.0, 0.4)),
            lossy_commits=chance.choice((0.0, 0.0, 0.05)),
            longest_s=chance.choice((12.0, 62.0, 130.0, 1e5, 1e5)),
            skewed=chance.random() < 0.08,
            at_once=chance.random() < 0.4,
            dead_provider=chance.choice(PROVIDERS) if chance.random() < 0.03 else "",
            rush=chance.random() < 0.35,
        )


class Schedule:
    """One story in the house. `run` it; then read `violations` and the hub's trace."""

    def __init__(self, house: House, seed: int, number: int) -> None:
        self.house, self.hub, self.world = house, house.hub, house.world
        self.watch, self.reached, self.bells = house.watch, house.reached, house.bells
        self.name = f"seed {seed} schedule {number}"
        self.chance = random.Random(f"{seed}:{number}")
        self.plan = Plan.drawn(self.chance)
        self._numbers = 0
        self._forms: dict[int, str] = {}
        self._delivered: list[Delivery] = []
        self._focus: Task | None = None
        self._calm = False

    def run(self) -> list[str]:
        """Tell the story; give what broke."""
        self.house.begin(self.chance)
        self.watch.skewed = self.plan.skewed
        self.house.at_once = self.plan.at_once
        self.world.post.deliver = self._posted
        self._say(f"{self.name}: {self.plan}")
        self._open_market()
        self._safety()
        if not self._broken():
            self._liveness()
        if not self._broken():
            session.rollback()
            self.watch.final(blind=self.plan.dead_provider)
            session.rollback()
        self._bury()
        return [*self.watch.violations, *self.hub.crashes]

    def _say(self, line: str) -> None:
        self.hub.trace.say(line)

    def _broken(self) -> bool:
        return bool(self.watch.violations or self.hub.crashes)

    def _open_market(self) -> None:
        """Put scarce stock on the shelves and place the orders."""
        eye = self.house.eye
        for (product_id,) in eye.execute("SELECT id FROM product ORDER BY id").fetchall():
            stock = 1 if self.plan.rush else self.chance.choice((1, 1, 2, 3))
            eye.execute("UPDATE product SET stock = ? WHERE id = ?", (stock, product_id))
        self.watch.begin()
        self.watch.skewed = self.plan.skewed
        self.orders = [self._placed() for _ in range(self.plan.orders)]

    def _placed(self) -> tuple[int, int, Money]:
        buyer = self.chance.randrange(BUYERS)
        sellers = self.chance.sample(range(STORES), self.chance.choice((1, 1, 2, 3)))
        lines = [orders.Line(2 * s + self.chance.choice((1, 2)), 1) for s in sellers]
        if self.plan.rush:
            lines = [orders.Line(1, 1)]
        order = orders.place(
            user_id=buyer + 1, lines=lines, contact=CONTACT, form_key=references.new()
        )
        placed = (order.id, buyer, order.total)
        self._say(f"buyer {buyer} orders {order.reference} of {order.total} in {lines}")
        session.rollback()
        return placed

    # -- the two phases -------------------------------------------------------------------------

    def _safety(self) -> None:
        names, weights = zip(*EVENTS.items(), strict=True)
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

    def _step(self) -> bool:
        """Let one task go on, or die."""
        ready = self.hub.runnable()
        if not ready:
            return False
        stay = self._focus in ready and self.chance.random() < self.plan.stickiness
        task = self._focus if stay and self._focus else self.chance.choice(ready)
        self._focus = task
        self.hub.step(task)
        if task.alive and task.where == "waits for the writer":
            self.reached["writer_waited"] += 1
        if task.alive:
            self._doze(task)
            self._strike(task)
        return True

    def _doze(self, task: Task) -> None:
        """Let a worker be slow between hearing an answer and acting on it."""
        hears = task.where.startswith("hears about collection_status")
        if hears and self.chance.random() < self.plan.doze_rate:
            seconds = self.chance.choice((47, 62, 100, 1_000))
            self.hub.at += timedelta(seconds=seconds)
            self._say(f"{task.name} dozes for {seconds} s")

    def _strike(self, task: Task) -> None:
        """Kill or stop a task where it stands, most often where that hurts."""
        sore = 8 if task.where.startswith(SORE) else 1
        if self.chance.random() < self.plan.kill_rate * sore:
            self._kill(task)
        elif self.chance.random() < self.plan.freeze_rate * sore * 2:
            self._freeze(task)

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
            while self.chance.random() >= lazy and self.answer():
                pass
            self._everybody_works()
            due = self._next_due()
            if due is None or self.hub.at - began > timedelta(days=QUIET_DAYS):
                return
            if not to_the_end and self.watch.quiet():
                return
            # Longer steps as the days go by: what falls due within one is done together.
            step = timedelta(seconds=10) + (self.hub.at - began)
            self.hub.at = max(due, self.hub.at + min(pace * step, timedelta(days=1)))

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
        # Whether anybody hears the bell decides how soon work is done, never whether.
        self.bells.away = self.chance.random() < 0.7
        if any(task.frozen for task in self.hub.tasks):
            self.pass_time()  # whoever was stopped wakes late
        for task in self.hub.tasks:
            task.frozen, task.loses_commit, task.skew = False, False, timedelta(0)

    def _everybody_works(self) -> None:
        """Providers, post, clock and workers do what is due now."""
        self.world.tick()
        self._empty_outbox()
        self._spawn("clock", "clock-1", sweeper.sweep)
        self._run_all()
        while self.bells.waiting:
            name = self.bells.waiting.pop(0)
            self._spawn("worker", "worker-1", lambda name=name: jobs.run(name))
            self._run_all()

    def _next_due(self) -> datetime | None:
        moments = [self.world.next_due()]
        for query in (
            "SELECT MIN(next_check_at) FROM payment",
            "SELECT MIN(next_try_at) FROM webhook_event WHERE status = 'queued'",
        ):
            text = self.house.eye.execute(query).fetchone()[0]
            moments.append(None if text is None else datetime.fromisoformat(f"{text}+00:00"))
        known = [at for at in moments if at is not None]
        return min(known) if known else None

    def _run_all(self) -> None:
        """Let everybody finish, one after another as far as the locks allow."""
        while ready := self.hub.runnable():
            task = ready[0]
            while task.alive and not self._broken() and task in self.hub.runnable():
                self.hub.step(task)
                self._doze(task)
            if self._broken():
                return

    def _bury(self) -> None:
        for task in list(self.hub.tasks):
            self.hub.kill(task)

    # -- processes ------------------------------------------------------------------------------

    def _spawn(self, name: str, process: str, work: Callable[[], object]) -> Task:
        self._numbers += 1
        app = self.house.app

        def live() -> object:
            with app.app_context():
                return work()

        skew = timedelta(0)
        if self.plan.skewed and process == "worker-2" and not self._calm:
            skew = timedelta(hours=self.chance.choice((-1, 1)))
        return self.hub.spawn(f"{name}#{self._numbers}", process, live, skew)

    def _kill(self, task: Task) -> None:
        if task.where.startswith("hears") and task.operation == "collect":
            if task.heard.get(task.reference):
                self.reached["killed_after_acceptance"] += 1
        elif task.where.startswith("sends collect"):
            self.reached["killed_while_sending"] += 1
        elif task.where == "committed":
            self.reached["killed_after_commit"] += 1
        elif self.hub.writer is not None and self.hub.writer[1] is task:
            self.reached["killed_inside_transaction"] += 1
        self.hub.kill(task)
        self.house.lose(task.process)

    def kill_one(self) -> None:
        """One process dies."""
        if self.hub.tasks and self.plan.kill_rate:
            self._kill(self.chance.choice(self.hub.tasks))

    def kill_everybody(self) -> None:
        """The machine dies: every process, and Redis with it."""
        if not self.hub.tasks or not self.plan.kill_rate:
            return
        self.reached["everybody_killed"] += 1
        for task in list(self.hub.tasks):
            self._kill(task)
        self.bells.flush()
        self.house.providers.forget()

    def freeze(self) -> None:
        """Stop one process as SIGSTOP does, or let the stopped ones go on."""
        frozen = [task for task in self.hub.tasks if task.frozen]
        for task in frozen:
            task.frozen = False
            self._say(f"{task.name} wakes")
        if not frozen and self.hub.tasks:
            self._freeze(self.chance.choice(self.hub.tasks))

    def _freeze(self, task: Task) -> None:
        if self.hub.writer is None or self.hub.writer[1] is not task:
            task.frozen = True
            self._say(f"{task.name} is stopped at: {task.where}")
            if self.chance.random() < 0.5:
                self.pass_time()

    def lose_commit(self) -> None:
        """Somebody's next commit will succeed and look failed."""
        if self.hub.tasks and self.plan.lossy_commits:
            self.chance.choice(self.hub.tasks).loses_commit = True

    # -- workers --------------------------------------------------------------------------------

    def work(self) -> None:
        """A worker hears the bell; sometimes two do."""
        if not self.bells.waiting:
            return
        name = self.bells.waiting.pop(self.chance.randrange(len(self.bells.waiting)))
        started = [self._worker(name)]
        if self.chance.random() < 0.15:
            started.append(self._worker(name))
        if None not in started and len(started) == 2:
            self.reached["bell_heard_twice"] += 1

    def _worker(self, name: str) -> Task | None:
        free = [p for p in ("worker-1", "worker-2", "worker-3") if not self.hub.busy(p)]
        if not free:
            self.bells.waiting.append(name)
            return None
        self._say(f"a worker begins {name}")
        return self._spawn(f"{name}@{free[0]}", free[0], lambda: jobs.run(name))

    def sweep(self) -> None:
        """A clock process looks around; there may be two."""
        free = [p for p in ("clock-1", "clock-2") if not self.hub.busy(p)]
        if free:
            self._spawn(f"sweep@{free[0]}", free[0], sweeper.sweep)

    def seal(self) -> None:
        """The books are sealed."""
        self._worker("seal_books")

    def lose_bells(self) -> None:
        """Redis forgets everything, or is away for a while."""
        lost = self.bells.flush()
        self.reached["bells_lost"] += bool(lost)
        self.bells.away = self.chance.random() < 0.3
        self._say(f"Redis forgets {lost} rings{' and is away' if self.bells.away else ''}")

    # -- buyers ---------------------------------------------------------------------------------

    def _crowded(self) -> bool:
        """Say whether the web server has as many requests as it has threads."""
        return sum(task.process == "web" for task in self.hub.tasks) >= 8

    def _order(self) -> tuple[int, int, Money]:
        return self.chance.choice(self.orders)

    def new_order(self) -> None:
        """Somebody else wants the same articles."""
        if len(self.orders) >= 5 or self.hub.writer is not None:
            return
        try:
            self.orders.append(self._placed())
        except Refusal as refused:
            session.rollback()
            self._say(f"an order is refused: {type(refused).__name__}")

    def tap(self) -> None:
        """A buyer taps "Pay"; sometimes twice, sometimes by going back to the same form."""
        self._tap(self._order())

    def _tap(self, order: tuple[int, int, Money]) -> None:
        if self._crowded():
            return
        if order[0] not in self._forms or self.chance.random() < 0.4:
            self._forms[order[0]] = f"form-{self._numbers}-{order[0]}"
        method = self.chance.choice(METHODS)
        form_key = self._forms[order[0]]
        twice = self.chance.random() < 0.25
        if twice:
            self.reached["form_submitted_twice_at_once"] += 1
        for _ in range(2 if twice else 1):
            self._say(f"buyer {order[1]} taps pay {method} for order {order[0]} ({form_key})")
            self._spawn(f"pay{order[0]}", "web", lambda: self._pay(order, method, form_key))

    def _pay(self, order: tuple[int, int, Money], method: str, form_key: str) -> str:
        try:
            payment = settlement.start_payment(
                Intent(
                    purpose=Purpose.ORDER,
                    purpose_id=order[0],
                    user_id=order[1] + 1,
                    method=methods.get(method),
                    payer_phone=PAYERS[method].format(order[1]),
                    owed=order[2],
                    form_key=form_key,
                )
            )
        except Refusal as refused:
            self.reached["out_of_stock_at_payment"] += isinstance(refused, orders.OutOfStock)
            return type(refused).__name__
        reference = payment.reference
        queue.ring("submit_payments")
        return reference

    def change_method(self) -> None:
        """A buyer leaves an attempt and pays by another method."""
        if self._crowded():
            return
        order, method = self._order(), self.chance.choice(METHODS)
        form_key = self._forms[order[0]] = f"form-{self._numbers}-{order[0]}-again"
        self._say(f"buyer {order[1]} gives up and pays order {order[0]} by {method}")

        def leave() -> str:
            live = payments.live_of(Purpose.ORDER, order[0])
            if live is None:
                return "nothing to leave"
            settlement.give_up(live.id)
            return self._pay(order, method, form_key)

        self._spawn(f"change{order[0]}", "web", leave)

    def nudge(self) -> None:
        """A buyer asks to check now, or says it is paid."""
        if self._crowded():
            return
        row = self._some_payment()
        if row is None:
            return
        number, reference = row["id"], row["reference"]
        claims = self.chance.random() < 0.3

        def ask() -> None:
            if claims:
                settlement.claim_paid(number, "TX123")
            else:
                settlement.check_now(number)
            queue.ring("verify_payments")

        self._say(f"the buyer of {reference} {'says it is paid' if claims else 'asks to check'}")
        self._spawn(f"check-{reference}", "web", ask)

    def _some_payment(self, where: str = "1") -> Any:
        rows = self.house.eye.execute(f"SELECT * FROM payment WHERE {where} ORDER BY id").fetchall()
        return self.chance.choice(rows) if rows else None

    # -- payers ---------------------------------------------------------------------------------

    def answer(self) -> bool:
        """A payer accepts, refuses or puts the phone away; say whether anybody was asked."""
        open_ones = "SELECT id FROM prompts WHERE state = 'open' AND NOT ignored ORDER BY id"
        if not self._calm and self.chance.random() < 0.3:
            open_ones = open_ones.replace("AND NOT ignored ", "")
        asked = [self.world.prompt(row["id"]) for row in self.world.book_file.rows(open_ones)]
        reachable = [prompt for prompt in asked if self._within_reach(prompt)]
        if not reachable:
            return False
        prompt = self.chance.choice(reachable)
        if prompt.phone is None:
            row = self.house.eye.execute(
                "SELECT payer_phone FROM payment WHERE reference = ?", (prompt.reference,)
            ).fetchone()
            prompt = self.world.present(prompt.id, row["payer_phone"])
        act = self.chance.choices(("accept", "refuse", "ignore"), (7, 2, 1))[0]
        if act == "accept" and self.chance.random() < self.plan.fault_rate * 0.2:
            self._surprise(prompt)
        done = getattr(self.world, act)(prompt.id)
        self._say(f"the payer of {prompt.provider} {prompt.reference}: {act} ({done})")
        if not done:
            self.world.ignore(prompt.id)
        return True

    def _surprise(self, prompt: Prompt) -> None:
        """This payer's money will come late, or be another sum."""
        kind = self.chance.choice(SURPRISES)
        if kind not in IMPOSSIBLE.get(prompt.provider, ()):
            self._plant(prompt.provider, kind, {"calls": 1, "reference": prompt.reference})

    def _within_reach(self, prompt: Prompt) -> bool:
        row = self.house.eye.execute(
            "SELECT page_url FROM payment WHERE reference = ?", (prompt.reference,)
        ).fetchone()
        return within_reach(prompt, None if row is None else row["page_url"])

    # -- providers ------------------------------------------------------------------------------

    def tick(self) -> None:
        """What the providers had planned happens."""
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

    def pass_time(self) -> None:
        """The clock moves on."""
        seconds = self.chance.choice([s for s in JUMPS if s <= self.plan.longest_s])
        self.hub.at += timedelta(seconds=seconds)
        self._say(f"{seconds} s pass: {self.hub.at:%d %H:%M:%S}")
        if not self._calm and self.chance.random() < 0.5:
            self.sweep()

    # -- messages -------------------------------------------------------------------------------

    def _posted(self, delivery: Delivery) -> int:
        """Take a provider's message: it is now on its way, or lost (0) and tried again later."""
        if not self._calm and self.chance.random() < 0.15:
            return 0
        self.house.outbox.append(delivery)
        return 200

    def deliver(self) -> None:
        """A message arrives, any of those on their way; sometimes twice."""
        if self._crowded():
            return
        outbox = self.house.outbox
        if not outbox:
            return
        delivery = outbox.pop(self.chance.randrange(len(outbox)))
        self._bring(delivery)
        if self.chance.random() < 0.15:
            self.reached["webhook_twice"] += 1
            self._bring(delivery)

    def replay(self) -> None:
        """An old message arrives again, perhaps at another payment's address."""
        if self._crowded():
            return
        if not self._delivered:
            return
        delivery = self.chance.choice(self._delivered)
        other = self._some_payment(f"provider = '{delivery.provider}'")
        url = delivery.url
        if other is not None and delivery.provider != "wave" and self.chance.random() < 0.5:
            url = f"{url.rpartition('/webhook/')[0]}/webhook/{other['provider']}/{other['callback_token']}/"
            self.reached["webhook_for_another_payment"] += 1
        self._knock(delivery, url, delivery.headers, delivery.body)

    def forge(self) -> None:
        """Somebody who is not the provider says that a payment is paid."""
        if self._crowded():
            return
        rows = self.world.book_file.rows("SELECT id FROM prompts ORDER BY id")
        if not rows:
            return
        prompt = self.world.prompt(self.chance.choice(rows)["id"])
        desk = self.world.desks[prompt.provider]
        lie = desk.forge(prompt, event_id=self.world.event_id())
        if lie is None:
            return
        headers = desk.headers(lie.body, self.hub.at, forged=True)
        if prompt.provider == "wave" and self.chance.random() < 0.3:
            # The right secret at the wrong time: somebody kept an old message.
            at = int(self.hub.at.timestamp()) - 4_000
            sign = signature(WAVE["webhook_secret"], at, lie.body)
            headers |= {"Wave-Signature": f"t={at},v1={sign}"}
        if prompt.state is State.OPEN:
            self.reached["forged_webhook_for_pending"] += 1
        forged = Delivery(
            0, prompt.provider, prompt.reference, lie.method, lie.url, headers, lie.body, 1, True
        )
        self._bring(forged)

    def _bring(self, delivery: Delivery) -> None:
        self._delivered.append(delivery)
        row = self.house.eye.execute(
            "SELECT status FROM payment WHERE reference = ?", (delivery.reference,)
        ).fetchone()
        if row is not None and row["status"] == "sending" and not delivery.forged:
            self.reached["webhook_overtook_reply"] += 1
        self._knock(delivery, delivery.url, delivery.headers, delivery.body)

    def _knock(self, about: Delivery, url: str, headers: dict[str, str], body: bytes) -> None:
        path = url.removeprefix(self.world.shop_url)
        lies = " (forged)" if about.forged else ""
        self._say(f"{about.provider} knocks about {about.reference}{lies}")
        client = self.house.app.test_client()

        def knock() -> int:
            return client.open(path, method=about.method, data=body, headers=headers).status_code

        self._numbers += 1
        self.hub.spawn(f"webhook#{self._numbers}", "web", knock, timedelta(0))

    def _empty_outbox(self) -> None:
        while self.house.outbox:
            self._bring(self.house.outbox.pop(0))
            self._run_all()


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
