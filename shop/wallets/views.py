"""The wallet's pages: what is there, what moved and why, and the way out to one's own phone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from shop import payout_decisions, payout_settlement, queue
from shop import phone as phones
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.accounts.service import PinAnswer
from shop.db import end_read
from shop.errors import InsufficientFunds, NotFound
from shop.i18n import _, amount_text, language
from shop.money import Money, MoneyError
from shop.payouts import service as payouts
from shop.payouts import wording as payout_wording
from shop.payouts.models import Payout
from shop.payouts.states import EDGES, PayoutPurpose, PayoutStatus
from shop.providers import methods
from shop.wallets import reading, service, wording
from shop.wallets.forms import WithdrawForm, chips
from shop.web import form_key, signed_in

bp = Blueprint("wallet", __name__)

#: French Excel opens a file of semicolons that begins so.
BOM: Final = "\ufeff"
#: How the state of a payout looks.
TONES: Final = {
    PayoutStatus.SUCCEEDED: "ok",
    PayoutStatus.FAILED: "ko",
    PayoutStatus.CANCELLED: "info",
}


def _user() -> User:
    user: User = current_user._get_current_object()
    return user


@bp.get("/wallet/")
@signed_in
def show() -> str:
    """Say what is available, what is on its way, and every movement with its evidence."""
    purses = reading.purses(current_user.id)
    currency = _currency(purses)
    statement = None
    if currency is not None:
        before_id = request.args.get("avant", type=int)
        statement = reading.statement(current_user.id, currency, before_id=before_id)
    return render_template(
        "wallets/wallet.html",
        purses=purses,
        currency=currency,
        statement=statement,
        label=wording.label,
    )


def _currency(purses: list[reading.Purse]) -> str | None:
    known = [purse.currency for purse in purses]
    asked = request.args.get("currency")
    return asked if asked in known else next(iter(known), None)


@bp.get("/wallet/statement.csv")
@signed_in
def download() -> Response:
    """Give every movement of one currency as a spreadsheet, newest first."""
    currency = _currency(reading.purses(current_user.id))
    if currency is None:
        raise NotFound("nothing ever moved here")
    lines = list(_rows(current_user.id, currency))
    return Response(
        BOM + "".join(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename=cauri-{currency}.csv"},
    )


def _rows(user_id: int, currency: str) -> Iterator[str]:
    yield _row([_("Date"), _("Mouvement"), _("Montant"), _("Solde"), _("Monnaie"), _("Référence")])
    for movement in reading.whole_statement(user_id, currency):
        line = movement.line
        yield _row(
            [
                line.at.isoformat(timespec="seconds"),
                wording.label(line),
                line.moved.to_wire(),
                line.balance.to_wire(),
                currency,
                movement.payment or movement.payout or "",
            ]
        )


def _row(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";").writerow(cells)
    return buffer.getvalue()


@bp.route("/wallet/withdraw/", methods=["GET", "POST"])
@signed_in
def withdraw() -> str | BaseResponse | tuple[str, int]:
    """Send money to one's own phone: set apart at once, sent once."""
    user = _user()
    available = _available(user)
    if available is None:
        return redirect(url_for("wallet.show"), 303)
    form = WithdrawForm(service.ways_out(user, available.currency), available)
    if request.method == "GET":
        form.form_key.data = form_key()
        form.amount.data = _prefilled(available)
        form.method.data = next(iter(form.offered), None)
        return _withdraw_page(form, user)
    first = payouts.by_form_key(form.form_key.data or "")
    if first is not None and first.user_id == user.id:
        return redirect(url_for("wallet.payout", reference=first.reference), 303)
    if not form.validate_on_submit() or form.money is None or form.chosen is None:
        return _withdraw_page(form, user), 422
    if (refused := _refused_pin(user, form.pin.data or "")) is not None:
        form.pin.errors = [refused]
        return _withdraw_page(form, user), 422
    try:
        payout = payout_settlement.start_payout(
            service.withdrawal(
                user, form.chosen, form.money, form_key=form.form_key.data, language=language()
            )
        )
    except InsufficientFunds as short:
        form.amount.errors = [
            _("Vous pouvez retirer %(amount)s au plus.", amount=amount_text(short.available))
        ]
        return _withdraw_page(form, user), 422
    queue.ring("send_payouts")
    return redirect(url_for("wallet.payout", reference=payout.reference), 303)


def _available(user: User) -> Money | None:
    """Give what can be withdrawn of the currency asked for; None when there is none of any."""
    purses = reading.purses(user.id)
    end_read()
    currency = _currency(purses)
    purse = next((one for one in purses if one.currency == currency), None)
    return purse.available if purse is not None and purse.available else None


def _prefilled(available: Money) -> str:
    try:
        return Money.from_wire(request.args.get("amount", ""), available.currency).to_wire()
    except MoneyError:
        return ""


def _refused_pin(user: User, pin: str) -> str | None:
    match accounts.try_pin(user.id, pin):
        case PinAnswer.RIGHT:
            return None
        case PinAnswer.WRONG:
            return str(_("Ce code PIN n’est pas bon."))
        case PinAnswer.PAUSED:
            return str(_("Trop d’essais. Réessayez dans 24 heures."))


def _withdraw_page(form: WithdrawForm, user: User) -> str:
    return render_template(
        "wallets/withdraw.html",
        form=form,
        available=form.available,
        chips=chips(form.available),
        masked=phones.masked(user.phone),
    )


@bp.get("/payout/<reference>/")
@signed_in
def payout(reference: str) -> str:
    """Say where one payout stands, and where its money is."""
    found = own_payout(reference)
    method = methods.get(found.method)
    return render_template(
        "wallets/payout.html",
        payout=found,
        method=method,
        masked=phones.masked(found.payee_phone),
        label=payout_wording.LABELS[found.state],
        tone=TONES.get(found.state, "att"),
        where=payout_wording.sentence(
            found, amount=amount_text(found.money), operator=method.label, language=language()
        ),
        may_cancel=PayoutStatus.CANCELLED in EDGES[found.state],
    )


@bp.post("/payout/<reference>/cancel/")
@signed_in
def cancel(reference: str) -> BaseResponse:
    """Give up a payout that was never sent; its money is in the wallet again."""
    found = own_payout(reference)
    if found.purpose == PayoutPurpose.WITHDRAWAL:
        # Sent meanwhile? The page says where the money is.
        with suppress(payouts.NotCancellable):
            payout_decisions.cancel_payout(found.id, "user")
    return redirect(url_for("wallet.payout", reference=reference), 303)


def own_payout(reference: str) -> Payout:
    """Give a payout of the signed-in user, or of a guest they claimed. Raises `NotFound`."""
    found = payouts.find(reference)
    if found.user_id not in accounts.identities(current_user.id):
        raise NotFound("payout")
    return found
