"""Waiting for a payment, honestly: what we know, what to do, how old the request is (UX §4.3)."""

from __future__ import annotations

import time
from typing import Final

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from shop import choices, clock, purposes, queue, settlement, wallet_parts
from shop import phone as phones
from shop.db import end_read
from shop.i18n import amount_text
from shop.orders import links
from shop.orders.models import Order
from shop.payments import quick_state, reading, wording
from shop.payments import service as payments
from shop.payments.choice_models import Chosen
from shop.payments.forms import ClaimForm
from shop.payments.models import Payment
from shop.payments.states import Disposition, PaymentStatus
from shop.payments.views import given_back, is_payers, note_of, own_payment
from shop.payments.wording import Phase
from shop.providers import methods
from shop.providers.methods import Consent, Method
from shop.purposes import Thing
from shop.tontines import contributing
from shop.tontines.cycle_models import Contribution
from shop.web import guest_or_signed_in

bp = Blueprint("payment_status", __name__)

#: How long the page waits for the address of a hosted page before it shows itself (D7).
WAIT_FOR_PAGE_S: Final = 2.0
REFRESH_S: Final = 15
WAITING: Final = frozenset({Phase.APPROVE, Phase.STILL, Phase.VERIFYING, Phase.EXPIRED})


@bp.get("/payment/<reference>/status/")
@guest_or_signed_in
def show(reference: str) -> BaseResponse:
    """Say where the payment stands; nothing in the address can change the verdict."""
    payment, _thing = own_payment(reference)
    method = methods.get(payment.method)
    payment = _with_page(payment, method)
    form = ClaimForm(formdata=None)
    response = make_response(_page(payment, method, form))
    if request.args.get("auto") == "1" and wording.phase(payment, method) in WAITING:
        response.headers["Refresh"] = str(REFRESH_S)
    return response


def _with_page(payment: Payment, method: Method) -> Payment:
    """Wait a moment for the hosted page's address, where the payer needs one to go on."""
    deadline = clock.monotonic() + WAIT_FOR_PAGE_S
    while _needs_page(payment, method) and clock.monotonic() < deadline:
        reference = payment.reference
        end_read()
        time.sleep(0.1)
        payment = payments.find(reference)
    return payment


def _needs_page(payment: Payment, method: Method) -> bool:
    if method.consent not in (Consent.REDIRECT, Consent.APP) or payment.page_url:
        return False
    young = (clock.now() - payment.created_at).total_seconds() < 10
    return young and payment.state in (PaymentStatus.CREATED, PaymentStatus.SENDING)


def _page(payment: Payment, method: Method, form: ClaimForm) -> str:
    thing = purposes.of(payment)
    total = amount_text(payment.money)
    masked = phones.masked(payment.payer_phone)
    guess = phones.guess_operator(payment.payer_phone)
    receipts = reading.receipts_of(payment.id)
    others = [p for p in payments.all_of(payment.purpose_as_enum, thing.id) if p.id != payment.id]
    return render_template(
        "payments/status.html",
        payment=payment,
        method=method,
        order=thing if isinstance(thing, Order) else None,
        thing=thing,
        circle=contributing.circle_of(thing) if isinstance(thing, Contribution) else None,
        again_url=_again(payment, thing) if purposes.is_payable(thing) else None,
        part=wallet_parts.of_payments([payment.id]).get(payment.id),
        form=form,
        phase=wording.phase(payment, method),
        public=wording.PUBLIC_STATES[wording.phase(payment, method)],
        title=wording.TITLES[wording.phase(payment, method)],
        masked=masked,
        gesture=wording.gesture(method, masked, total),
        page_owner=wording.page_owner(method),
        ending=wording.ending(payment, method, total),
        receipts=receipts,
        is_held=any(receipt.disposition == Disposition.APPLIED for receipt in receipts),
        given_back=given_back(receipts),
        kept=note_of(payment),
        choices=choices.open_of([receipt.id for receipt in receipts]),
        resembles=guess
        if guess and guess != method.operator and method.operator != "wave"
        else None,
        paid_by_another=any(p.state is PaymentStatus.SUCCEEDED for p in others),
        waiting=wording.phase(payment, method) in WAITING,
        key=quick_state.key_of(payment.reference),
        auto=request.args.get("auto") == "1",
        payers=is_payers(payment),
    )


