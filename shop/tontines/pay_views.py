"""Contributing: from the wallet, by mobile money, in cash that two people confirm; its receipt."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import paying
from shop.errors import InsufficientFunds, NotFound
from shop.i18n import _, amount, amount_text
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money, total
from shop.paying import Payable
from shop.payments.states import Purpose
from shop.tontines import contributing, dues, proofs, reading_people, reading_rounds, standing
from shop.tontines import receipts as proof_of
from shop.tontines.cycle_models import Contribution
from shop.tontines.models import Accepted
from shop.tontines.pay_forms import CashForm, PayForm, is_large
from shop.tontines.refusals import TontineRefused
from shop.tontines.rights import Doing
from shop.tontines.seats import Seat, bp, figure, seat, show
from shop.tontines.wording import sentence
from shop.web import form_key, signed_in

Page = Response | str | tuple[str, int]


@bp.get("/<reference>/pay/")
@signed_in
def pay(reference: str) -> str:
    """Show what I owe, oldest first, and the ways to pay it."""
    here = seat(reference)
    form = _form(here)
    form.form_key.data = form_key()
    owed = _owed(here)
    first = owed or (here.at.rules.contribution or here.at.rules.relief)
    form.amount.data = figure(first)
    if form.wallet < first:
        form.source.data = "payment"
    return _page(here, form)


def _form(here: Seat) -> PayForm:
    held = reading_people.shares_of(here.at.cycle.id, [here.member.id]).get(here.member.id, [])
    wallet = ledger.balance(chart.wallet(current_user.id, here.tontine.currency))
    return PayForm(held, wallet)


def _owed(here: Seat) -> Money:
    each = dues.of_member(here.at, here.member.id)
    return total([one.due.unpaid for one in each], here.tontine.currency)


def _page(here: Seat, form: PayForm) -> str:
    return show(
        "pay",
        here,
        form=form,
        ask_pin=form.asks_pin or is_large(_owed(here)),
        owed=dues.of_member(here.at, here.member.id),
        owed_total=_owed(here),
        cash=reading_rounds.cash_to_confirm(here.at.cycle.id, here.member.id),
        paid=reading_rounds.my_contributions(here.at.cycle.id, here.member.id),
    )


@bp.post("/<reference>/pay/")
@signed_in
def contribute(reference: str) -> Page:
    """Pay from the wallet at once, or go on to the ordinary pay page of a mobile-money attempt."""
    here = seat(reference)
    form = _form(here)
    if not form.validate_on_submit() or form.money is None:
        return _page(here, form), 422
    if form.asks_pin:
        proof = proofs.proven(form.pin.data or "")
        if not isinstance(proof, Accepted):
            form.pin.errors = [proof]
            return _page(here, form), 422
    try:
        return _paid(here, form, form.money)
    except InsufficientFunds as short:
        held = amount_text(short.available)
        form.amount.errors = [_("Le portefeuille ne contient que %(amount)s.", amount=held)]
    except TontineRefused as refusal:
        form.amount.errors = [sentence(refusal)]
    return _page(seat(reference), form), 422


def _paid(here: Seat, form: PayForm, money: Money) -> Response:
    way = contributing.from_wallet if form.source.data == "wallet" else contributing.begin
    row = way(
        here.tontine.id,
        current_user.id,
        money,
        form_key=form.form_key.data,
        share_code=form.share.data or None,
    )
    page = "receipt" if form.source.data == "wallet" else "pay_by_phone"
    address = url_for(
        f"tontines.{page}", reference=here.tontine.reference, contribution=row.reference
    )
    return redirect(address, 303)


def _own(here: Seat, reference: str) -> Contribution:
    row = reading_rounds.contribution(here.at.cycle.id, reference)
    if row.member_id != here.member.id:
        raise NotFound("contribution")
    return row


@bp.get("/<reference>/receipts/<contribution>/")
@signed_in
def receipt(reference: str, contribution: str) -> str:
    """Show what a contribution paid, with the proof that it stands in the book."""
    here = seat(reference)
    row = reading_rounds.contribution(here.at.cycle.id, contribution)
    if row.member_id != here.member.id and not here.may(Doing.RECORD_CASH):
        raise NotFound("contribution")
    return show("receipt", here, row=row, **proof_of.of(here.at, row))


@bp.post("/<reference>/standing/")
@signed_in
def stand(reference: str) -> Response:
    """Let the wallet pay by itself on each due date, or no more."""
    here = seat(reference)
    standing.choose(here.tontine.id, current_user.id, on=request.form.get("on") == "1")
    return redirect(url_for("tontines.pay", reference=reference), 303)


def _cash_form(here: Seat) -> CashForm:
    people = reading_people.payers(here.at.cycle.id, besides=here.member.id)
    return CashForm(people, here.tontine.currency)


@bp.get("/<reference>/cash/")
@signed_in
def cash(reference: str) -> str:
    """Let the treasurer write down cash, and see what waits to be confirmed."""
    here = seat(reference)
    here.must(Doing.RECORD_CASH)
    form = _cash_form(here)
    form.form_key.data = form_key()
    return _cash_page(here, form)


def _cash_page(here: Seat, form: CashForm) -> str:
    return show("cash", here, form=form, cash=reading_rounds.cash_to_confirm(here.at.cycle.id))


@bp.post("/<reference>/cash/")
@signed_in
def record_cash(reference: str) -> Page:
    """Write cash down: promised, not collected, until the giver says yes (R21)."""
    here = seat(reference)
    here.must(Doing.RECORD_CASH)
    form = _cash_form(here)
    if not form.validate_on_submit() or form.money is None:
        return _cash_page(here, form), 422
    try:
        contributing.record_cash(
            here.tontine.id,
            current_user.id,
            form.member.data,
            form.money,
            form_key=form.form_key.data,
        )
    except InsufficientFunds as short:
        held = amount_text(short.available)
        form.amount.errors = [
            _("Votre portefeuille répond des espèces que vous gardez : il contient %(a)s.", a=held)
        ]
        return _cash_page(seat(reference), form), 422
    return redirect(url_for("tontines.cash", reference=reference), 303)


@bp.post("/<reference>/cash/<contribution>/")
@signed_in
def confirm_cash(reference: str, contribution: str) -> Response:
    """Say yes or no to cash: by who gave it, or by another officer where there is no phone."""
    here = seat(reference)
    row = reading_rounds.contribution(here.at.cycle.id, contribution)
    if row.member_id != here.member.id and not here.offices:
        raise NotFound("contribution")
    mine = row.member_id == here.member.id
    answer = contributing.confirm_cash
    if request.form.get("answer") != "yes":
        answer = contributing.refuse_cash
    answer(row.id, current_user.id)
    page = "pay" if mine else "round_"
    if mine or (present := reading_rounds.present(here.at.cycle.id)) is None:
        return redirect(url_for(f"tontines.{page}", reference=reference), 303)
    return redirect(url_for("tontines.round_", reference=reference, index=present.index), 303)


@bp.get("/<reference>/pay/<contribution>/")
@signed_in
def pay_by_phone(reference: str, contribution: str) -> paying.Page:
    """Offer every method that collects, each with its exact total; a paid one shows its receipt."""
    here = seat(reference)
    row = _own(here, contribution)
    if not contributing.is_payable(row):
        address = url_for("tontines.receipt", reference=reference, contribution=row.reference)
        return redirect(address, 303)
    return paying.choose(_payable(here, row))


@bp.post("/<reference>/pay/<contribution>/")
@signed_in
def start(reference: str, contribution: str) -> paying.Page:
    """Begin one attempt: the same engine as for an order."""
    here = seat(reference)
    return paying.start(_payable(here, _own(here, contribution)))


def _payable(here: Seat, row: Contribution) -> Payable:
    def address(page: str) -> str:
        return url_for(page, reference=here.tontine.reference, contribution=row.reference)

    return Payable(
        purpose=Purpose.CONTRIBUTION,
        id=row.id,
        user_id=row.user_id,
        owed=row.total,
        phone=current_user.phone,
        country=here.tontine.country,
        here=address("tontines.pay_by_phone"),
        page=address("tontines.receipt"),
        back=here.tontine.name,
        facts=[(_("Cotisation, %(name)s", name=here.tontine.name), amount(row.total), True)],
    )
