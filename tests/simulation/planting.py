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


@dataclass(frozen=True)
class Bug:
    """What is replaced, by what, and how a person would say it."""

    words: str
    changes: tuple[tuple[Any, str, Any], ...]


PLANTED: Final[dict[str, Bug]] = {}


def bug(words: str, *places: tuple[Any, str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Plant a function in the place of others."""

    def plant(function: Callable[..., Any]) -> Callable[..., Any]:
        PLANTED[function.__name__] = Bug(words, tuple((*place, function) for place in places))
        return function

    return plant


def hunt(house: House, planted: Bug, seed: int, most: int) -> tuple[int, str] | None:
    """Run schedules with a bug in place until one fails: its number and what gave it away."""
    with ExitStack() as stack:
        for place, name, wrong in planted.changes:
            stack.enter_context(patch.object(place, name, wrong))
        result = play(house, seed, range(most), most_failures=1)
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
