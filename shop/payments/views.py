"""Paying: choose a method, list one's payments, read a receipt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask import current_app as app
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from shop import paying, purposes, wallet_parts
from shop import phone as phones
from shop.accounts import service as accounts
from shop.accounts.session import current_payer
from shop.errors import InsufficientFunds, NotFound
from shop.i18n import _, amount, language
from shop.ledger import audit, proofs
from shop.ledger import service as ledger
from shop.money import Money, MoneyError
from shop.orders import access
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.refusals import CodeGone, OutOfStock
from shop.paying import Page, Payable, refused_pin
from shop.payments import reading, wording
from shop.payments import service as payments
from shop.payments.models import Payment, Receipt
from shop.payments.refusals import AttemptUnderWay, NotPayable
from shop.payments.states import PaymentStatus, Purpose
from shop.payouts import reading as payouts
from shop.payouts import wording as payout_wording
from shop.payouts.wording import GivenBack
from shop.providers import methods
from shop.purposes import Thing
from shop.references import spaced
from shop.tontines import contributing
from shop.tontines.cycle_models import Contribution
from shop.wallet_parts import Spendable
from shop.wallets import wording as wallet_wording
from shop.web import guest_or_signed_in

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


def own_payment(reference: str) -> tuple[Payment, Thing]:
    """Give an attempt and what it is for, if this browser may see that. Raises `NotFound`."""
    payment = payments.find(reference)
    thing = purposes.of(payment)
    if isinstance(thing, Order):
        return payment, thing if is_payers(payment) else access.of_browser(thing.reference)
    payer = current_payer()
    if payer is None or thing.user_id != payer.id:
        raise NotFound("payment")
    return payment, thing


def is_payers(payment: Payment) -> bool:
    """Say whether this browser's user paid this through a link: their own attempt, another's order."""
    payer = current_payer()
    if payment.pay_link_id is None or payer is None:
        return False
    return accounts.owner_id(payment.user_id) == payer.id


@bp.get("/order/<reference>/payment/")
@guest_or_signed_in
def choose(reference: str) -> Page:
    """Offer the methods of the payer's country, and what the wallet can pay."""
    order = access.of_browser(reference)
    if not orders.is_payable(order):
        return redirect(url_for("orders.show", reference=order.reference), 303)
    return paying.choose(_payable(order))


@bp.post("/order/<reference>/payment/")
@guest_or_signed_in
def start(reference: str) -> Page:
    """Begin one attempt to pay an order, beside the wallet where that was chosen."""
    return paying.start(_payable(access.of_browser(reference)))


def _payable(order: Order) -> Payable:
    spendable = _spendable(order)
    part = _part(order)
    owed = order.total - part if part is not None else order.total
    facts: list[tuple[Any, ...]] = [(_("Articles"), amount(order.items))]
    if order.discount:
        facts.append((_("Réduction"), amount(-order.discount)))
    if order.door:
        facts.append((_("À la porte"), amount(-order.door)))
    if order.door_of is None:
        facts.append((_("Livraison"), amount(order.delivery)))
    if part is not None:
        facts.append((_("De votre portefeuille"), amount(-part)))
    here = url_for("payment.choose", reference=order.reference)
    return Payable(
        purpose=Purpose.ORDER,
        id=order.id,
        user_id=order.user_id,
        owed=owed,
        phone=order.contact_phone,
        country=order.country,
        here=f"{here}?wallet={part.to_wire()}" if part is not None else here,
        page=url_for("orders.show", reference=order.reference),
        back=_("Commande %(ref)s", ref=spaced(order.reference)),
        facts=[*facts, (_("À payer"), amount(owed), True)],
        from_wallet=part,
        needs_pin=part is not None and wallet_wording.needs_pin(part),
        refuse_pin=refused_pin,
        wallet=_wallet_offer(order, spendable, part),
        by_others=url_for("pay_link.show", reference=order.reference),
    )


