"""`./test` tells the truth: its last line, its exit code, and the skips it reports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import run
from tests.run import Stage

SAMPLE = """
import pytest
def test_good(): pass
def test_also_good(): pass
def test_skipped(): pytest.skip("no such server: install it")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one folder of tests and a table of stages for it."""
    folder = tmp_path / "sample"
    folder.mkdir()
    (folder / "test_sample.py").write_text(SAMPLE)
    here = str(Path(run.__file__).parent.parent)
    monkeypatch.setenv("PYTHONPATH", here)
    monkeypatch.setattr(run, "PROJECT", tmp_path)
    pytest_stage = Stage("unit", ([*run.PYTEST, "-q", "sample"],), "sample", is_pytest=True)
    checks = Stage("lint", (["this"],), "sample")
    absent = Stage("simulation", (["nothing"],), "tests/simulation", takes_schedules=True)
    monkeypatch.setattr(run, "STAGES", (checks, pytest_stage, absent))
    return folder


def test_last_line_counts_all_tests(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = run.main([])

    lines = capfd.readouterr().out.splitlines()
    assert code == 0
    assert lines[-1] == "2 passed, 0 failed, 1 skipped"
    assert "skipped 1: no such server: install it" in lines
    assert any(line.startswith("simulation  nothing to check") for line in lines)


def test_failure_of_any_kind_is_a_failed_run(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "test_bad.py").write_text("def test_bad(): assert 1 == 2\n")
    (project / "test_broken.py").write_text("import no_such_module\n")

    code = run.main(["--continue-on-collection-errors"])

    lines = capfd.readouterr().out.splitlines()
    assert code == 1
    assert lines[-1] == "2 passed, 2 failed, 1 skipped"
    assert "Failed: unit" in lines


def test_failed_check_fails_the_run_and_the_rest_still_runs(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Stage("lint", (["no_such_checker"],), "sample")
    monkeypatch.setattr(run, "STAGES", (bad, *run.STAGES[1:]))

    code = run.main([])

    lines = capfd.readouterr().out.splitlines()
    assert code == 1
    assert lines[-1] == "2 passed, 0 failed, 1 skipped"
    assert "Failed: lint" in lines


def test_options_reach_pytest(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run.main(["-k", "also"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "1 passed, 0 failed, 0 skipped"


def test_name_that_matches_nothing_is_no_success(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["-k", "nothing_is_called_this"]) == 1
    assert capfd.readouterr().out.splitlines()[-1] == "0 passed, 0 failed, 0 skipped"


def test_named_stages_run_alone_with_their_schedules() -> None:
    choice = run.read(["simulation", "--schedules", "2000", "--strict"])

    assert [stage.name for stage in choice.stages] == ["simulation"]
    assert (choice.schedules, choice.strict, list(choice.extra)) == (2000, True, [])


def test_every_stage_is_run_by_default() -> None:
    choice = run.read([])

    names = [stage.name for stage in choice.stages]
    assert names == [stage.name for stage in run.STAGES if not stage.only_when_named]
    assert choice.schedules == 300


def test_help_explains_the_stages() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.run", "--help"], capture_output=True, text=True
    )

    assert answer.returncode == 0
    assert "./test simulation --schedules 2000" in answer.stdout
