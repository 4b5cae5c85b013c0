"""What staff read of an alert: one SMS part."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import force_locale

from shop.alerts.models import AlertKind
from shop.alerts.rules import Reading
from shop.i18n import _l


def sentence(reading: Reading, *, language: str) -> str:
    """Say what is wrong and which command tells more."""
    with force_locale(language):
        return str(_SENTENCES[reading.kind]) % {**reading.facts, "subject": reading.subject}


_SENTENCES: Final[dict[AlertKind, Any]] = {
    AlertKind.SUCCESS: _l(
        "Alerte %(subject)s : %(successes)s paiements aboutis sur %(ended)s, moins de %(percent)s %%."
        " Voir flask providers health"
    ),
    AlertKind.BREAKER: _l(
        "Alerte %(subject)s : pas de réponse, on ne l’appelle plus pour le moment."
        " Voir flask providers health"
    ),
    AlertKind.SILENCE: _l(
        "Alerte %(subject)s : %(announced)s paiements annoncés sur %(verified)s. On vérifie plus"
        " souvent. Voir flask providers health"
    ),
    AlertKind.STUCK: _l(
        "Alerte %(subject)s : %(attempts)s paiements sans réponse depuis 15 min."
        " Voir flask payments stuck"
    ),
}
