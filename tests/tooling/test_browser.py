"""The browser is real: it runs script and paints a page that is not blank."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests import browsers

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGE = "<body style='background:#fff'><h1 style='color:#000'>Marché de Treichville</h1></body>"


def darkest(picture: bytes) -> int:
    image = Image.open(io.BytesIO(picture)).convert("L")
    return int(image.getextrema()[0])  # type: ignore[arg-type]


def test_page_is_painted_with_its_letters(chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 360, "height": 640})
    page.set_content(PAGE)

    text = page.evaluate("document.querySelector('h1').textContent")
    picture = page.screenshot()
    page.set_content("<body style='background:#fff'></body>")
    blank = page.screenshot()

    assert text == "Marché de Treichville"
    assert darkest(picture) < 64
    assert darkest(blank) == 255
    page.close()


def test_program_that_only_pretends_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stub = tmp_path / "chromium-browser"
    stub.write_text("#!/bin/sh\necho 'requires the chromium snap' >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert browsers.installed() is None
    with pytest.raises(browsers.NoBrowser, match="no apt-get"):
        browsers.find()
