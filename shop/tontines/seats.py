"""The one door of a circle's pages: who sits there, and how its refusals are said.

A circle that does not exist and a circle one takes no part in are answered alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, render_template, request
from flask_login import current_user

from shop.errors import InsufficientFunds
from shop.i18n import _, amount_text
from shop.money import Money
from shop.tontines import desk, rights
from shop.tontines.desk import Desk
from shop.tontines.models import Member, Office, Tontine
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rights import Doing
from shop.tontines.wording import sentence

bp = Blueprint("tontines", __name__, url_prefix="/tontines")

_FORBIDDEN: Final = frozenset({Why.NOT_ALLOWED, Why.SIGNER_NOT_OFFICER, Why.NOT_YOUR_SHARE})


@dataclass(frozen=True, slots=True)
class Seat:
    """A signed-in member in a circle, in its latest cycle."""

    at: Desk
    member: Member
    offices: frozenset[Office]

    @property
    def tontine(self) -> Tontine:
        """The circle."""
        return self.at.tontine

    @property
    def zone(self) -> str:
        """The circle's own time zone: in which its dates are told."""
        return self.at.rules.when.timezone

    def may(self, doing: str) -> bool:
        """Say whether this member's offices allow it."""
        return rights.may(self.offices, Doing(doing))

    def must(self, doing: Doing) -> None:
        """Refuse a page that this member's offices do not open."""
        if not self.may(doing):
            raise TontineRefused(Why.NOT_ALLOWED)


def seat(reference: str) -> Seat:
    """Give the signed-in member's seat in a circle. Raises `NotFound` for anybody else."""
    tontine = desk.find(reference)
    member = desk.member(tontine.id, current_user.id)
    offices = frozenset(desk.offices(tontine.id, member.id))
    return Seat(desk.at(tontine), member, offices)


@bp.app_errorhandler(TontineRefused)
def refused(error: TontineRefused) -> tuple[str, int]:
    """Say why the circle says no, with the way back."""
    status = 403 if error.why in _FORBIDDEN else 409
    return _page(sentence(error), error.code), status


@bp.errorhandler(InsufficientFunds)
def too_little(error: InsufficientFunds) -> tuple[str, int]:
    """Say how much the wallet holds."""
    text = _("Le portefeuille ne contient que %(amount)s.", amount=amount_text(error.available))
    return _page(text, error.code), 422


def _page(text: str, code: str) -> str:
    reference = (request.view_args or {}).get("reference")
    return render_template("tontines/refused.html", text=text, code=code, reference=reference)


@bp.app_template_filter()
def figure(money: Money) -> str:
    """Write an amount for a table whose head says the currency: `−10 000`."""
    return amount_text(money).rpartition("\u00a0")[0]


def show(template: str, seat: Seat, **values: Any) -> str:
    """Render a page of a circle with what each of them needs."""
    return render_template(
        f"tontines/{template}.html",
        seat=seat,
        tontine=seat.tontine,
        cycle=seat.at.cycle,
        rules=seat.at.rules,
        zone=seat.zone,
        **values,
    )
