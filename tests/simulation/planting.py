"""How a bug is put in on purpose, and hunted."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from tests.simulation.campaign import open_house, play
from tests.simulation.house import House
from tests.simulation.plan import Plan


@dataclass(frozen=True)
class Bug:
    """What is replaced, by what, and how a person would say it."""

    words: str
    changes: tuple[tuple[Any, str, Any], ...]
    needs: Callable[[Plan], bool] = lambda plan: True
    """Which stories can show it at all: the others are skipped, and keep their numbers."""


PLANTED: Final[dict[str, Bug]] = {}


def bug(
    words: str, *places: tuple[Any, str], needs: Callable[[Plan], bool] = lambda plan: True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Plant a function in the place of others."""

    def plant(function: Callable[..., Any]) -> Callable[..., Any]:
        changes = tuple((*place, function) for place in places)
        PLANTED[function.__name__] = Bug(words, changes, needs)
        return function

    return plant


def hunt(house: House, planted: Bug, seed: int, most: int) -> tuple[int, str] | None:
    """Run schedules with a bug in place until one fails: its number and what gave it away."""
    with ExitStack() as stack:
        for place, name, wrong in planted.changes:
            stack.enter_context(patch.object(place, name, wrong))
        able = (n for n in range(most) if planted.needs(Plan.of(seed, n)))
        result = play(house, seed, able, most_failures=1)
    if not result.failures:
        return None
    return result.failures[0].number, result.failures[0].violations[0]


def planted() -> dict[str, Bug]:
    """Read every file of bugs, and give them all."""
    for name in ("planted", "planted_out", "planted_escrow"):
        importlib.import_module(f"tests.simulation.{name}")
    return PLANTED


def hunt_by_name(name: str, seed: int, most: int) -> tuple[int, str] | None:
    """Hunt in this process's own house: for a pool."""
    return hunt(open_house(), planted()[name], seed, most)
