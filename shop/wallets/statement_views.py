"""A wallet's statement of a month: on the page, on paper and as a spreadsheet, the same to the franc."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, render_template, request
from flask_login import current_user

from shop import clock
from shop.errors import NotFound
from shop.i18n import _
from shop.ledger import proofs
from shop.wallets import reading, wording
from shop.wallets.reading import Movement, Period
from shop.web import signed_in

bp = Blueprint("statement", __name__)

#: French Excel opens a file of semicolons that begins so.
BOM: Final = "\ufeff"


@bp.get("/wallet/statement/")
@signed_in
def month() -> str:
    """Show one month to read or print: opening balance, each movement, closing balance, the day's root."""
    currency = _currency()
    found = _period(currency)
    return render_template(
        "wallets/statement.html",
        period=found,
        currency=currency,
        month=f"{found.since:%Y-%m}",
        before=_shifted(found.since, -1),
        after=_shifted(found.since, 1) if found.until <= clock.now() else None,
        label=wording.label,
        root=proofs.printed_root(),
    )


@bp.get("/wallet/statement.csv")
@signed_in
def download() -> Response:
    """Give the movements of one currency as a spreadsheet: of a month oldest first, else all newest first."""
    currency = _currency()
    movements: Iterable[Movement] = reading.whole_statement(current_user.id, currency)
    name = f"cauri-{currency}"
    if "month" in request.args:
        found = _period(currency)
        movements, name = found.movements, f"{name}-{found.since:%Y-%m}"
    head = [_("Date"), _("Mouvement"), _("Montant"), _("Solde"), _("Monnaie"), _("Référence")]
    lines = [_row(head), *(_row(_cells(movement, currency)) for movement in movements)]
    return Response(
        BOM + "".join(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}.csv"},
    )


def _currency() -> str:
    known = [purse.currency for purse in reading.purses(current_user.id)]
    if not known:
        raise NotFound("nothing ever moved here")
    asked = request.args.get("currency")
    return asked if asked in known else known[0]


def _period(currency: str) -> Period:
    """Read the month asked for; anything strange is the present one."""
    now = clock.now()
    try:
        since = datetime.strptime(request.args.get("month", ""), "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        since = now
    if not 2020 <= since.year <= now.year + 1:
        since = now
    since = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, number = divmod(since.year * 12 + since.month, 12)
    return reading.period(
        current_user.id, currency, since, since.replace(year=year, month=number + 1)
    )


def _shifted(since: datetime, months: int) -> str:
    year, number = divmod(since.year * 12 + since.month - 1 + months, 12)
    return f"{year:04d}-{number + 1:02d}"


def _cells(movement: Movement, currency: str) -> list[str]:
    line = movement.line
    return [
        line.at.isoformat(timespec="seconds"),
        wording.label(line),
        line.moved.to_wire(),
        line.balance.to_wire(),
        currency,
        movement.reference,
    ]


def _row(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";").writerow(cells)
    return buffer.getvalue()
