"""Who is told what of a circle by SMS, once per fact, in their language (TONTINE §10).

Each text fits one SMS part. Nobody is told of lateness here: reminders have their own hours (reminding.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from flask_babel import force_locale

from shop.accounts.models import User
from shop.db import in_transaction, session
from shop.i18n import _, amount_text
from shop.money import Money
from shop.notices import service as notices
from shop.notices.gsm7 import plain, shortened
from shop.notices.messages import REASON_PLACES
from shop.notices.models import Kind
from shop.notices.service import Message
from shop.tontines.desk import Desk
from shop.tontines.models import Member
from shop.tontines.states import PRESENT

#: Letters of a circle's name that a message has room for.
NAME_PLACES: Final = 20


def _order(name: str, facts: dict[str, str]) -> str:
    text: str = _(
        "%(name)s : l’ordre des tours est fixé. Empreinte : %(hash)s. Gardez ce message.",
        name=name, hash=facts["order_hash"][:8],
    )  # fmt: skip
    return text


def _drawing(name: str, facts: dict[str, str]) -> str:
    text: str = _(
        "%(name)s : tirage préparé. Engagement : %(hash)s. Ajoutez votre mot avant la clôture.",
        name=name, hash=facts["commitment"][:8],
    )  # fmt: skip
    return text


TEXTS: Final[dict[str, Callable[[str, dict[str, str]], str]]] = {
    "order": _order,
    "drawing": _drawing,
}


def tell_all(at: Desk, what: str, key: str, **facts: str) -> None:
    """Tell every member one thing, once; the key names the fact."""
    assert in_transaction(), "told with what it tells"
    name = shortened(at.tontine.name, NAME_PLACES)
    rows = session.execute(
        sa.select(User.id, User.phone, User.language)
        .join(Member, Member.user_id == User.id)
        .where(Member.tontine_id == at.tontine.id, Member.status.in_(PRESENT))
        .order_by(User.id)
    )
    notices.put_all(
        [
            Message(
                f"{key}:{row.id}", row.phone, Kind.TONTINE, _worded(what, name, facts, row.language)
            )
            for row in rows
        ]
    )


def _worded(what: str, name: str, facts: dict[str, str], language: str) -> str:
    with force_locale(language):
        return plain(TEXTS[what](name, facts))


def tell_paid(at: Desk, user_id: int, amount: Money, reference: str) -> None:
    """Tell the payer that a contribution was received: the receipt of it (T33: once)."""
    _tell_one(
        at, user_id, f"contribution:{reference}",
        lambda name: _(
            "%(name)s : %(amount)s reçus. Reçu %(reference)s.",
            name=name, amount=amount_text(amount), reference=reference,
        ),
    )  # fmt: skip


def tell_received(at: Desk, user_id: int, round_index: int, net: Money, turn_id: int) -> None:
    """Tell a recipient that the pot is in the wallet."""
    _tell_one(
        at, user_id, f"pot:{turn_id}",
        lambda name: _(
            "%(name)s : votre tour %(round)s, %(amount)s sont dans votre porte-monnaie.",
            name=name, round=round_index, amount=amount_text(net),
        ),
    )  # fmt: skip


def _tell_one(at: Desk, user_id: int, key: str, text: Callable[[str], str]) -> None:
    user = session.get_one(User, user_id)
    with force_locale(user.language):
        words = plain(text(shortened(at.tontine.name, NAME_PLACES)))
    notices.put(key, user.phone, Kind.TONTINE, words)


def not_paid(reference: str, reason: str, language: str) -> str:
    """Say that an attempt to pay a contribution ended without money, as far as we know."""
    with force_locale(language):
        return plain(
            _(
                "Cotisation %(reference)s non aboutie (%(reason)s). À notre connaissance rien n’a"
                " été débité.",
                reference=reference, reason=shortened(reason, REASON_PLACES),
            )
        )  # fmt: skip


def kept(reference: str, amount: Money, language: str) -> str:
    """Say that money came for a contribution that was paid or dropped: it is in the wallet."""
    with force_locale(language):
        return plain(
            _(
                "%(amount)s reçus pour la cotisation %(reference)s, déjà réglée : ils sont dans"
                " votre porte-monnaie.",
                amount=amount_text(amount), reference=reference,
            )
        )  # fmt: skip