def _again(payment: Payment, thing: Thing) -> str | None:
    """Lead to where one chooses again; None where a payer's link was taken back meanwhile."""
    if not is_payers(payment):
        return pay_address(thing)
    link = links.of_order(thing.id)
    return url_for("pay_link.choose", token=link.token) if link else None


@bp.get("/payment/<reference>/state")
@guest_or_signed_in
def state(reference: str) -> Response:
    """Tell a script the state in a few bytes; unchanged is 304. The page's own key opens it, or the payer."""
    key = request.args.get("k", "")
    payment = (
        payments.find(reference)
        if quick_state.is_key(reference, key)
        else own_payment(reference)[0]
    )
    method = methods.get(payment.method)
    phase = wording.phase(payment, method)
    response = jsonify(
        state=wording.PUBLIC_STATES[phase],
        phase=phase,
        title=str(wording.TITLES[phase]),
        final=phase not in WAITING,
        page=bool(payment.page_url),
    )
    response.add_etag()
    quick_state.remember(
        payment.reference, response.headers["ETag"], wording.phase_lasts_s(payment, method)
    )
    response.make_conditional(request)
    return response


@bp.post("/payment/<reference>/check/")
@guest_or_signed_in
def check(reference: str) -> BaseResponse:
    """Ask the provider now, at most every few seconds, and come back to the page."""
    payment, _thing = own_payment(reference)
    return _asked(settlement.check_now(payment.id))


@bp.post("/payment/<reference>/reference/")
@guest_or_signed_in
def claim(reference: str) -> BaseResponse | tuple[str, int]:
    """Keep the reference of the operator's SMS and ask the provider now."""
    payment, _thing = own_payment(reference)
    form = ClaimForm()
    if not form.validate_on_submit():
        return _page(payment, methods.get(payment.method), form), 422
    return _asked(settlement.claim_paid(payment.id, form.typed.data))


def _asked(payment: Payment) -> BaseResponse:
    reference, checked_at = payment.reference, payment.checked_at
    queue.ring("verify_payments")
    deadline = clock.monotonic() + WAIT_FOR_PAGE_S
    while clock.monotonic() < deadline:
        end_read()
        time.sleep(0.15)
        if payments.find(reference).checked_at != checked_at:
            break
    return redirect(url_for("payment_status.show", reference=reference), 303)


@bp.post("/payment/<reference>/kept/")
@guest_or_signed_in
def keep(reference: str) -> BaseResponse:
    """Do what the payer wants with money that paid for nothing: keep it here, or send it back."""
    payment, _order = own_payment(reference)
    reference, wanted = payment.reference, request.form.get("choice", "")
    if wanted not in set(Chosen):
        abort(400)
    choices.choose(payment.id, request.form.get("receipt", ""), Chosen(wanted))
    queue.ring("send_payouts")
    return redirect(url_for("payment_status.show", reference=reference), 303)


@bp.post("/payment/<reference>/cancel/")
@guest_or_signed_in
def cancel(reference: str) -> BaseResponse:
    """Leave this attempt for another method; whatever it may still bring is kept for the payer."""
    payment, thing = own_payment(reference)
    status = url_for("payment_status.show", reference=payment.reference)
    again = _again(payment, thing) or status
    settlement.give_up(payment.id)
    return redirect(again, 303)


def pay_address(thing: Thing) -> str:
    """Give the address where an attempt for it begins."""
    if isinstance(thing, Contribution):
        circle = contributing.circle_of(thing).reference
        return url_for("tontines.pay_by_phone", reference=circle, contribution=thing.reference)
    page = "payment.choose" if isinstance(thing, Order) else "top_up.choose"
    return url_for(page, reference=thing.reference)
