"""Take turns, keep medians, compare with a named limit, and write the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

#: One measurement: run the variant once and return its figure.
Variant = Callable[[], float]


@dataclass(frozen=True)
class Goal:
    """What a variant should be, against another variant of the same run: at least or at most so much."""

    variant: str
    against: str
    ratio: float
    at_most: bool = False
    why_missed: str = ""
    """What a reader is told when the goal is missed: the cause, and what it would take."""

    def verdict(self, comparison: Comparison) -> str:
        """Return one line of RESULTS.md that says whether the goal is met."""
        found = comparison.ratio(self.variant, self.against)
        met = found <= self.ratio if self.at_most else found >= self.ratio
        wanted = f"{self.variant} {'≤' if self.at_most else '≥'} {self.ratio:g}× {self.against}"
        line = f"- Goal: {wanted}. Found {found:.2f}×: **{'met' if met else 'missed'}**."
        return line if met or not self.why_missed else f"{line} {self.why_missed}"


@dataclass(frozen=True)
class Comparison:
    """Every figure of every variant, and which variant is the limit they are compared with."""

    name: str
    unit: str
    limit: str
    figures: Mapping[str, list[float]]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()

    def judged(self, *goals: Goal, notes: Sequence[str] = ()) -> Comparison:
        """Return the same figures with what they were hoped to be."""
        return replace(self, goals=goals, notes=notes)

    def median(self, variant: str) -> float:
        """Return a variant's middle figure: one noisy round does not move it."""
        return median(self.figures[variant])

    def ratio(self, variant: str, against: str = "") -> float:
        """Return how a variant compares with another (the limit), as the median of the rounds' ratios.

        Each round is its own small experiment: what disturbed it disturbed both.
        """
        pairs = zip(self.figures[variant], self.figures[against or self.limit], strict=True)
        return median(figure / limit for figure, limit in pairs)

    def table(self) -> str:
        """Return the section of RESULTS.md."""
        lines = [
            f"## {self.name}",
            "",
            f"| Variant | {self.unit}, median | lowest | highest | against {self.limit} |",
            "|---|---:|---:|---:|---:|",
        ]
        for variant, figures in self.figures.items():
            numbers = (self.median(variant), min(figures), max(figures))
            cells = " | ".join(f"{number:,.4g}" for number in numbers)
            lines.append(f"| {variant} | {cells} | {self.ratio(variant):.2f} |")
        rounds = len(self.figures[self.limit])
        said = [goal.verdict(self) for goal in self.goals] + [f"- {note}" for note in self.notes]
        lines += ["", f"{rounds} rounds, variants taking turns.", ""]
        return "\n".join([*lines, *said, ""] if said else lines)


def interleave(
    name: str, variants: Mapping[str, Variant], *, rounds: int, limit: str, unit: str
) -> Comparison:
    """Run each variant once per round, every other round backwards, and return the comparison."""
    assert limit in variants, "the limit is measured in the same run as the rest"
    assert rounds > 0, "no round, no figure"
    figures: dict[str, list[float]] = {variant: [] for variant in variants}
    for number in range(rounds):
        order = list(variants)
        if number % 2:
            order.reverse()  # whoever goes second inherits a warm or a tired machine: take turns
        for variant in order:
            figures[variant].append(variants[variant]())
    return Comparison(name, unit, limit, figures)


def record(comparison: Comparison, path: Path) -> None:
    """Put the comparison's table into the file, in the place of its last one."""
    text = (
        path.read_text() if path.exists() else "# Results\n\nWritten by `python -m benchmarks`.\n"
    )
    heading = re.escape(f"## {comparison.name}")
    section = re.compile(rf"^{heading}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    table = comparison.table()
    if section.search(text):
        text = section.sub(lambda _: table + "\n", text, count=1)
    else:
        text = f"{text.rstrip()}\n\n{table}"
    path.write_text(text.rstrip() + "\n")
