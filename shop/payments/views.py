"""Paying: choose a method, list one's payments, read a receipt."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask import current_app as app
from werkzeug.wrappers import Response as BaseResponse

from shop import phone as phones
from shop import queue, settlement
from shop.accounts import service as accounts
from shop.accounts.session import current_payer
from shop.errors import NotFound
from shop.i18n import _, language
from shop.ledger import audit
from shop.ledger import service as ledger
from shop.orders import access
from shop.orders import service as orders
from shop.orders.models import Order
from shop.payments import offering, reading, wording
from shop.payments import service as payments
from shop.payments.forms import PayForm, countries_for, obstacle_sentence
from shop.payments.models import Payment, Receipt
from shop.payments.offering import Need, Option
from shop.payments.service import Intent
from shop.payments.states import PaymentStatus, Purpose
from shop.payouts import reading as payouts
from shop.payouts import wording as payout_wording
from shop.payouts.wording import GivenBack
from shop.providers import methods
from shop.settlement import AttemptUnderWay, MethodStopped, NotPayable, TooManyAttempts
from shop.web import form_key, guest_or_signed_in

bp = Blueprint("payment", __name__)

#: The filters of "my payments", as they stand in the address.
FILTERS: dict[str, tuple[PaymentStatus, ...]] = {
    "attente": (
        PaymentStatus.CREATED, PaymentStatus.SENDING, PaymentStatus.PENDING, PaymentStatus.UNKNOWN,
        PaymentStatus.REVIEW,
    ),
    "payes": (PaymentStatus.SUCCEEDED,),
    "non-aboutis": (PaymentStatus.FAILED, PaymentStatus.CANCELLED),
}  # fmt: skip


def own_payment(reference: str) -> tuple[Payment, Order]:
    """Give an attempt and its order, if this browser may see that order. Raises `NotFound`."""
    payment = payments.find(reference)
    order = orders.by_id(payment.purpose_id)
    return payment, order if is_payers(payment) else access.of_browser(order.reference)


def is_payers(payment: Payment) -> bool:
    """Say whether this browser's user paid this through a link: their own attempt, another's order."""
    payer = current_payer()
    if payment.pay_link_id is None or payer is None:
        return False
    return accounts.owner_id(payment.user_id) == payer.id


@bp.get("/order/<reference>/payment/")
@guest_or_signed_in
def choose(reference: str) -> str | BaseResponse:
    """Offer the methods of the payer's country, each with its exact total."""
    order = access.of_browser(reference)
    if not orders.is_payable(order):
        return redirect(url_for("orders.show", reference=order.reference), 303)
    live = payments.live_of(Purpose.ORDER, order.id)
    if live is not None:
        return redirect(url_for("payment_status.show", reference=live.reference), 303)
    country, key = _country(order), form_key()
    offered = _offer(order, country, key)
    form = PayForm(offered, formdata=None)
    form.form_key.data, form.country.data = key, country
    form.phone.data = _typed_phone(order, country)
    form.method.data = next(
        (o.method.code for o in offered if o.suggested and not o.obstacle), None
    )
    return _page(order, form, offered)


@bp.post("/order/<reference>/payment/")
@guest_or_signed_in
def start(reference: str) -> BaseResponse | tuple[str, int]:
    """Begin one attempt and go to its status page, on our own address (U16)."""
    order = access.of_browser(reference)
    country = request.form.get("country", order.country)
    key, shown = request.form.get("form_key", ""), request.form.get("method")
    offered = _offer(order, country, key, shown)
    form = PayForm(offered)
    if not form.validate_on_submit() or form.number is None or form.chosen is None:
        return _page(order, form, offered), 422
    try:
        payment = settlement.start_payment(
            Intent(
                purpose=Purpose.ORDER,
                purpose_id=order.id,
                user_id=order.user_id,
                method=form.chosen.method,
                choice=form.chosen.choice,
                payer_phone=form.number.e164,
                owed=order.total,
                form_key=form.form_key.data,
                language=language(),
                otp=form.otp.data,
            )
        )
    except AttemptUnderWay as under_way:
        return redirect(url_for("payment_status.show", reference=under_way.reference), 303)
    except NotPayable:
        return redirect(url_for("orders.show", reference=reference), 303)
    except (MethodStopped, TooManyAttempts, orders.OutOfStock, orders.CodeGone) as no:
        sentence, status = refused_start(no)
        form.form_errors.append(sentence)
        return _page(order, form, offered), status
    queue.ring("submit_payments")
    return redirect(url_for("payment_status.show", reference=payment.reference), 303)


