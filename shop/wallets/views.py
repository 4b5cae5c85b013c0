"""The wallet's pages: what is there, what moved and why, and the way out to one's own phone."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from shop import payout_decisions, queue, withdrawals
from shop import phone as phones
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.db import end_read
from shop.errors import InsufficientFunds, NotFound
from shop.i18n import _, amount_text, language
from shop.money import Money, MoneyError
from shop.orders import reading as orders
from shop.paying import refused_pin
from shop.payouts import service as payouts
from shop.payouts import wording as payout_wording
from shop.payouts.models import Payout
from shop.payouts.states import EDGES, PayoutPurpose, PayoutStatus
from shop.phone import Phone
from shop.providers import methods
from shop.wallets import ceilings, reading, service, wording
from shop.wallets.ceilings import AboveCeiling
from shop.wallets.forms import WithdrawForm, chips
from shop.web import form_key, signed_in

bp = Blueprint("wallet", __name__)

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
    """Say what is available, held, blocked and on its way, and every movement with its evidence."""
    purses = reading.purses(current_user.id)
    currency, at = _currency(purses), _moment()
    statement = None
    if currency is not None:
        before_id = request.args.get("avant", type=int)
        if before_id is None and at is not None:
            before_id = reading.place_at(at)
        statement = reading.statement(current_user.id, currency, before_id=before_id)
    return render_template(
        "wallets/wallet.html",
        purses=purses,
        currency=currency,
        statement=statement,
        at=at,
        was=reading.balance_at(current_user.id, currency, at) if currency and at else None,
        in_orders=orders.held_for(accounts.identities(current_user.id)),
        top_up_open=ceilings.top_up_open(_user().country),
        label=wording.label,
    )


def _moment() -> datetime | None:
    """Read a past moment from the address: a day is its last instant; anything strange is now."""
    text = request.args.get("at", "")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == 10:
        at += timedelta(days=1, microseconds=-1)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _currency(purses: list[reading.Purse]) -> str | None:
    known = [purse.currency for purse in purses]
    asked = request.args.get("currency")
    return asked if asked in known else next(iter(known), None)


@bp.route("/wallet/withdraw/", methods=["GET", "POST"])
@signed_in
def withdraw() -> str | BaseResponse | tuple[str, int]:
    """Send money to one's own phone: set apart at once, sent once."""
    user = _user()
    available = _available(user)
    if available is None:
        return redirect(url_for("wallet.show"), 303)
    numbers, number = _numbers(user), _number(user)
    form = WithdrawForm(service.ways_out(user, available.currency, number), available)
    if request.method == "GET":
        form.form_key.data = form_key()
        form.amount.data = _prefilled(available)
        form.method.data = next(iter(form.offered), None)
        return _withdraw_page(form, numbers, number)
    first = payouts.by_form_key(form.form_key.data or "")
    if first is not None and first.user_id == user.id:
        return redirect(url_for("wallet.payout", reference=first.reference), 303)
    if not form.validate_on_submit() or form.money is None or form.chosen is None:
        return _withdraw_page(form, numbers, number), 422
    if (refused := refused_pin(form.pin.data or "")) is not None:
        form.pin.errors = [refused]
        return _withdraw_page(form, numbers, number), 422
    try:
        payout = withdrawals.start(
            service.withdrawal(
                *(user, form.chosen, form.money),
                form_key=form.form_key.data, language=language(), number=number.e164,
            )
        )  # fmt: skip
    except AboveCeiling as above:
        form.amount.errors = [wording.ceiling_sentence(above.exceeded)]
        return _withdraw_page(form, numbers, number), 422
    except InsufficientFunds as short:
        form.amount.errors = [
            _("Vous pouvez retirer %(amount)s au plus.", amount=amount_text(short.available))
        ]
        return _withdraw_page(form, numbers, number), 422
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


def _numbers(user: User) -> list[Phone]:
    """List the numbers that can receive now: one's own first."""
    usable = [n for n in service.numbers_of(user.id) if service.usable_number(user, n.phone)]
    own = phones.parse(user.phone, user.country)
    return [own, *(phones.parse(n.phone, n.country) for n in usable)]


def _number(user: User) -> Phone:
    """Give the number asked for, by its place in the list; one's own where that is strange."""
    numbers, place = _numbers(user), request.args.get("to", 0, type=int)
    return numbers[place] if 0 <= place < len(numbers) else numbers[0]


def _withdraw_page(form: WithdrawForm, numbers: list[Phone], number: Phone) -> str:
    return render_template(
        "wallets/withdraw.html",
        form=form,
        available=form.available,
        chips=chips(form.available),
        masked=phones.masked(number.e164),
        numbers=[phones.masked(each.e164) for each in numbers],
        place=numbers.index(number),
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
