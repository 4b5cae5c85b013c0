"""What every simulated page shares: the words of two languages, the stylesheet, the frame."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Flask, render_template, request
from phonenumbers import NumberParseException

from shop import phone as numbers
from shop.money import Money
from shop.sandbox.words import WORDS

LANGUAGES: Final = ("fr", "en")

_HERE: Final = Path(__file__).parent
_NBSP: Final = "\u00a0"
_SIGNS: Final = {"XOF": "FCFA", "XAF": "FCFA", "GNF": "GNF", "CDF": "FC", "EUR": "€"}


def language() -> str:
    """Tell the language asked for in the address; French unless English is."""
    asked = request.values.get("lang", "fr")
    return asked if asked in LANGUAGES else "fr"


def show_money(money: Money) -> str:
    """Write an amount as people read it: `12 500 FCFA`."""
    whole, _, part = money.to_wire().partition(".")
    grouped = f"{int(whole):,}".replace(",", _NBSP)
    digits = grouped + (f",{part}" if part.strip("0") else "")
    return f"{digits}{_NBSP}{_SIGNS.get(money.currency, money.currency)}"


def show_phone(e164: str) -> str:
    """Write a number in pairs, foreign test numbers as they are."""
    try:
        return numbers.international(e164)
    except NumberParseException:
        return e164


def show_operator(e164: str) -> str:
    """Name the operator the prefix suggests; nothing for numbers that suggest none."""
    try:
        operator = numbers.guess_operator(e164) or ""
    except NumberParseException:
        return ""
    return operator.upper() if operator == "mtn" else operator.capitalize()


def show_time(moment: datetime) -> str:
    """Write an hour as screens do."""
    return moment.strftime("%H:%M")


def page(template: str, **values: Any) -> str:
    """Render a page in the language asked for."""
    lang = language()
    words = {key: pair[LANGUAGES.index(lang)] for key, pair in WORDS.items()}
    return render_template(template, t=words, lang=lang, css=_css(), **values)


@cache
def _css() -> str:
    return (_HERE / "templates" / "sandbox.css").read_text(encoding="utf-8")


def furnish(app: Flask) -> None:
    """Give an app the filters its pages use."""
    app.jinja_env.filters.update(
        money=show_money, phone=show_phone, hour=show_time, operator=show_operator
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
