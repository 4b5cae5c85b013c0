"""`.ci/prepare`, which ./run and ./test begin with: it installs once, and says what stands in its way."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PREPARE = Path(__file__).resolve().parents[2] / ".ci" / "prepare"
PYTHONS = ("python3", "python3.11", "python3.12", "python3.13")

#: Stands in for Python: answers what the tests say, and writes down what it was asked to do.
STUB = """#!/bin/sh
echo "$*" >> calls
case "$*" in
  *version_info\\ \\<*) exit ${IS_OLD:-0} ;;
  -V) echo "Python 3.9.2" ;;
  *%d.%d-venv*) echo python3.12-venv ;;
  *ensurepip*) exit ${LACKS_ENSUREPIP:-0} ;;
  "-m venv"*) [ -z "${LACKS_ENSUREPIP:-}" ] || exit 1
              mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"pip install"*) exit ${NO_NETWORK:-0} ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "un dossier"
    (folder / "bin").mkdir(parents=True)
    for name in PYTHONS:
        stub = folder / "bin" / name
        stub.write_text(STUB)
        stub.chmod(0o755)
    shutil.copy(PREPARE, folder / "prepare")
    (folder / "requirements.txt").write_text("flask==3.1.3\n")
    (folder / "requirements-uv.txt").write_text("uv==0.13.9\n")
    return folder


def prepare(project: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Prepare the project, and forget what Python was asked before."""
    (project / "calls").write_text("")
    environment = {"PATH": f"{project / 'bin'}:{os.defpath}", **settings}
    return subprocess.run(
        ["sh", "-euc", ". ./prepare; prepare requirements.txt; echo prepared"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )


def installs(project: Path) -> int:
    return (project / "calls").read_text().count("--require-hashes -r requirements.txt")


def test_packages_are_installed_once_and_again_when_the_pins_change(project: Path) -> None:
    assert prepare(project).stdout == "prepared\n"
    assert installs(project) == 1

    assert prepare(project).stderr == ""
    assert installs(project) == 0

    (project / "requirements.txt").write_text("flask==3.1.4\n")
    assert prepare(project).returncode == 0
    assert installs(project) == 1


def test_failed_installation_is_said_and_tried_again(project: Path) -> None:
    failed = prepare(project, NO_NETWORK="1")

    assert failed.returncode == 1
    assert "could not be installed" in failed.stderr
    assert prepare(project).stdout == "prepared\n"
    assert installs(project) == 1


def test_old_python_is_said_in_one_sentence(project: Path) -> None:
    answer = prepare(project, IS_OLD="1")

    assert answer.returncode == 1
    assert "prepared" not in answer.stdout
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("Cauri needs Python 3.11 or newer and found Python 3.9.2")


def test_python_without_venv_is_cured_by_one_line(project: Path) -> None:
    answer = prepare(project, LACKS_ENSUREPIP="1")

    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].endswith("apt-get install -y python3.12-venv")
    assert not (project / ".venv").exists()


def test_interrupted_creation_is_begun_again(project: Path) -> None:
    (project / ".venv").mkdir()

    assert prepare(project).stdout == "prepared\n"
    assert "-m venv --clear .venv" in (project / "calls").read_text()
