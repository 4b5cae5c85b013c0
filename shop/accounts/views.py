"""Signing in: a number, the code it receives, then a name and a PIN the first time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask import session as cookie
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import clock
from shop.accounts import codes, service
from shop.accounts import session as sessions
from shop.accounts.forms import CodeForm, NewForm, NumberForm, PinForm
from shop.accounts.models import User
from shop.accounts.refusals import TooManyCodes, TooSoon
from shop.accounts.service import PinAnswer
from shop.checkout.claims import claim_guest_orders
from shop.i18n import _, language, refusal_sentence
from shop.phone import Phone, masked
from shop.queue import ring
from shop.web import public, safe_next

bp = Blueprint("accounts", __name__)

#: A proven number waits this long for its name and PIN.
PROOF_LIFE_S: Final = 900
Page = str | Response | tuple[str, int]


@dataclass
class Attempt:
    """A sign-in on its way, kept in the signed cookie from page to page."""

    phone: str
    country: str
    borrowed: bool
    next: str
    proven_at: float = 0.0

    def save(self) -> None:
        """Keep it until the next page."""
        cookie["login"] = asdict(self)

    @property
    def proven(self) -> bool:
        """Say whether the code was right, a short while ago."""
        return clock.now().timestamp() - self.proven_at < PROOF_LIFE_S


def _attempt() -> Attempt | None:
    return Attempt(**cookie["login"]) if "login" in cookie else None


def _restart() -> Response:
    return redirect(url_for("accounts.login"), 303)


@bp.route("/login/", methods=["GET", "POST"])
@public
def login() -> Page:
    """Ask for a number. What follows is the same whether anybody owns it or not."""
    target = safe_next(request.values.get("next"), "/")
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(target, 303)
    form = NumberForm(
        data={"country": cookie.get("country", "CI")} if request.method == "GET" else None
    )
    if not form.validate_on_submit() or form.number is None:
        return _page("accounts/login.html", form, next=target)
    number = form.number
    attempt = Attempt(number.e164, number.country, bool(form.borrowed.data), target)
    if not attempt.borrowed and sessions.known_user(attempt.phone):
        attempt.save()
        return redirect(url_for("accounts.pin"), 303)
    try:
        _send(attempt)
    except TooSoon:
        pass  # the code of a moment ago is still good: its page says when to ask for another
    except TooManyCodes as refusal:
        form.form_errors = [refusal_sentence(refusal.code)]
        return _page("accounts/login.html", form, next=target)
    attempt.save()
    return redirect(url_for("accounts.code"), 303)


def _send(attempt: Attempt) -> None:
    codes.send(attempt.phone, asker=request.remote_addr or "", language=language())
    ring("send_notices")


def _page(template: str, form: object, **values: object) -> Page:
    errors = bool(getattr(form, "errors", None))
    status = 422 if errors else 200
    return render_template(template, form=form, errors=errors, **values), status


@bp.route("/login/code/", methods=["GET", "POST"])
@public
def code() -> Page:
    """Check the code, then sign in, or ask a newcomer's name."""
    attempt = _attempt()
    if attempt is None:
        return _restart()
    form = CodeForm()
    if not form.validate_on_submit():
        return _code_page(form, attempt)
    if not codes.check(attempt.phone, form.code.data):
        form.code.errors = [_("Ce code n’est pas bon, ou il a expiré.")]
        return _code_page(form, attempt)
    user = service.proven(attempt.phone)
    if user is not None:
        return _sign_in(user, attempt)
    attempt.proven_at = clock.now().timestamp()
    attempt.save()
    return redirect(url_for("accounts.new"), 303)


def _code_page(form: CodeForm, attempt: Attempt) -> Page:
    wait = request.args.get("wait", "")
    return _page(
        "accounts/code.html",
        form,
        phone=masked(attempt.phone),
        wait_s=wait if wait.isdecimal() and len(wait) <= 3 else None,
        refused=refusal_sentence(TooManyCodes.code) if "enough" in request.args else None,
    )


@bp.post("/login/code/again/")
@public
def code_again() -> Page:
    """Send another code, or say how long to wait for it."""
    attempt = _attempt()
    if attempt is None:
        return _restart()
    try:
        _send(attempt)
    except TooSoon as refusal:
        return redirect(url_for("accounts.code", wait=refusal.wait_s), 303)
    except TooManyCodes:
        return redirect(url_for("accounts.code", enough=1), 303)
    return redirect(url_for("accounts.code"), 303)


@bp.route("/login/pin/", methods=["GET", "POST"])
@public
def pin() -> Page:
    """Check the PIN on a browser that proved the number before."""
    attempt = _attempt()
    user = sessions.known_user(attempt.phone) if attempt else None
    if attempt is None or user is None:
        return _restart()
    form = PinForm()
    if not form.validate_on_submit():
        return _page("accounts/pin.html", form, phone=masked(attempt.phone))
    answer = service.try_pin(user.id, form.pin.data or "")
    if answer is PinAnswer.RIGHT and sessions.begin_again(user):
        return redirect(safe_next(attempt.next, "/"), 303)
    form.pin.errors = [_pin_sentence(answer)]
    return _page("accounts/pin.html", form, phone=masked(attempt.phone))


def _pin_sentence(answer: PinAnswer) -> str:
    if answer is PinAnswer.PAUSED:
        return str(_("Trop d’essais. Connectez-vous avec un code par SMS."))
    return str(_("Ce code PIN n’est pas bon."))


@bp.route("/login/new/", methods=["GET", "POST"])
@public
def new() -> Page:
    """Make a newcomer's account: a name, and a PIN chosen twice."""
    attempt = _attempt()
    if attempt is None or not attempt.proven:
        return _restart()
    form = NewForm()
    if not form.validate_on_submit():
        return _page("accounts/new.html", form)
    phone = Phone(attempt.phone, attempt.country, None)
    user = service.join(phone, name=form.name.data, pin=form.pin.data, language=language())
    return _sign_in(user, attempt)


def _sign_in(user: User, attempt: Attempt) -> Response:
    token = service.open_device(user.id, borrowed=attempt.borrowed)
    claim_guest_orders(user.id)
    sessions.begin(service.by_id(user.id), token, borrowed=attempt.borrowed)
    return redirect(safe_next(attempt.next, "/"), 303)


@bp.post("/logout/")
@public
def logout() -> Response:
    """Sign this browser out: its session ends here and on the server."""
    sessions.end()
    return redirect("/", 303)
