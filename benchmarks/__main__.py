"""`python -m benchmarks [names] [--rounds N]`: run the paths, print and record their tables."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks.harness import record

RESULTS = Path(__file__).parent / "RESULTS.md"
NOT_PATHS = {"__main__", "harness", "load", "market", "replay", "rivals", "server", "stage"}


def paths() -> list[str]:
    """Return the names of the hot paths: every other file of this folder."""
    found = {module.name for module in pkgutil.iter_modules(benchmarks.__path__)}
    return sorted(found - NOT_PATHS)


def main() -> int:
    """Run the named paths, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of: {', '.join(paths()) or '(none yet)'}")
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    if unknown := set(words.names) - set(paths()):
        parser.error(f"no such path: {', '.join(sorted(unknown))}")
    for name in words.names or paths():
        for comparison in importlib.import_module(f"benchmarks.{name}").run(words.rounds):
            print(comparison.table(), flush=True)
            record(comparison, RESULTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
