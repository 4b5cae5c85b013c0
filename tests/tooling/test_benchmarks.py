"""The benchmarks compare fairly and measure what they say."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

import pytest

from benchmarks.harness import Comparison, interleave, record
from benchmarks.server import NotServing, serving

APP = """
def app(environ, start_response):
    sum(i * i for i in range(200_000))
    start_response("200 OK", [])
    return [b"ok"]
"""


def test_variants_take_turns_and_are_compared_within_their_round() -> None:
    order: list[str] = []
    load = iter([1.0, 1.0, 10.0, 10.0, 1.0, 1.0])  # a neighbour disturbs the second round

    def variant(name: str, cost: float) -> float:
        order.append(name)
        return cost * next(load)

    result = interleave(
        "Fake path",
        {"limit": lambda: variant("limit", 2.0), "ours": lambda: variant("ours", 3.0)},
        rounds=3,
        limit="limit",
        unit="ms",
    )

    assert order == ["limit", "ours", "ours", "limit", "limit", "ours"]
    assert result.ratio("ours") == 1.5
    assert result.ratio("limit") == 1
    assert result.median("ours") == 3.0


def test_limit_must_be_one_of_the_variants() -> None:
    with pytest.raises(AssertionError, match="same run"):
        interleave("x", {"ours": lambda: 1.0}, rounds=1, limit="absent", unit="ms")


def test_new_results_replace_the_old_and_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"

    def result(name: str, figure: float) -> Comparison:
        return Comparison(name, "ms", "limit", {"limit": [1.0], "ours": [figure]})

    for comparison in (result("Webhook", 2), result("Catalogue", 3), result("Webhook", 4)):
        record(comparison, path)

    text = path.read_text()
    assert text.count("## Webhook") == 1
    assert "| ours | 4 | 4 | 4 | 4.00 |" in text
    assert "| ours | 3 | 3 | 3 | 3.00 |" in text
    assert "| ours | 2 |" not in text


@pytest.mark.skipif(sys.platform != "linux", reason="processor time is read from Linux's /proc")
def test_served_requests_cost_processor_time(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(APP)

    with serving("busy:app", workers=1, directory=tmp_path) as server:
        before = server.cpu_s()
        for _ in range(20):
            with urllib.request.urlopen(server.url) as answer:
                assert answer.read() == b"ok"
        used = server.cpu_s() - before

    assert 0.02 < used < 20


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(NotServing, match="no_such_app"),
        serving("no_such_app:app", directory=tmp_path),
    ):
        pytest.fail("nothing can be served")
