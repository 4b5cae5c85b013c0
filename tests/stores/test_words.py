"""English says everything French says, in this room and on the base page."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

FILES = {
    "stores": ("shop/stores/*.py", "templates/stores/*.html", "templates/seller/*.html"),
    "base": (
        "templates/base.html",
        "templates/errors/*.html",
        "templates/macros/*.html",
        "shop/i18n.py",
    ),
}
KEYWORDS = {"_": None, "_l": None, "ngettext": (1, 2)}


def sentences(patterns: tuple[str, ...]) -> set[str]:
    found = set()
    for path in (path for pattern in patterns for path in Path().glob(pattern)):
        method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
        for _line, message, _comments, _context in extract_from_file(
            method, str(path), keywords=KEYWORDS
        ):
            found.add(message if isinstance(message, str) else message[0])
    return found


@pytest.mark.parametrize("room", FILES)
def test_every_sentence_has_its_english(room: str) -> None:
    known: set[str] = set()
    for catalogue in Path("translations/en").glob("*.po"):  # merged when the site runs
        with catalogue.open("rb") as file:
            known |= {m.id if isinstance(m.id, str) else m.id[0] for m in read_po(file) if m.string}

    wanted = sentences(FILES[room])

    assert wanted
    assert sorted(wanted - known) == []


def test_a_sentence_reads_the_same_in_every_room() -> None:
    """Catalogues are merged: the second translation of a sentence would silently win."""
    said: dict[str, set[str]] = {}
    for path in Path("translations/en").glob("*.po"):
        with path.open("rb") as file:
            for message in read_po(file):
                said.setdefault(str(message.id), set()).add(str(message.string))

    assert {
        french: english for french, english in said.items() if french and len(english) > 1
    } == {}
