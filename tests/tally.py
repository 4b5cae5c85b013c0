"""A pytest plugin that writes what became of the tests where `tests.run` can add it up."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the counts and the reasons of the skips to the file named by CAURI_TALLY."""
    if path := os.environ.get("CAURI_TALLY"):
        Path(path).write_text(json.dumps(tally(terminalreporter.stats)))


def tally(stats: dict[str, list[Any]]) -> dict[str, Any]:
    """Return the counts by outcome; an error or an unexpected pass is a failure."""

    def count(*outcomes: str) -> int:
        return sum(len(stats.get(outcome, [])) for outcome in outcomes)

    return {
        "passed": count("passed", "xfailed"),
        "failed": count("failed", "error", "xpassed"),
        "skipped": count("skipped"),
        "reasons": Counter(_reason(report) for report in stats.get("skipped", [])),
    }


def _reason(report: Any) -> str:
    where = report.longrepr
    reason = where[2] if isinstance(where, tuple) else str(where)
    return reason.removeprefix("Skipped: ")
