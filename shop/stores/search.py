"""Search that forgives: the same folding is applied to what is stored and to what is typed.

`Attiéké`, `attieke` and `ATIEKÉ` fold to one word; so do `pagne` and `pagnes`, `cœur` and `coeur`,
`téléphone` and `telefone`. Every typed word must begin a stored word.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss"})
_WORD: Final = re.compile(r"[a-z0-9]+")
_DOUBLED: Final = re.compile(r"([a-z])\1+")

#: Words people type between the words that matter.
_EMPTY: Final = {
    "a", "au", "aux", "avec", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "ou", "par",
    "pour", "un", "une", "and", "for", "of", "the", "with",
}  # fmt: skip
MOST_WORDS: Final = 8


def words(text: str) -> list[str]:
    """Fold a text into comparable words: no accents, no capitals, no plurals, no doubled letters."""
    return [_fold_word(word) for word in _plain(text)]


def _plain(text: str) -> list[str]:
    spread = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    bare = "".join(c for c in spread if not unicodedata.combining(c))
    return _WORD.findall(bare)


def _fold_word(word: str) -> str:
    if not word.isalpha():
        return word
    folded = _DOUBLED.sub(r"\1", word.replace("ph", "f").replace("y", "i"))
    return folded[:-1] if len(folded) > 3 and folded[-1] in "sx" else folded


def stored(*texts: str) -> str:
    """Write what is kept in `search_text`: each different word once, a space before each."""
    seen = dict.fromkeys(word for text in texts for word in words(text))
    return "".join(f" {word}" for word in seen)


def patterns(query: str) -> list[str]:
    """Write a LIKE pattern for each word of a query; no pattern when it says nothing.

    Folded words hold letters and digits only, so `%` and `_` cannot reach the pattern.
    """
    asked = _plain(query)
    telling = [w for w in asked if w not in _EMPTY] or asked
    return [f"% {_fold_word(w)}%" for w in dict.fromkeys(telling[:MOST_WORDS])]
