"""The road to the simulated providers: every call stops twice, some are long on their way."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import requests
from requests.adapters import BaseAdapter

from tests.simulation.tasks import Hub, Task
from tests.simulation.watch import Watch
from tests.simulation.watch_out import MOVES, Underway


class Line:
    """The slow road to the providers: a request that moves money may arrive long after anybody waited."""

    def __init__(self, watch: Watch, hub: Hub) -> None:
        self._watch, self._hub = watch, hub
        self.begin()

    def begin(self) -> None:
        """Be quick, and empty."""
        self.next_takes_s = 0.0
        self._waiting: list[tuple[datetime, str, BaseAdapter, Any, Any]] = []

    def holds(self, task: Task, inner: BaseAdapter, request: Any, how: Any) -> bool:
        """Keep a request that would move money, if the next one is to be slow."""
        prepares = request.path_url == "/v1/payouts"  # FedaPay: what is only made moves nothing
        if task.operation not in MOVES or prepares or not self.next_takes_s:
            return False
        arrives_at = self._hub.at + timedelta(seconds=self.next_takes_s)
        self.next_takes_s = 0.0
        self._waiting.append((arrives_at, task.reference, inner, request, how))
        self._watch.out.underway.append(Underway(task.reference, arrives_at))
        self._watch.reached["request_long_on_its_way"] += 1
        return True

    def arrive(self, now: datetime) -> list[str]:
        """Let what is due reach its provider; give the references."""
        due = [one for one in self._waiting if one[0] <= now]
        self._waiting = [one for one in self._waiting if one[0] > now]
        for arrives_at, reference, inner, request, how in due:
            with suppress(requests.RequestException):
                inner.send(request, **how)
            self._watch.out.underway.remove(Underway(reference, arrives_at))
        return [one[1] for one in due]

    def next_due(self) -> datetime | None:
        """When the next one arrives."""
        return min((one[0] for one in self._waiting), default=None)


class Wire(BaseAdapter):
    """Between our adapters and a simulated provider: the two stops of every call."""

    def __init__(self, inner: BaseAdapter, hub: Hub, watch: Watch, line: Line) -> None:
        super().__init__()
        self._inner, self._hub, self._watch, self._line = inner, hub, watch, line

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:  # type: ignore[override]
        """Carry one request, as far as the scheduler and the faults let it."""
        task = self._hub.current
        label = f"{task.operation} {task.reference}" if task else ""
        if task is not None:
            self._watch.about_to_send(task)
        self._hub.pause(f"sends {label}")
        self._line.arrive(self._hub.at)  # what left earlier and was slow is there before it
        try:
            if task is not None and self._line.holds(task, self._inner, request, how):
                raise requests.ReadTimeout("on its way", request=request)
            response = self._inner.send(request, **how)
        except requests.RequestException:
            if task is not None:
                self._watch.answered(task)
            self._hub.pause(f"hears nothing about {label}")
            raise
        if task is not None:
            self._watch.answered(task)
        self._hub.pause(f"hears about {label}")
        return response

    def close(self) -> None:
        """Nothing to put away."""
