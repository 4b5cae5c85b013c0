"""Pages stay light, still, and free of anything the browser would refuse to run."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.marketplace import make_product, make_store
from tests.stores.weight import CSS_LIMIT, assert_light, compressed

PAGES = ("/", "/?q=pagne", "/?q=zzz", "/help/", "/fees/", "/nowhere/", "/s/{slug}/", "/p/{code}/")


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("pattern", PAGES)
def test_a_page_is_light_and_well_marked(client: FlaskClient, pattern: str, language: str) -> None:
    store = make_store()
    product = [make_product(f"Pagne numéro {n}", store=store) for n in range(25)][-1]
    client.set_cookie("lang", language)

    html = assert_light(client, pattern.format(slug=store.slug, code=product.code))

    assert html.count("<h1") == 1
    assert f'<html lang="{language}">' in html
    assert not re.search(r"\son\w+=|\sstyle=|javascript:|<script(?![^>]+src=)", html)
    assert 'href="#contenu"' in html
    assert 'id="contenu"' in html


def test_the_stylesheet_is_one_small_file() -> None:
    sheets = list(Path("static").glob("*.css"))

    assert len(sheets) == 1
    assert compressed(sheets[0].read_bytes()) <= CSS_LIMIT
    assert not re.search(r"^[<=>]{7}", sheets[0].read_text(), re.M), "an unfinished merge"
    assert "url(" not in sheets[0].read_text()
    assert "@import" not in sheets[0].read_text()


def test_every_amount_carries_its_mark(client: FlaskClient) -> None:
    product = make_product(price=24_500)

    html = client.get(f"/p/{product.code}/").get_data(as_text=True)

    shown = re.findall(r'data-montant="(\d+)">([^<]+)<', html)
    assert shown
    assert all(re.sub(r"\D", "", text) == minor for minor, text in shown)
    assert html.count("FCFA") > len(shown) - 1
