"""The discount codes a cart carries: one per shop at most, in the signed cookie, priced again each time."""

from __future__ import annotations

from flask import session as cookie

from shop.checkout.cart import Cart
from shop.i18n import _, amount_text, refusal_sentence
from shop.orders import uses
from shop.orders.refusals import CodeGone, NoSuchCode
from shop.stores import discounts


def kept() -> dict[int, str]:
    """Read the cookie's codes, by shop."""
    return {int(store_id): code for store_id, code in cookie.get("codes", {}).items()}


def use(shown: Cart, text: str, buyer: str | None) -> None:
    """Keep a code for the shop of this cart that has it. Raises `NoSuchCode` or `CodeGone`."""
    shops = {part.store.id: part for part, _rows in shown.groups}
    row = discounts.find(list(shops), text)
    if row is None:
        raise NoSuchCode
    part = shops[row.store_id]
    uses.quoted(part.store, row.code, part.items, buyer)
    _keep(kept() | {row.store_id: row.code})


def drop(code: str) -> None:
    """Forget a code; when it is forgotten already, nothing happens."""
    _keep({store_id: each for store_id, each in kept().items() if each != code})


def _keep(codes: dict[int, str]) -> None:
    # Text keys: the cookie is JSON.
    cookie["codes"] = {str(store_id): code for store_id, code in codes.items()}


def sentence(refusal: NoSuchCode | CodeGone) -> str:
    """Say why a code takes nothing off, and what would help."""
    if isinstance(refusal, CodeGone) and refusal.least is not None:
        least = amount_text(refusal.least)
        return str(_("Ce code sert à partir de %(least)s d’articles de ce vendeur.", least=least))
    if isinstance(refusal, CodeGone) and refusal.by_you:
        return str(_("Vous avez déjà utilisé ce code autant que possible."))
    return refusal_sentence(refusal.code)
