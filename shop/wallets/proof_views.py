"""A receipt that anybody can check: from its code to the root of its day, recomputed on the spot (D5)."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for

from shop.errors import NotFound
from shop.ledger import proofs
from shop.money import Money, total
from shop.paying import Page
from shop.payments import reading
from shop.providers import methods
from shop.web import public

bp = Blueprint("proof", __name__)

#: Roots shown to compare old receipts with.
DAYS: Final = 30


@bp.get("/check/")
@public
def check() -> Page:
    """Ask for a receipt's code, and show the roots of the latest days."""
    typed = request.args.get("code", "")
    if typed.strip():
        return redirect(url_for("proof.show", code=_cleaned(typed)), 303)
    return render_template("wallets/check.html", roots=proofs.latest_roots(DAYS))


@bp.get("/check/<code>/")
@public
def show(code: str) -> Page:
    """Recompute a receipt's transfers up to the root of their day: amounts and moments, nobody's name."""
    receipt = reading.receipt_by_code(_cleaned(code))
    if receipt is None:
        raise NotFound("receipt")
    payment = reading.by_id(receipt.payment_id)
    found = proofs.prove(f"receipt:{receipt.id}:")
    posted = total([proof.amount for proof in found], receipt.currency)
    return render_template(
        "wallets/proof.html",
        receipt=receipt,
        payment=payment,
        method=methods.get(payment.method),
        proofs=found,
        pending=bool(found) and any(proof.height is None for proof in found),
        adds_up=_adds_up(posted, receipt.money),
        holds=_adds_up(posted, receipt.money) and all(proof.holds for proof in found),
    )


def _adds_up(posted: Money, received: Money) -> bool:
    return posted == received


def _cleaned(typed: str) -> str:
    """Read a code as people copy it: spaces, dashes, small letters."""
    kept = "".join(sign for sign in typed.upper() if sign.isascii() and sign.isalnum())
    return kept[:20] or "-"
