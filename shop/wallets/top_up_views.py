"""Putting money into one's own wallet: how much, then the same pay page as for an order."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user

from shop import paying
from shop.accounts.models import User
from shop.i18n import _, amount
from shop.money import Money, MoneyError
from shop.paying import Page, Payable
from shop.payments.states import Purpose
from shop.phone import CURRENCIES
from shop.references import spaced
from shop.wallets import ceilings, service, wording
from shop.wallets.ceilings import AboveCeiling, TopUpClosed
from shop.wallets.forms import TOP_UPS, TopUpForm
from shop.wallets.models import TopUp
from shop.web import form_key, signed_in

bp = Blueprint("top_up", __name__)


@bp.get("/wallet/topup/")
@signed_in
def begin() -> Page:
    """Ask how much to put in, or say why nothing can be."""
    user = _user()
    form = TopUpForm(CURRENCIES[user.country], formdata=None)
    form.form_key.data = form_key()
    form.amount.data = _prefilled(form.currency)
    return _page(form, user)


@bp.post("/wallet/topup/")
@signed_in
def create() -> Page:
    """Keep what is wanted, under the ceilings, and go on to its pay page."""
    user = _user()
    form = TopUpForm(CURRENCIES[user.country])
    if not form.validate_on_submit() or form.money is None:
        return _page(form, user), 422
    try:
        top_up = service.begin_top_up(user, form.money, form.form_key.data)
    except TopUpClosed:
        return _page(form, user), 403
    except AboveCeiling as above:
        form.amount.errors = [wording.ceiling_sentence(above.exceeded)]
        return _page(form, user), 422
    return redirect(url_for("top_up.choose", reference=top_up.reference), 303)


def _user() -> User:
    user: User = current_user._get_current_object()
    return user


def _prefilled(currency: str) -> str:
    try:
        return Money.from_wire(request.args.get("amount", ""), currency).to_wire()
    except MoneyError:
        return ""


def _page(form: TopUpForm, user: User) -> str:
    unit = 10 ** Money(0, form.currency).exponent
    return render_template(
        "wallets/topup.html",
        form=form,
        is_open=ceilings.top_up_open(user.country),
        chips=[Money(units * unit, form.currency) for units in TOP_UPS],
        limits=ceilings.limits_of(user),
    )


@bp.get("/wallet/topup/<reference>/payment/")
@signed_in
def choose(reference: str) -> Page:
    """Offer every method that collects, each with its exact total."""
    top_up = service.own_top_up(current_user.id, reference)
    if not service.is_payable(top_up):
        return redirect(url_for("wallet.show", currency=top_up.currency), 303)
    return paying.choose(_payable(top_up))


@bp.post("/wallet/topup/<reference>/payment/")
@signed_in
def start(reference: str) -> Page:
    """Begin one attempt: the same engine as for an order."""
    payable = _payable(service.own_top_up(current_user.id, reference))
    try:
        return paying.start(payable)
    except AboveCeiling as above:
        return paying.choose(payable, problem=wording.ceiling_sentence(above.exceeded))
    except TopUpClosed:
        return redirect(url_for("top_up.begin"), 303)


def _payable(top_up: TopUp) -> Payable:
    return Payable(
        purpose=Purpose.TOP_UP,
        id=top_up.id,
        user_id=top_up.user_id,
        owed=top_up.total,
        phone=top_up.user.phone,
        country=top_up.user.country,
        here=url_for("top_up.choose", reference=top_up.reference),
        page=url_for("wallet.show", currency=top_up.currency),
        back=_("Mon portefeuille"),
        facts=[
            (_("Recharge"), spaced(top_up.reference)),
            (_("Dans votre portefeuille"), amount(top_up.total), True),
        ],
    )
