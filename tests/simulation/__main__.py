"""The deterministic simulation (RELIABILITY §3): the real house, collecting and sending, stopped anywhere.

  python -m tests.simulation --schedules 2000              many stories, all of which must end well
  python -m tests.simulation --seed 7 --first 41 --schedules 1 --story      one of them, told
  python -m tests.simulation --planted                     bugs put in on purpose, all to be caught

The last line says how many schedules passed and failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.simulation import planting
from tests.simulation.campaign import Result, campaign, houses, play
from tests.simulation.house import House
from tests.simulation.situations import SITUATIONS

#: From here on every dangerous situation must have been met.
ENOUGH_TO_MEET_ALL = 2_000


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--schedules", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first schedule")
    parser.add_argument("--minutes", type=float, help="begin no more schedules after this long")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--planted", nargs="*", metavar="BUG", help="all, or these")
    parser.add_argument("--story", action="store_true", help="tell every schedule")
    chosen = parser.parse_args()
    if chosen.planted is not None:
        names, most = chosen.planted or list(planting.planted()), max(chosen.schedules, 2_000)
        return planted(names, chosen.seed, most, chosen.processes)
    if chosen.schedules <= 5 or chosen.story:
        return told(chosen.seed, range(chosen.first, chosen.first + chosen.schedules))
    started = time.monotonic()
    result = campaign(
        chosen.seed,
        chosen.first,
        chosen.schedules,
        processes=chosen.processes,
        minutes=chosen.minutes,
    )
    report(result, time.monotonic() - started)
    missed = missing(result)
    for name in missed:
        say(f"never reached: {name} ({SITUATIONS[name]})")
    say(f"{result.ran - len(result.failures)} passed, {len(result.failures)} failed")
    return 1 if result.failures or missed else 0


def told(seed: int, numbers: range) -> int:
    """Run a few schedules here and tell each."""
    failed = 0
    with House() as house:
        for number in numbers:
            result = play(house, seed, [number])
            failed += len(result.failures)
            say(str(result.failures[0]) if result.failures else house.hub.trace.readable(10_000))
            say(f"trace {result.hashes[number]}")
    say(f"{len(numbers) - failed} passed, {failed} failed")
    return 1 if failed else 0


def report(result: Result, seconds: float) -> None:
    """Print failures with their stories, then what was met."""
    for failure in result.failures:
        say(f"{failure}\n")
    for name in SITUATIONS:
        say(f"{result.reached[name]:8}  {name}")
    say(f"{result.ran} schedules in {seconds:.0f} s ({result.ran / seconds:.1f}/s)")


def missing(result: Result) -> list[str]:
    """Name the situations that a campaign long enough should have met."""
    if result.ran < ENOUGH_TO_MEET_ALL:
        return []
    return [name for name in SITUATIONS if not result.reached[name]]


def planted(names: list[str], seed: int, most: int, processes: int) -> int:
    """Plant each bug and hunt it; one that is not caught fails the run."""
    escaped = 0
    with houses(processes) as pool:
        hunts = [pool.submit(planting.hunt_by_name, name, seed, most) for name in names]
        for name, hunting in zip(names, hunts, strict=True):
            caught = hunting.result()
            if caught is None:
                escaped += 1
                say(f"{'NOT CAUGHT':>10}  {name}: {planting.planted()[name].words}")
            else:
                number, violation = caught
                say(
                    f"{number + 1:10}  {name}: {planting.planted()[name].words} -> {violation[:120]}"
                )
    say(f"{len(names) - escaped} passed, {escaped} failed")
    return 1 if escaped else 0


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets must not depend on the process: a seed is a story everywhere.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    sys.exit(main())
