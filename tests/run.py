"""`./test`: every check of the project, stage by stage; all run even when one fails.

  ./test                         everything
  ./test unit races              only these stages
  ./test -k webhook              only tests whose name matches (any pytest option works)
  ./test tests/ledger            only these files or folders
  ./test simulation --schedules 2000
  ./test chaos                   kill real processes while people pay (minutes; only when named)
  ./test --strict                what this machine cannot run counts as failed

The last line is for programs: `N passed, N failed, N skipped`, over all pytest stages.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NO_TESTS_COLLECTED = 5
INTERRUPTED = 130

PYTEST = ["pytest", "-p", "tests.tally"]
PARALLEL = ["-n", "2", "--dist", "loadfile"]
NOT_UNIT = ["--ignore=tests/flows", "--ignore=tests/races", "--ignore=tests/browser"]
#: Not asked of our pages: sizes on every picture (the style sheet gives them), no inline style
#: (charts set widths), descriptions and keywords for search engines, `url_for` for addresses that
#: also stand in SMS and so may never change, `type="submit"` on buttons of forms, which is the default.
IGNORED_TEMPLATE_RULES = "H006,H021,H030,H031,H043,J018"
TEMPLATE_RULES = ["--lint", "--quiet", "--profile", "jinja", "--ignore", IGNORED_TEMPLATE_RULES]


@dataclass(frozen=True)
class Stage:
    """A check: Python modules to run, in order, and the path without which there is nothing to do.

    A pytest stage is counted, and takes pytest's own options from the command line.
    """

    name: str
    commands: Sequence[Sequence[str]]
    needs: str
    is_pytest: bool = False
    takes_schedules: bool = False
    only_when_named: bool = False


STAGES = (
    Stage("lint", (["ruff", "check", "."], ["ruff", "format", "--check", "."]), "pyproject.toml"),
    Stage("types", (["mypy"],), "shop"),
    Stage("templates", (["djlint", *TEMPLATE_RULES, "templates"],), "templates"),
    Stage("unit", ([*PYTEST, *PARALLEL, *NOT_UNIT, "tests"],), "tests", is_pytest=True),
    Stage("flows", ([*PYTEST, *PARALLEL, "tests/flows"],), "tests/flows", is_pytest=True),
    Stage("races", ([*PYTEST, "tests/races"],), "tests/races", is_pytest=True),
    Stage("browser", ([*PYTEST, "tests/browser"],), "tests/browser", is_pytest=True),
    Stage(
        "simulation",
        (["tests.simulation"],),
        "tests/simulation/__main__.py",
        takes_schedules=True,
    ),
    Stage("chaos", (["tests.chaos"],), "tests/chaos/__main__.py", only_when_named=True),
)


@dataclass
class Totals:
    """What became of the tests of all pytest stages, and which stages went wrong."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failed_stages: list[str] = field(default_factory=list)

    def add(self, tally: dict[str, int], reasons: dict[str, int]) -> None:
        """Add one stage's counts."""
        self.passed += tally["passed"]
        self.failed += tally["failed"]
        self.skipped += tally["skipped"]
        self.reasons.update(reasons)

    def line(self) -> str:
        """Return the last line, the one for programs."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Choice:
    """What the command line asked for."""

    stages: Sequence[Stage]
    extra: Sequence[str]
    schedules: int
    strict: bool


def main(words: Sequence[str]) -> int:
    """Run what was asked for and print the results."""
    choice = read(words)
    totals = Totals()
    environment = {**os.environ, **({"CAURI_REQUIRE_ALL": "1"} if choice.strict else {})}
    try:
        for stage in choice.stages:
            run_stage(stage, choice, environment, totals)
    except KeyboardInterrupt:
        say("Interrupted.")
        say(totals.line())
        return INTERRUPTED
    if choice.extra and not (totals.passed + totals.failed + totals.skipped):
        totals.failed_stages.append("no test matched")
    report(totals)
    return 1 if totals.failed_stages else 0


def read(words: Sequence[str]) -> Choice:
    """Read the command line: our options, names of stages, and the rest for pytest."""
    parser = argparse.ArgumentParser(
        prog="./test", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--strict", action="store_true", help="a missing server is a failure")
    parser.add_argument("--schedules", type=int, default=300, help="of the simulation (300)")
    known, rest = parser.parse_known_args(words)
    by_name = {stage.name: stage for stage in STAGES}
    named = [word for word in rest if word in by_name]
    extra = [word for word in rest if word not in by_name]
    if named:
        stages = [by_name[name] for name in named]
    elif any((PROJECT / word.partition("::")[0]).exists() for word in extra):
        stages = [Stage("tests", (PYTEST,), "tests", is_pytest=True)]
    elif extra:
        stages = [stage for stage in STAGES if stage.is_pytest]
    else:
        stages = [stage for stage in STAGES if not stage.only_when_named]
    return Choice(stages, extra, known.schedules, known.strict)


def run_stage(stage: Stage, choice: Choice, environment: dict[str, str], totals: Totals) -> None:
    """Run one stage, print its line and add its counts."""
    if not (PROJECT / stage.needs).exists():
        say(f"{stage.name:11} nothing to check: there is no {stage.needs}")
        return
    started = time.monotonic()
    if stage.is_pytest:
        good = run_pytest(stage, choice.extra, environment, totals)
    elif stage.takes_schedules:
        arguments = ["--schedules", str(choice.schedules), *choice.extra]
        good = run_modules(stage.commands, arguments, environment, tells=True)
    else:
        good = run_modules(stage.commands, [], environment)
    if not good:
        totals.failed_stages.append(stage.name)
    word = "ok" if good else "FAILED"
    say(f"{stage.name:11} {word:7} {time.monotonic() - started:6.1f} s")


def run_modules(
    commands: Iterable[Sequence[str]],
    arguments: Sequence[str],
    environment: dict[str, str],
    *,
    tells: bool = False,
) -> bool:
    """Run modules whose output is only worth reading when they fail; one that tells ends with a sum."""
    good = True
    for command in commands:
        answer = subprocess.run(
            [sys.executable, "-m", *command, *arguments],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if answer.returncode:
            say(answer.stdout.rstrip())
            good = False
        elif tells:
            say(f"{'':11} {answer.stdout.rstrip().rpartition(chr(10))[2]} (schedules)")
    return good


def run_pytest(
    stage: Stage, extra: Sequence[str], environment: dict[str, str], totals: Totals
) -> bool:
    """Run pytest with its output in view, and add up what its plugin wrote."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tally.json"
        code = subprocess.run(
            [sys.executable, "-m", *stage.commands[0], *extra],
            cwd=PROJECT,
            env={**environment, "CAURI_TALLY": str(path)},
        ).returncode
        if path.exists():
            tally = json.loads(path.read_text())
            totals.add(tally, tally.pop("reasons"))
    # A choice of tests may well leave a stage empty; a whole stage may not be.
    return code == 0 or (code == NO_TESTS_COLLECTED and bool(extra))


def report(totals: Totals) -> None:
    """Print why tests were skipped, which stages failed, and the totals."""
    for reason, count in totals.reasons.most_common():
        say(f"skipped {count}: {reason}")
    if totals.failed_stages:
        say(f"Failed: {', '.join(totals.failed_stages)}")
    say(totals.line())


def say(line: str) -> None:
    """Print a line now, in order with what the stages print themselves."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
