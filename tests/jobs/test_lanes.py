"""Lanes: a slow answer holds up nobody, and nobody is asked more at once than may be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import chain

import pytest
from flask import Flask

from shop import lanes


class Shelf:
    """Things to claim, and how many were asked at once."""

    def __init__(self, count: int) -> None:
        self.left = list(range(count))
        self.claims: list[int] = []
        self.busy = self.most = 0
        self._lock = threading.Lock()

    def claim(self, most: int) -> Sequence[int]:
        taken, self.left = self.left[:most], self.left[most:]
        self.claims.append(len(taken))
        return taken

    def asking(self, wait_s: Callable[[int], float]) -> Callable[[int], int]:
        def ask(number: int) -> int:
            with self._lock:
                self.busy += 1
                self.most = max(self.most, self.busy)
            time.sleep(wait_s(number))
            with self._lock:
                self.busy -= 1
            return number

        return ask


@pytest.fixture
def outside(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """Let lanes have threads, as in life."""
    monkeypatch.setitem(app.config, "LANES", "threads")
    with app.app_context():
        yield


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("ahead", [0, 8])
def test_everything_is_asked_once_and_never_too_much_at_once(ahead: int):
    shelf = Shelf(100)

    handfuls = list(lanes.flow(shelf.claim, shelf.asking(lambda _: 0.002), 4, ahead=ahead))

    assert sorted(chain(*handfuls)) == list(range(100))
    assert shelf.most == 4


@pytest.mark.usefixtures("outside")
def test_one_slow_answer_holds_up_nobody():
    shelf, told = Shelf(40), []

    for handful in lanes.flow(shelf.claim, shelf.asking(lambda n: 0.5 if n == 0 else 0.01), 4):
        told += handful

    assert told[-1] == 0, "the slow one answers when all others have"


@pytest.mark.usefixtures("outside")
def test_answers_that_come_together_are_settled_together():
    shelf = Shelf(64)

    handfuls = list(lanes.flow(shelf.claim, shelf.asking(lambda _: 0.02), 8, ahead=16))

    assert len(handfuls) <= 12, "an answer waits a moment for others"
    assert len(shelf.claims) <= 12


@pytest.mark.usefixtures("outside")
def test_single_answer_does_not_wait_for_others():
    shelf, began = Shelf(1), time.monotonic()

    assert list(lanes.flow(shelf.claim, shelf.asking(lambda _: 0.0), 8, ahead=16)) == [[0]]

    assert time.monotonic() - began < lanes.GATHER_S
