"""`flask products`: a new seller's first products, and what staff decides about them."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from shop import references
from shop.cli.options import name_option, reason_option
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.errors import NotFound
from shop.stores import approval
from shop.stores.models import Product

group = AppGroup("products", help="Products: what waits for us, approve, refuse.")


@group.command("list")
@click.option("--waiting", is_flag=True, required=True, help="What waits for a decision.")
@click.option("--limit", default=50, show_default=True, help="Oldest so many.")
@json_option
def list_(waiting: bool, limit: int, as_json: bool) -> None:
    """List what waits for a decision, the longest first."""
    rows = approval.waiting(limit)
    emit([_row(product) for product in rows], as_json=as_json)
    say(f"{len(rows)} products wait.")


@group.command("approve")
@click.argument("code")
@reason_option
@name_option
@json_option
def approve(code: str, reason: str, name: str, as_json: bool) -> None:
    """Put a product on the shelf; its seller is told."""
    _decide(code, reason, name, approved=True, as_json=as_json)


@group.command("refuse")
@click.argument("code")
@reason_option
@name_option
@json_option
def refuse(code: str, reason: str, name: str, as_json: bool) -> None:
    """Keep a product off the shelf; its seller reads why, and may change it."""
    _decide(code, reason, name, approved=False, as_json=as_json)


def _decide(code: str, reason: str, name: str, *, approved: bool, as_json: bool) -> None:
    if not (reason.strip() and name.strip()):
        fail(Exit.USAGE, "needs_reason", "--reason and --as say why and who.", as_json=as_json)
    known = references.parse(code) or ""
    try:
        product = approval.decide(known, approved=approved, reason=reason, author=name)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No product {code}.", as_json=as_json)
    except approval.NotWaiting:
        fail(Exit.CONFLICT, "not_waiting", f"{code} does not wait for us.", as_json=as_json)
    emit([_row(product)], as_json=as_json)


def _row(product: Product) -> dict[str, object]:
    return {
        "code": product.code,
        "status": product.status,
        "store": product.store.name,
        "name": product.name,
        "price": product.price_amount,
        "currency": product.currency,
        "photos": len(product.photos),
        "since": product.created_at.isoformat(timespec="seconds"),
    }
