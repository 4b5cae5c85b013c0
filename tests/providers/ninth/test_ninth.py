"""Adding a ninth provider touches the places docs/adding-a-provider.md names, and nothing else.

A copy of the house gets a toy provider: its adapter, its rows, its simulated twin and one registry line each
for adapter and twin. Everything else must find it by itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Each test is a whole Python of its own, on machines that may be busy.
pytestmark = pytest.mark.timeout(300)

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
COPIED = ("shop", "tests", "benchmarks", "migrations", "templates", "static", "translations")
FILES = ("config.py", "wsgi.py", "pyproject.toml", "README.md")

ADAPTERS, TWINS = "shop/providers/__init__.py", "shop/sandbox/registry.py"
#: The places: what is added to each.
NEW_FILES = {
    "shop/providers/ninth.py": "adapter.py",
    "shop/sandbox/ninth.py": "simulated.py",
}
ROWS = "shop/providers/methods.toml"
LINES = {
    ADAPTERS: (
        ("from shop.providers.wave import Wave\n", "from shop.providers.ninth import Ninth\n"),
        ('    "getmipay": GetMiPay,\n', '    "ninth": Ninth,\n'),
    ),
    TWINS: (
        ("from shop.sandbox.world import World\n", "from shop.sandbox import ninth\n"),
        (
            '    "getmipay": Origin(8, getmipay.create_app, credentials.ALL["getmipay"]),\n',
            '    "ninth": Origin(9, ninth.create_app, ninth.CREDENTIALS),\n',
        ),
    ),
}


class House:
    """A copy of the whole project, to build in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        for name in FILES:
            shutil.copy(ROOT / name, folder / name)

    def add(self, *, twin: bool = True) -> None:
        """Add the ninth at its places."""
        for path, source in NEW_FILES.items():
            shutil.copy(HERE / source, self.folder / path)
        with (self.folder / ROWS).open("a", encoding="utf-8") as rows:
            rows.write((HERE / "rows.toml").read_text(encoding="utf-8"))
        for path, additions in LINES.items():
            if twin or path != TWINS:
                self._insert(path, additions)

    def _insert(self, path: str, additions: tuple[tuple[str, str], ...]) -> None:
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        for after, added in additions:
            assert text.count(after) == 1, f"{path}: {after!r}"
            text = text.replace(after, after + added)
        file.write_text(text, encoding="utf-8")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy, as its own project."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    def tests(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "pytest", "-p", "no:cacheprovider", "-n", "0", *words)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


def test_a_ninth_provider_is_found_everywhere(house: House):
    house.add()

    asked = house.tests(
        "tests/providers/ninth/purchase.py",
        "tests/providers/test_contract.py",
        "tests/providers/test_registry.py",
        *("-k", "ninth or test_registry"),
    )

    assert asked.returncode == 0, asked.stdout


def test_the_matrix_is_one_command_away(house: House):
    house.add()
    readme = house.folder / "README.md"
    assert "Ninth Pay" not in readme.read_text(encoding="utf-8")

    written = house.run("-m", "shop.cli.matrix")

    assert written.returncode == 0, written.stderr
    assert "| Ninth Pay |" in readme.read_text(encoding="utf-8")


def test_a_missing_twin_fails_the_suite(house: House):
    house.add(twin=False)

    contract = house.tests("tests/providers/test_contract.py", "-k", "ninth", "-x")

    assert contract.returncode == 1
    assert "ninth has no sandbox" in contract.stdout
