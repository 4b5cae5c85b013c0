"""Languages: French is written in the code, English in `translations/en/`, one catalogue per room.

Pages say `_("Payé")`; the French sentence is the key, so French can never be missing and a reader of the
code reads what people read. A test fails when English lacks one. Amounts and moments are written here
too, because CLDR's French is not what people in Abidjan or Cotonou write (UX §3.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, Domain, format_date, get_locale, ngettext
from flask_babel import format_datetime as babel_datetime
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from shop.money import Money
from shop.references import spaced

__all__ = ["LANGUAGES", "_", "_l", "amount", "amount_text", "day", "language", "moment", "ngettext"]

LANGUAGES: Final = {"fr": "Français", "en": "English"}
COOKIE: Final = "lang"
FOLDER: Final = Path(__file__).resolve().parent.parent / "translations"

_UNITS: Final = {
    "XOF": "FCFA", "XAF": "FCFA", "GNF": "GNF", "CDF": "FC", "GHS": "GHS", "EUR": "€",
}  # fmt: skip
_NBSP = "\u00a0"


class Rooms(Domain):  # type: ignore[misc]
    """The catalogues of all rooms, read from their sources when a language is first asked for."""

    def get_translations(self) -> NullTranslations:
        """Give the translations of the page's language."""
        code = language()
        if code == "fr":
            return _FRENCH
        if code not in self.cache:
            self.cache[code] = compiled(sorted((FOLDER / code).glob("*.po")))
        found: NullTranslations = self.cache[code]
        return found


class _OurBabel(Babel):  # type: ignore[misc]
    _rooms = Rooms()

    @property
    def domain_instance(self) -> Rooms:
        return self._rooms


class _French(Translations):
    """French is the key itself; `%(name)s` places are filled by the caller."""


_FRENCH = _French()


def compiled(sources: Iterable[Path]) -> Translations:
    """Merge the rooms' catalogues into one; a sentence translated twice must read the same."""
    whole = Catalog()
    for source in sources:
        for message in read_po(BytesIO(source.read_bytes())):
            if message.id and message.string:
                whole.add(message.id, message.string, context=message.context)
    buffer = BytesIO()
    write_mo(buffer, whole)
    buffer.seek(0)
    return Translations(fp=buffer)


def init_app(app: Flask) -> None:
    """Choose the language of each request: `?lang=`, then the cookie, then French."""
    _OurBabel().init_app(
        app, default_locale="fr", default_timezone="Africa/Abidjan", locale_selector=_chosen
    )
    app.jinja_env.filters.update(
        amount=amount, amount_text=amount_text, day=day, moment=moment, spaced=spaced
    )

    @app.after_request
    def remember(response):  # type: ignore[no-untyped-def]
        if request.args.get("lang") in LANGUAGES:
            response.set_cookie(
                COOKIE, request.args["lang"], max_age=31_536_000, samesite="Lax", httponly=True
            )
        return response


def _chosen() -> str:
    if not has_request_context():
        return "fr"
    for code in (request.args.get("lang"), request.cookies.get(COOKIE), g.get("user_language")):
        if code in LANGUAGES:
            return str(code)
    return "fr"


def language() -> str:
    """The page's language: `fr` or `en`."""
    locale = get_locale()
    return str(locale.language) if locale else "fr"


def amount_text(money: Money) -> str:
    """Write an amount as people do: `12 500 FCFA`, in English `12,500 FCFA`."""
    separator = "," if language() == "en" else _NBSP
    whole, _dot, part = (-money if money.amount < 0 else money).to_wire().partition(".")
    grouped = f"{int(whole):,}".replace(",", separator)
    if part and int(part):
        grouped += ("." if language() == "en" else ",") + part
    sign = "−" if money.amount < 0 else ""
    return f"{sign}{grouped}{_NBSP}{_UNITS[money.currency]}"


def amount(money: Money, css: str = "") -> Markup:
    """Write an amount for a page, with the mark that tests read (`data-montant`, minor units)."""
    # `%` escapes as `format` does, in less than half the time: a shelf writes 24 of these.
    span = Markup('<span class="montant %s" data-montant="%d">%s</span>')
    return span % (css, money.amount, amount_text(money))


def moment(when: datetime, style: str = "long", zone: str = "Africa/Abidjan") -> str:
    """Write a moment: `long` is `21 nov. 2026, 14:04`, `short` is `21 nov. 14:04`, `time` is `14:04`,
    `due` is `sam. 21 nov. 14:04`, `day` is `21 nov.`, `month` is `novembre 2026`."""
    patterns = {
        "long": "d MMM y, HH:mm", "time": "HH:mm", "day": "d MMM", "month": "MMMM y",
        "seconds": "HH:mm:ss", "short": "d MMM HH:mm", "due": "EEE d MMM HH:mm",
    }  # fmt: skip
    local = when.astimezone(ZoneInfo(zone))
    return str(babel_datetime(local, patterns[style], rebase=False))


def day(when: date) -> str:
    """Write a day: `21 nov. 2026`."""
    return str(format_date(when, "d MMM y"))


#: A sentence for each refusal's stable code; rooms add their own with `word_refusals`.
_refusals = {
    "refused": _l("Cette action n’est pas possible maintenant. Rien n’a changé."),
    "conflict": _l(
        "C’est déjà fait, ou autre chose s’est passé avant. Rechargez la page pour voir."
    ),
    "not_ready": _l("Le site se prépare. Réessayez dans une minute, rien n’a été débité."),
    "insufficient_funds": _l("Le solde ne suffit pas. Rien n’a été débité."),
}


def word_refusals(sentences: dict[str, object]) -> None:
    """Add sentences for a room's refusal codes."""
    _refusals.update(sentences)


def refusal_sentence(code: str) -> str:
    """The sentence of a refusal, in the page's language."""
    return str(_refusals.get(code, _refusals["refused"]))