def refused_start(
    no: MethodStopped | TooManyAttempts | orders.OutOfStock | orders.CodeGone,
) -> tuple[str, int]:
    """Say why no attempt could begin, and the status of the page that says it."""
    match no:
        case MethodStopped():
            return str(_("Ce moyen vient d’être suspendu par la boutique.")), 409
        case TooManyAttempts():
            return str(_("Ce numéro a reçu beaucoup de demandes. Attendez un quart d’heure.")), 429
        case orders.CodeGone(name=code):
            return str(
                _("Le code %(code)s ne peut plus servir. Refaites la commande sans lui.", code=code)
            ), 409
        case gone:
            return str(_("%(name)s n’est plus en stock.", name=gone.product_name)), 409


def _country(order: Order) -> str:
    """Give the country asked for, else that of the buyer's own number, else the shop's."""
    own = phones.parse(order.contact_phone, order.country).country
    served = countries_for(order.currency)
    return next((c for c in (request.args.get("country"), own) if c in served), order.country)


def _typed_phone(order: Order, country: str) -> str:
    number = phones.parse(order.contact_phone, country)
    return phones.local(number.e164) if number.country == country else ""


def _offer(order: Order, country: str, key: str, shown: str | None = None) -> list[Option]:
    need = Need(
        purpose=Purpose.ORDER,
        purpose_id=order.id,
        owed=order.total,
        country=country,
        form_key=key,
        shown=shown,
    )
    return offering.options(need, phones.parse(order.contact_phone, country))


def _page(order: Order, form: PayForm, offered: list[Option]) -> str:
    form.show_totals()
    return render_template(
        "payments/choose.html",
        order=order,
        form=form,
        offered=offered,
        countries=countries_for(order.currency),
        obstacle=obstacle_sentence,
        through=wording.through,
        example=phones.example(form.country.data or order.country),
    )


@bp.get("/payments/")
@guest_or_signed_in
def history() -> str | BaseResponse:
    """List the payer's attempts, newest first; filters live in the address (D7)."""
    user = current_payer()
    if user is None:
        return redirect(url_for("accounts.login", next=request.full_path.rstrip("?")), 303)
    state = request.args.get("etat", "")
    provider = request.args.get("operateur", "")
    page = reading.history(
        accounts.identities(user.id),
        statuses=FILTERS.get(state, ()),
        provider=provider if provider in payments.providers() else "",
        before_id=request.args.get("avant", type=int),
    )
    checking = [p for p in page.payments if p.status in FILTERS["attente"]]
    return render_template(
        "payments/history.html",
        page=page,
        checking=checking,
        state=state,
        provider=provider,
        filters=list(FILTERS),
        operators={name: one.label for name, one in payments.providers().items()},
        wording=wording,
        methods=methods,
    )


@bp.get("/receipt/<reference>/")
@guest_or_signed_in
def receipt(reference: str) -> str | Response:
    """Show what was paid, to print or to share as text (UX §13)."""
    payment, order = own_payment(reference)
    receipts = reading.receipts_of(payment.id)
    if not receipts:
        raise NotFound("no money came through this payment")
    values = {
        "payment": payment,
        "receipts": receipts,
        "order": order,
        "method": methods.get(payment.method),
        "masked": phones.masked(payment.payer_phone),
        "proof": proof(payment),
        "note": wording.kept_sentence,
        "given_back": given_back(receipts),
        "payers": is_payers(payment),
    }
    if request.args.get("format") == "txt":
        text = render_template("payments/receipt.txt", **values)
        return app.response_class(text, mimetype="text/plain")
    return render_template("payments/receipt.html", **values)


def given_back(receipts: Sequence[Receipt]) -> list[GivenBack]:
    """Say of every refund of these receipts where it is."""
    refunds = payouts.refunds_with_payouts([receipt.id for receipt in receipts])
    return [payout_wording.given_back(*pair, language()) for pair in refunds]


def proof(payment: Payment) -> str:
    """Give the first eight signs of the hash of the first ledger row that this payment wrote."""
    receipts = reading.receipts_of(payment.id)
    transfer = ledger.first_transfer(f"receipt:{receipts[0].id}:") if receipts else None
    return audit.row_hash(transfer)[:8] if transfer is not None else ""
