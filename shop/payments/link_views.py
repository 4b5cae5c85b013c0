"""Paying for somebody else: the buyer's page about the link, and the page that the link opens."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from shop import paying, queue, settlement
from shop import phone as phones
from shop.accounts import service as accounts
from shop.accounts.models import User
from shop.accounts.session import adopt_guest, current_payer
from shop.errors import NotFound
from shop.i18n import _, amount_text, language
from shop.orders import access, links
from shop.orders import service as orders
from shop.orders.link_models import PayLink
from shop.orders.models import Order
from shop.orders.refusals import CodeGone, OutOfStock
from shop.payments import offering, wording
from shop.payments import service as payments
from shop.payments.forms import PayForm, countries_for, obstacle_sentence
from shop.payments.models import Payment
from shop.payments.offering import Need, Option
from shop.payments.refusals import AttemptUnderWay, MethodStopped, NotPayable, TooManyAttempts
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.phone import Phone
from shop.stores.words import absolute, whatsapp
from shop.web import form_key, guest_or_signed_in

bp = Blueprint("pay_link", __name__)

Page = str | Response | tuple[str, int]


def _own_order(reference: str) -> Order:
    """Give the buyer's own order: a private link to it alone lets nobody ask for its money."""
    order = access.of_browser(reference)
    if not access.is_mine(order):
        raise NotFound("not this browser's own")
    return order


@bp.get("/order/<reference>/pay-link/")
@guest_or_signed_in
def show(reference: str) -> Page:
    """Show the buyer the link, what it shows, and a message ready to send."""
    order = _own_order(reference)
    if not orders.is_payable(order):
        return redirect(url_for("orders.show", reference=order.reference), 303)
    link = links.of_order(order.id)
    address = absolute(url_for("pay_link.choose", token=link.token)) if link else ""
    return render_template(
        "payments/link.html",
        order=order,
        link=link,
        address=address,
        share=_message(order, address) if link else "",
    )


def _message(order: Order, address: str) -> str:
    text = _(
        "Peux-tu payer %(amount)s pour moi ? Par mobile money, sans compte ; l’argent est gardé"
        " jusqu’à la livraison : %(link)s",
        amount=amount_text(order.total),
        link=address,
    )
    return whatsapp(text)


@bp.post("/order/<reference>/pay-link/")
@guest_or_signed_in
def make(reference: str) -> Page:
    """Make the link of an unpaid order; twice is once."""
    order = _own_order(reference)
    links.make([order.user_id], order.id)
    return redirect(url_for("pay_link.show", reference=reference), 303)


@bp.post("/order/<reference>/pay-link/revoke/")
@guest_or_signed_in
def revoke(reference: str) -> Page:
    """Take the link back."""
    order = _own_order(reference)
    links.revoke([order.user_id], order.id)
    return redirect(url_for("pay_link.show", reference=reference), 303)


@bp.get("/pay/<token>/")
@guest_or_signed_in
def choose(token: str) -> Page:
    """Show whoever has the link to whom and how much, and the ways to pay; nothing of the buyer."""
    link = links.by_token(token)
    order, payer = link.order, current_payer()
    if not orders.is_payable(order):
        return render_template("payments/link_paid.html", order=order)
    live = payments.live_of(Purpose.ORDER, order.id)
    if live is not None and payer is not None and accounts.owner_id(live.user_id) == payer.id:
        return redirect(url_for("payment_status.show", reference=live.reference), 303)
    country, key = _country(order), form_key()
    offered = _offer(order, country, key)
    form = PayForm(offered, formdata=None)
    form.form_key.data, form.country.data = key, country
    return _page(link, form, offered, busy=live is not None)


@bp.post("/pay/<token>/")
@guest_or_signed_in
def start(token: str) -> Page:
    """Begin one attempt of the payer's own; what comes late or twice is theirs, not the buyer's."""
    link = links.by_token(token)
    order = link.order
    key, country = request.form.get("form_key", ""), request.form.get("country", order.country)
    offered = _offer(order, country, key, request.form.get("method"))
    form = PayForm(offered)
    if not form.validate_on_submit() or form.number is None or form.chosen is None:
        return _page(link, form, offered), 422
    payer = _payer(form.number)
    intent = Intent(
        purpose=Purpose.ORDER,
        purpose_id=order.id,
        user_id=payer.id,
        pay_link_id=link.id,
        method=form.chosen.method,
        choice=form.chosen.choice,
        payer_phone=form.number.e164,
        owed=order.total,
        form_key=form.form_key.data,
        language=language(),
        otp=form.otp.data,
    )
    return _started(link, intent, form, offered)


def _started(link: PayLink, intent: Intent, form: PayForm, offered: list[Option]) -> Page:
    token = link.token
    try:
        payment = settlement.start_payment(intent)
    except (AttemptUnderWay, NotPayable):
        # The buyer pays, somebody else was faster, or this very tap was the second one.
        first = payments.by_form_key(intent.form_key)
        if first is None or not _is_their_tap(first, intent):
            return redirect(url_for("pay_link.choose", token=token), 303)
        return _adopt(first)
    except (MethodStopped, TooManyAttempts, OutOfStock, CodeGone) as no:
        form.form_errors.append(paying.sentence(no))
        return _page(link, form, offered), no.http_status
    queue.ring("submit_payments")
    return redirect(url_for("payment_status.show", reference=payment.reference), 303)


def _payer(number: Phone) -> User:
    """Give who pays: whoever this browser is, or a guest of the number that pays."""
    payer = current_payer()
    if payer is None:
        payer = accounts.guest(_("Un proche"), number, language())
        adopt_guest(payer)
    return payer


def _is_their_tap(first: Payment, intent: Intent) -> bool:
    """Say whether a form's first attempt was this payer's: the key is ours, and known to one browser."""
    same = (first.purpose_id, first.pay_link_id, first.payer_phone)
    return same == (intent.purpose_id, intent.pay_link_id, intent.payer_phone)


def _adopt(first: Payment) -> Response:
    guest = accounts.unclaimed_guest(first.user_id)
    if guest is not None:
        adopt_guest(guest)
    return redirect(url_for("payment_status.show", reference=first.reference), 303)


def _country(order: Order) -> str:
    asked = request.args.get("country", "")
    return asked if asked in countries_for(order.currency) else order.country


def _offer(order: Order, country: str, key: str, shown: str | None = None) -> list[Option]:
    need = Need(
        purpose=Purpose.ORDER,
        purpose_id=order.id,
        owed=order.total,
        country=country,
        form_key=key,
        shown=shown,
    )
    # Nothing is suggested: the order's own number would say something of the buyer.
    return offering.options(need, Phone("", country, None))


def _page(link: PayLink, form: PayForm, offered: list[Option], *, busy: bool = False) -> str:
    form.show_totals()
    order = link.order
    return render_template(
        "payments/pay_for.html",
        link=link,
        order=order,
        form=form,
        offered=offered,
        busy=busy,
        countries=countries_for(order.currency),
        obstacle=obstacle_sentence,
        through=wording.through,
        example=phones.example(form.country.data or order.country),
    )
