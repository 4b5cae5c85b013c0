"""What every part of a schedule shares: who is at work, who may die, and the one clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from shop import jobs, sweeper
from shop.sandbox.values import Delivery
from tests.simulation.house import House
from tests.simulation.plan import JUMPS, SLOW, SORE, Plan
from tests.simulation.tasks import Task
from tests.simulation.watch_out import MOVES


class Story:
    """A schedule's state, and the processes in it."""

    def __init__(self, house: House, seed: int, number: int) -> None:
        self.house, self.hub, self.world = house, house.hub, house.world
        self.watch, self.reached, self.bells = house.watch, house.reached, house.bells
        self.name = f"seed {seed} schedule {number}"
        self.chance = random.Random(f"{seed}:{number}")
        self.plan = Plan.drawn(self.chance)
        self._numbers = 0
        self._judgements = 0
        self._forms: dict[int, str] = {}
        self._slips: dict[int, tuple[str, str, str, int]] = {}
        self._delivered: list[Delivery] = []
        self._focus: Task | None = None
        self._calm = False

    def _say(self, line: str) -> None:
        self.hub.trace.say(line)

    def _broken(self) -> bool:
        return bool(self.watch.violations or self.hub.crashes)

    # -- steps ----------------------------------------------------------------------------------

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
        """Let a worker be slow between hearing an answer and acting on it; others do not wait for it."""
        if task.where.startswith(SLOW) and self.chance.random() < self.plan.doze_rate:
            seconds = self.chance.choice((47, 62, 100, 1_000))
            self.hub.at += timedelta(seconds=seconds)
            self._say(f"{task.name} dozes for {seconds} s")
            if not self._calm and self.chance.random() < 0.5:
                self._focus = None
                self.sweep()

    def _strike(self, task: Task) -> None:
        """Kill or stop a task where it stands, most often where that hurts."""
        sore = 8 if task.where.startswith(SORE) else 1
        if self.chance.random() < self.plan.kill_rate * sore:
            self._kill(task)
        elif self.chance.random() < self.plan.freeze_rate * sore * 2:
            self._freeze(task)

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
        if task.where.startswith("hears") and task.operation in ("collect", *MOVES):
            if task.heard.get(task.reference):
                sent = "payout_" if task.operation in MOVES else ""
                self.reached[f"{sent}killed_after_acceptance"] += 1
        elif task.where.startswith("sends collect"):
            self.reached["killed_while_sending"] += 1
        elif task.where.startswith(("sends pay_out", "sends refund ", "sends start")):
            self.reached["payout_killed_while_sending"] += 1
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

    def _crowded(self) -> bool:
        """Say whether the web server has as many requests as it has threads."""
        return sum(task.process == "web" for task in self.hub.tasks) >= 8

    def _some_payment(self, where: str = "1") -> Any:
        rows = self.house.eye.execute(f"SELECT * FROM payment WHERE {where} ORDER BY id").fetchall()
        return self.chance.choice(rows) if rows else None

    # -- time -----------------------------------------------------------------------------------

    def pass_time(self) -> None:
        """The clock moves on."""
        seconds = self.chance.choice([s for s in JUMPS if s <= self.plan.longest_s])
        self.hub.at += timedelta(seconds=seconds)
        self._say(f"{seconds} s pass: {self.hub.at:%d %H:%M:%S}")
        if not self._calm and self.chance.random() < 0.5:
            self.sweep()
