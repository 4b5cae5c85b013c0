"""Hides phone numbers and e-mail addresses in what people write to each other. Pure.

A number is recognised by its digits, however they are grouped: spaces, dots, dashes, one by one, with or
without the country's code. Only what a mobile phone of our countries can have as its number is hidden, so
that prices and quantities stay readable. Numbers in words are not found; who is asked to pay elsewhere
still reads on the page that only what is paid here is kept safe.
"""

from __future__ import annotations

import re
from typing import Final

from shop.phone import is_mobile_like

HIDDEN: Final = "••••"
_SHORTEST, _LONGEST = 8, 15
_DIGITS: Final = re.compile(r"\+?\d+")
#: What people put between the groups of one number.
_BETWEEN: Final = re.compile(r"[\s\u00a0\u202f.,\-_–—/()*·•|]{0,4}")
_DATE: Final = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d\d")
_EMAIL: Final = re.compile(
    r"[\w.+-]{1,64}\s?(?:@|\(at\)|\[at\]|\(a\)|\sarobase\s|\sat\s)\s?"
    r"[\w-]{1,63}(?:\s?(?:\.|\(dot\)|\spoint\s)\s?[\w-]{2,63}){1,4}",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """Hide every phone number and e-mail address of a text."""
    return _without_numbers(_EMAIL.sub(HIDDEN, text))


def _without_numbers(text: str) -> str:
    dates = [found.span() for found in _DATE.finditer(text)]
    groups = [g for g in _DIGITS.finditer(text) if not any(a <= g.start() < b for a, b in dates)]
    kept, end, n = [], 0, 0
    while n < len(groups):
        last = _number_from(text, groups, n)
        if last is not None:
            kept += [text[end : groups[n].start()], HIDDEN]
            end, n = groups[last].end(), last
        n += 1
    return "".join([*kept, text[end:]])


def _number_from(text: str, groups: list[re.Match[str]], first: int) -> int | None:
    """Find the last group of the longest number that begins with this group; None when none does."""
    digits, found = "", None
    for n in range(first, len(groups)):
        if n > first and not _BETWEEN.fullmatch(text, groups[n - 1].end(), groups[n].start()):
            break
        digits += "".join(str(int(c)) for c in groups[n][0] if c != "+")
        if len(digits) > _LONGEST:
            break
        if len(digits) >= _SHORTEST and is_mobile_like(digits):
            found = n
    return found
