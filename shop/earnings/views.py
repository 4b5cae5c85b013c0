"""The owner's pages about being paid: the next payout, every statement, and the terms."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, redirect, render_template, request, url_for
from flask import session as cookie
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import clock, payout_decisions, queue
from shop import phone as phones
from shop.accounts import codes
from shop.accounts import service as accounts
from shop.accounts.forms import CodeForm
from shop.accounts.refusals import TooManyCodes, TooSoon
from shop.accounts.service import PinAnswer
from shop.debts import service as debts
from shop.earnings import figures, reading, service, settings, windows, wording
from shop.earnings.figures import Figure
from shop.earnings.forms import NewNumberForm, TermsForm
from shop.earnings.models import Schedule
from shop.errors import NotFound
from shop.i18n import _, amount_text, language, refusal_sentence
from shop.money import Money
from shop.payouts import wording as payout_wording
from shop.payouts.service import NotCancellable
from shop.payouts.states import EDGES, PayoutStatus
from shop.providers import methods
from shop.stores.models import Store
from shop.stores.service import store_of
from shop.web import form_key, signed_in

bp = Blueprint("earnings", __name__)

Page = str | Response | tuple[str, int]

#: How the state of a payout looks.
TONES = {PayoutStatus.SUCCEEDED: "ok", PayoutStatus.FAILED: "ko", PayoutStatus.CANCELLED: "info"}
#: The number that waits for its code, in the signed cookie of this browser.
NEW_NUMBER = "payout_number"


def _own_store() -> Store:
    store = store_of(current_user.id)
    if store is None:
        raise NotFound("no shop of one's own")
    return store


@bp.get("/store/payouts/")
@signed_in
def payouts() -> Page:
    """Say what the next payout brings and when, what waits and why, and list those before."""
    return _payouts_page(_own_store())


def _payouts_page(store: Store, problem: str = "") -> tuple[str, int]:
    terms = service.terms_of(store)
    plan = service.plan_for(store, terms, on_demand=terms.schedule != Schedule.THRESHOLD)
    owner = accounts.by_id(store.owner_id)
    page = render_template(
        "earnings/payouts.html",
        plan=plan,
        why=wording.why_it_waits(plan, terms),
        when=wording.when_next(terms, store.currency),
        number=phones.masked(service.number_of(terms, owner)),
        page=reading.payouts_of(store.id, before_id=request.args.get("before", type=int)),
        labels=payout_wording.LABELS,
        tones=TONES,
        form_key=form_key(),
        problem=problem,
        kept_back=plan.kept_back,
        debts=debts.open_of(owner.id, store.currency),
        owed=debts.owed(owner.id, store.currency),
        cap=debts.cap_bp(clock.now().date()) // 100,
        origins=wording.ORIGINS,
    )
    return page, 422 if problem else 200


@bp.post("/store/payouts/")
@signed_in
def pay_now() -> Page:
    """Pay the shop now, because its owner asks: two taps are one payout."""
    store = _own_store()
    key = request.form.get("form_key", "")
    if not 16 <= len(key) <= 40:
        return _payouts_page(store, _("Rechargez la page et recommencez."))
    payout = service.pay_now(store.id, key, language=language())
    if payout is None:
        terms = service.terms_of(store)
        plan = service.plan_for(store, terms, on_demand=True)
        return _payouts_page(
            store, wording.why_it_waits(plan, terms) or _("Rechargez la page et recommencez.")
        )
    queue.ring("send_payouts")
    return redirect(url_for("earnings.payout", reference=payout.reference), 303)


@bp.get("/store/payouts/<reference>/")
@signed_in
def payout(reference: str) -> Page:
    """Show one payout: where it is, and every order it was for."""
    statement = reading.statement_of(_own_store().id, reference)
    found = statement.payout
    method = methods.get(found.method)
    return render_template(
        "earnings/payout.html",
        statement=statement,
        payout=found,
        method=method,
        masked=phones.masked(found.payee_phone),
        label=payout_wording.LABELS[found.state],
        tone=TONES.get(found.state, "att"),
        origins=wording.ORIGINS,
        may_cancel=PayoutStatus.CANCELLED in EDGES[found.state],
        where=payout_wording.sentence(
            found, amount=amount_text(found.money), operator=method.label, language=language()
        ),
    )


@bp.post("/store/payouts/<reference>/cancel/")
@signed_in
def cancel(reference: str) -> Page:
    """Give up a payout that was never sent; its orders are in the next one."""
    found = reading.statement_of(_own_store().id, reference).payout
    # Sent meanwhile? The page says where the money is.
    with suppress(NotCancellable):
        payout_decisions.cancel_payout(found.id, "user")
    return redirect(url_for("earnings.payout", reference=found.reference), 303)


@bp.route("/store/payouts/settings/", methods=["GET", "POST"])
@signed_in
def terms() -> Page:
    """Choose when and by which operator the shop is paid."""
    store = _own_store()
    now = service.terms_of(store)
    number = service.number_of(now, accounts.by_id(store.owner_id))
    operators = service.operators_of(store)
    labels = {m.operator: m.label for m in reversed(methods.rows())}
    form = TermsForm(
        [(name, labels[name]) for name in operators],
        store.currency,
        data={
            "schedule": now.schedule,
            "threshold": Money(now.threshold_amount, store.currency).to_wire()
            if now.threshold_amount
            else "",
            "operator": now.operator or phones.guess_operator(number),
        },
    )
    if form.validate_on_submit():
        chosen = form.operator.data if operators else now.operator
        settings.choose(
            store.id, Schedule(form.schedule.data), threshold=form.money, operator=chosen
        )
        return redirect(url_for("earnings.payouts"), 303)
    page = render_template(
        "earnings/settings.html",
        form=form,
        number=phones.masked(number),
        next_number=phones.masked(now.number) if now.number else "",
        number_from=now.number_from,
        waiting=now.number != number,
    )
    return (page, 422) if form.errors else page


@bp.route("/store/payouts/number/", methods=["GET", "POST"])
@signed_in
def number() -> Page:
    """Ask for another number to be paid on, and the owner's PIN; a code then proves the number."""
    store = _own_store()
    form = NewNumberForm(data={"country": store.country} if request.method == "GET" else None)
    if form.validate_on_submit() and form.number is not None:
        problem = _refused_pin(form.pin.data or "") or _send_code(form.number.e164)
        if problem is None:
            cookie[NEW_NUMBER] = form.number.e164
            return redirect(url_for("earnings.number_code"), 303)
        form.pin.errors = [problem]
    page = render_template("earnings/number.html", form=form)
    return (page, 422) if form.errors else page