def _spendable(order: Order) -> Spendable | None:
    """Say what this browser's own wallet could pay of an order; None for guests and strangers."""
    if not current_user.is_authenticated or order.user_id != current_user.id:
        return None
    found = wallet_parts.spendable(order.user_id, order.currency)
    return found if found.total else None


def _part(order: Order) -> Money | None:
    """Read how much of an order the address takes from the wallet: some of it, never all."""
    if _spendable(order) is None:
        return None
    try:
        part = Money.from_wire(request.args.get("wallet", ""), order.currency)
    except MoneyError:
        return None
    return part if Money(0, order.currency) < part < order.total else None


def _wallet_offer(
    order: Order, spendable: Spendable | None, part: Money | None
) -> dict[str, Any] | None:
    if spendable is None:
        return None
    return {
        "spendable": spendable,
        "covers": spendable.total >= order.total,
        "total": order.total,
        "part": part,
        "reference": order.reference,
        "needs_pin": wallet_wording.needs_pin(order.total),
    }


@bp.post("/order/<reference>/wallet/")
@guest_or_signed_in
def pay_from_wallet(reference: str) -> Page:
    """Pay a whole order from one's own wallet, at once."""
    order = access.of_browser(reference)
    payable, problem = _payable(order), None
    if _spendable(order) is None:
        return redirect(payable.here, 303)
    if wallet_wording.needs_pin(order.total):
        problem = refused_pin(request.form.get("pin", ""))
    if problem is None:
        try:
            wallet_parts.pay(order.id, order.user_id)
            return redirect(payable.page, 303)
        except AttemptUnderWay as under_way:
            return redirect(url_for("payment_status.show", reference=under_way.reference), 303)
        except NotPayable:
            return redirect(payable.page, 303)
        except (OutOfStock, CodeGone, InsufficientFunds) as refusal:
            problem = paying.sentence(refusal)
    return paying.choose(payable, problem=problem)


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
    payment, thing = own_payment(reference)
    receipts = reading.receipts_of(payment.id)
    if not receipts:
        raise NotFound("no money came through this payment")
    values = {
        "payment": payment,
        "receipts": receipts,
        "order": thing if isinstance(thing, Order) else None,
        "thing": thing,
        "circle": contributing.circle_of(thing) if isinstance(thing, Contribution) else None,
        "payer": accounts.by_id(thing.user_id).name,
        "method": methods.get(payment.method),
        "masked": phones.masked(payment.payer_phone),
        "proof": proof(payment),
        "check_url": _check_url(receipts[0]),
        "root": proofs.printed_root(),
        "part": wallet_parts.of_payments([payment.id]).get(payment.id),
        "note": note_of(payment),
        "given_back": given_back(receipts),
        "payers": is_payers(payment),
    }
    if request.args.get("format") == "txt":
        text = render_template("payments/receipt.txt", **values)
        return app.response_class(text, mimetype="text/plain")
    return render_template("payments/receipt.html", **values)


def _check_url(receipt: Receipt) -> str:
    """Give the whole address where anybody can check a receipt: our own, whatever host was asked."""
    site = app.config["SETTINGS"].public_url
    return f"{site}{url_for('proof.show', code=receipt.code)}"


def note_of(payment: Payment) -> Callable[[Receipt, str], str | None]:
    """Choose the words for surprising money: an order has others than a wallet."""
    ordered = payment.purpose_as_enum is Purpose.ORDER
    return wording.kept_sentence if ordered else wallet_wording.kept_sentence


def given_back(receipts: Sequence[Receipt]) -> list[GivenBack]:
    """Say of every refund of these receipts where it is."""
    refunds = payouts.refunds_with_payouts([receipt.id for receipt in receipts])
    return [payout_wording.given_back(*pair, language()) for pair in refunds]


def proof(payment: Payment) -> str:
    """Give the first eight signs of the hash of the first ledger row that this payment wrote."""
    receipts = reading.receipts_of(payment.id)
    transfer = ledger.first_transfer(f"receipt:{receipts[0].id}:") if receipts else None
    return audit.row_hash(transfer)[:8] if transfer is not None else ""
