"""The alphabet of one SMS part: 160 signs of GSM-7, or 70 as soon as one sign is outside it."""

from __future__ import annotations

from typing import Final

#: 3GPP TS 23.038: the default alphabet, and the signs that cost two places.
BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
DOUBLE: Final = frozenset("^{}\\[~]|€")
PART: Final = 160

_REPLACED: Final = str.maketrans({
    "ç": "c", "ê": "e", "â": "a", "î": "i", "ô": "o", "û": "u", "ë": "e", "ï": "i", "œ": "oe", "Œ": "OE",
    "À": "A", "È": "E", "Ê": "E", "Ô": "O", "Î": "I", "Â": "A", "’": "'", "‘": "'", "“": '"', "”": '"',
    "«": '"', "»": '"', "•": "*", "—": "-", "–": "-", "…": "...", "\u00a0": " ", "\u202f": " ",
    "\u2011": "-", "−": "-",
})  # fmt: skip


def plain(text: str) -> str:
    """Write a text in GSM-7: known signs by their nearest, unknown ones as a question mark."""
    swapped = text.translate(_REPLACED)
    return "".join(c if c in BASIC or c in DOUBLE else "?" for c in swapped)


def length(text: str) -> int:
    """Count the places a GSM-7 text takes."""
    return sum(2 if c in DOUBLE else 1 for c in text)


def shortened(text: str, places: int) -> str:
    """Cut a name so that it leaves room for the rest."""
    return text if len(text) <= places else text[: places - 1].rstrip() + "."