def _refused_pin(pin: str) -> str | None:
    match accounts.try_pin(current_user.id, pin):
        case PinAnswer.RIGHT:
            return None
        case PinAnswer.WRONG:
            return str(_("Ce code PIN n’est pas bon."))
        case PinAnswer.PAUSED:
            return str(_("Trop d’essais. Réessayez dans 24 heures."))


def _send_code(phone: str) -> str | None:
    """Send the code; a sentence when this number had too many."""
    try:
        codes.send(phone, asker=request.remote_addr or "", language=language())
    except TooSoon:
        return None  # the code of a moment ago is still good
    except TooManyCodes as refusal:
        return refusal_sentence(refusal.code)
    queue.ring("send_notices")
    return None


@bp.route("/store/payouts/number/code/", methods=["GET", "POST"])
@signed_in
def number_code() -> Page:
    """Check the code; the number is paid from a day later on, and the former one is warned."""
    store, phone = _own_store(), cookie.get(NEW_NUMBER)
    if phone is None:
        return redirect(url_for("earnings.number"), 303)
    form = CodeForm()
    if form.validate_on_submit():
        if codes.check(phone, form.code.data):
            settings.change_number(store.id, phone)
            cookie.pop(NEW_NUMBER)
            queue.ring("send_notices")
            return redirect(url_for("earnings.terms"), 303)
        form.code.errors = [_("Ce code n’est pas bon, ou il a expiré.")]
    page = render_template("earnings/number_code.html", form=form, phone=phones.masked(phone))
    return (page, 422) if form.errors else page


@bp.get("/store/figures/<name>/")
@signed_in
def figure(name: str) -> Page:
    """List the orders behind one figure of the dashboard; together they are that figure."""
    store = _own_store()
    if name not in set(Figure):
        raise NotFound("no such figure")
    one, window = Figure(name), windows.read(request.args, clock.now().date())
    return render_template(
        "earnings/figure.html",
        name=one,
        label=wording.FIGURES[one],
        window=window if one in (Figure.COLLECTED, Figure.NET) else None,
        total=figures.sum_of(store, one, window),
        page=figures.rows(store, one, window, before_id=request.args.get("before", type=int)),
        here=window.address,
    )
