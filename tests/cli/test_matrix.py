"""The README's capability matrix is what the adapters say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shop.cli import matrix
from shop.providers import PROVIDERS


def test_readme_is_what_the_code_says():
    text = matrix.README.read_text(encoding="utf-8")

    assert matrix.placed(text, matrix.render()) == text, "run: python -m shop.cli.matrix"


def test_every_provider_has_a_column():
    head, *rows = matrix.render().splitlines()

    assert head.count("|") == len(PROVIDERS) + 2
    assert all(row.count("|") == head.count("|") for row in rows)


def test_a_changed_capability_changes_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    copy = tmp_path / "README.md"
    copy.write_text(matrix.README.read_text(encoding="utf-8"), encoding="utf-8")
    assert matrix.main(copy) is False

    orange = PROVIDERS["orange"]
    monkeypatch.setattr(orange, "can", replace(orange.can, balance=not orange.can.balance))

    assert matrix.main(copy) is True
    assert matrix.main(copy) is False


def test_a_readme_without_marks_is_left_alone():
    with pytest.raises(ValueError, match="marks are missing"):
        matrix.placed("# Cauri", matrix.render())
