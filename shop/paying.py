"""The pay page, whatever is paid for: the methods of a country with their exact totals, then one attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from shop import phone as phones
from shop import queue, settlement
from shop.accounts import service as accounts
from shop.accounts.service import PinAnswer
from shop.errors import InsufficientFunds, Refusal
from shop.i18n import _, amount_text, language
from shop.money import Money
from shop.orders.refusals import OutOfStock
from shop.payments import offering, wording
from shop.payments import service as payments
from shop.payments.forms import PayForm, countries_for, obstacle_sentence
from shop.payments.models import Payment
from shop.payments.offering import Need, Option
from shop.payments.refusals import AttemptUnderWay, MethodStopped, NotPayable, TooManyAttempts
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.web import form_key

Page = BaseResponse | str | tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """What the pay page shows and charges: for an order, for a top-up."""

    purpose: Purpose
    id: int
    user_id: int
    owed: Money
    """What the phone pays, before any method's fee."""
    phone: str
    country: str
    here: str
    """Address of its pay page, with what was chosen there."""
    page: str
    """Address of its own page: where one goes when there is nothing to pay."""
    back: str
    """What that page is called."""
    facts: list[tuple[Any, ...]]
    from_wallet: Money | None = None
    """What the wallet pays beside the phone."""
    needs_pin: bool = False
    wallet: Any = None
    """What the page offers to take from the wallet; nothing where there is nothing to offer."""
    refuse_pin: Callable[[str], str | None] | None = None
    """Say what is wrong with a PIN; None when it is right."""


def choose(payable: Payable, *, problem: str | None = None) -> Page:
    """Offer the methods of the payer's country, each with its exact total; say what went wrong."""
    live = payments.live_of(payable.purpose, payable.id)
    if live is not None:
        return redirect(url_for("payment_status.show", reference=live.reference), 303)
    country, key = _country(payable), form_key()
    offered = _offer(payable, country, key)
    form = PayForm(offered, formdata=None)
    form.form_key.data, form.country.data = key, country
    form.phone.data = _typed_phone(payable, country)
    form.method.data = next(
        (o.method.code for o in offered if o.suggested and not o.obstacle), None
    )
    if problem is not None:
        form.form_errors.append(problem)
        return page(payable, form, offered), 422
    return page(payable, form, offered)


def start(payable: Payable) -> Page:
    """Begin one attempt and go to its status page, on our own address (U16)."""
    country = request.form.get("country", payable.country)
    key, shown = request.form.get("form_key", ""), request.form.get("method")
    offered = _offer(payable, country, key, shown)
    form = PayForm(offered)
    if not form.validate_on_submit() or form.number is None or form.chosen is None:
        return page(payable, form, offered), 422
    if payable.needs_pin and payable.refuse_pin is not None:
        refused = payable.refuse_pin(form.pin.data or "")
        if refused is not None:
            form.pin.errors = [refused]
            return page(payable, form, offered), 422
    try:
        payment = _started(payable, form)
    except AttemptUnderWay as under_way:
        return redirect(url_for("payment_status.show", reference=under_way.reference), 303)
    except NotPayable:
        return redirect(payable.page, 303)
    except (MethodStopped, TooManyAttempts, OutOfStock, InsufficientFunds) as refusal:
        form.form_errors.append(sentence(refusal))
        return page(payable, form, offered), refusal.http_status
    queue.ring("submit_payments")
    return redirect(url_for("payment_status.show", reference=payment.reference), 303)


def _started(payable: Payable, form: PayForm) -> Payment:
    assert form.chosen is not None
    assert form.number is not None
    return settlement.start_payment(
        Intent(
            purpose=payable.purpose,
            purpose_id=payable.id,
            user_id=payable.user_id,
            method=form.chosen.method,
            choice=form.chosen.choice,
            payer_phone=form.number.e164,
            owed=payable.owed,
            from_wallet=payable.from_wallet,
            form_key=form.form_key.data,
            language=language(),
            otp=form.otp.data,
        )
    )


def sentence(refusal: Refusal) -> str:
    """Say why nothing was begun; raises what it has no words for."""
    match refusal:
        case MethodStopped():
            return str(_("Ce moyen vient d’être suspendu par la boutique."))
        case TooManyAttempts():
            return str(_("Ce numéro a reçu beaucoup de demandes. Attendez un quart d’heure."))
        case OutOfStock():
            return str(_("%(name)s n’est plus en stock.", name=refusal.product_name))
        case InsufficientFunds():
            held = amount_text(refusal.available)
            return str(_("Votre portefeuille n’a plus que %(amount)s.", amount=held))
        case _:
            raise refusal


def _country(payable: Payable) -> str:
    """Give the country asked for, else that of the payer's own number, else the shop's."""
    own = phones.parse(payable.phone, payable.country).country
    served = countries_for(payable.owed.currency)
    return next((c for c in (request.args.get("country"), own) if c in served), payable.country)


def _typed_phone(payable: Payable, country: str) -> str:
    number = phones.parse(payable.phone, country)
    return phones.local(number.e164) if number.country == country else ""


def _offer(payable: Payable, country: str, key: str, shown: str | None = None) -> list[Option]:
    need = Need(
        purpose=payable.purpose,
        purpose_id=payable.id,
        owed=payable.owed,
        country=country,
        form_key=key,
        shown=shown,
    )
    return offering.options(need, phones.parse(payable.phone, country))


def page(payable: Payable, form: PayForm, offered: list[Option]) -> str:
    """Write the page of a form."""
    form.show_totals()
    return render_template(
        "payments/choose.html",
        payable=payable,
        form=form,
        offered=offered,
        countries=countries_for(payable.owed.currency),
        obstacle=obstacle_sentence,
        through=wording.through,
        example=phones.example(form.country.data or payable.country),
    )


def refused_pin(pin: str) -> str | None:
    """Check the PIN of whoever is signed in; say what is wrong with it."""
    match accounts.try_pin(current_user.id, pin):
        case PinAnswer.RIGHT:
            return None
        case PinAnswer.WRONG:
            return str(_("Ce code PIN n’est pas bon."))
        case PinAnswer.PAUSED:
            return str(_("Trop d’essais. Réessayez dans 24 heures."))
