"""Both languages, whole: each sentence of the code has its English, and each English its sentence."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from tests.marketplace import make_product, make_store

ROOT = Path(__file__).resolve().parent.parent
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
OPTIONS = {"**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
KEYWORDS = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2), "N_": None}
PLACES = re.compile(r"%\((\w+)\)s|%%")


def written() -> set[str]:
    """Every sentence of code and templates; of a plural, its singular."""
    found = set()
    for folder in ("shop", "templates"):
        # The sandbox speaks to developers, in English only.
        for path, _line, message, *_rest in extract_from_dir(
            ROOT / folder, METHODS, OPTIONS, KEYWORDS
        ):
            if not path.startswith(("sandbox/", "cli/")):
                found.add(message[0] if isinstance(message, tuple) else message)
    return found


def translated() -> dict[str, Message]:
    found = {}
    for path in sorted((ROOT / "translations" / "en").glob("*.po")):
        for message in read_po(BytesIO(path.read_bytes())):
            if message.id:
                found[message.id[0] if isinstance(message.id, tuple) else message.id] = message
    return found


WRITTEN, TRANSLATED = written(), translated()


def test_every_sentence_has_its_english():
    assert len(WRITTEN) > 200, "the extraction found the sentences"
    assert sorted(WRITTEN - TRANSLATED.keys()) == []


def test_no_english_is_left_over():
    assert sorted(TRANSLATED.keys() - WRITTEN) == []


def test_no_translation_is_a_guess():
    guesses = [key for key, message in TRANSLATED.items() if message.fuzzy or not message.string]

    assert guesses == []


def test_places_are_the_same_in_both():
    different = []
    for key, message in TRANSLATED.items():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(PLACES.findall(ids[-1]))
        if any(
            set(PLACES.findall(text)) - wanted or wanted - set(PLACES.findall(text)) - {"num"}
            for text in strings
        ):
            different.append(key)

    assert different == []


@pytest.fixture
def pages(app, client):
    """What anybody can read without signing in, in one language."""
    product = make_product(store=make_store())
    urls = ["/", "/fees/", "/help/", "/login/", "/cart/", f"/p/{product.code}/", "/nothing/"]
    return lambda language: {url: client.get(f"{url}?lang={language}").text for url in urls}


def sentences(messages) -> set[str]:
    """Sentences long enough that finding one is no accident."""
    return {text for text in messages if len(text) > 12 and not PLACES.search(text)}


def test_french_pages_hold_no_english_sentence(pages):
    english = sentences(m.string for m in TRANSLATED.values() if isinstance(m.string, str))
    english -= TRANSLATED.keys()
    found = {url: [s for s in english if f">{s}<" in page] for url, page in pages("fr").items()}

    assert {url: texts for url, texts in found.items() if texts} == {}


def test_english_pages_hold_no_french_sentence(pages):
    same = {m.id for m in TRANSLATED.values() if m.id == m.string}
    french = sentences(m.id for m in TRANSLATED.values() if isinstance(m.id, str)) - same
    found = {url: [s for s in french if f">{s}<" in page] for url, page in pages("en").items()}

    assert {url: texts for url, texts in found.items() if texts} == {}
