"""`flask fedapay`: FedaPay's own objects, read with our key. Nothing is written, no secret is printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click
from flask.cli import AppGroup

from shop.cli.output import Exit, emit, emit_document, fail, json_option, say
from shop.payments.service import providers
from shop.providers.values import ProviderRejected, ProviderUnavailable

if TYPE_CHECKING:
    from shop.providers.fedapay_api import FedaPayApi, Readable

T = TypeVar("T")

group = AppGroup("fedapay", help="FedaPay's own objects, as it keeps them (read only).")

#: Every kind of object -> the fields of its line in a list.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "transactions": ("id", "merchant_reference", "status", "amount", "mode", "created_at"),
    "payouts": ("id", "merchant_reference", "status", "amount", "mode", "created_at"),
    "customers": ("id", "firstname", "lastname", "created_at"),
    "balances": ("id", "currency_id", "mode", "amount"),
    "currencies": ("id", "iso", "name", "modes"),
    "events": ("id", "type", "object_id", "created_at"),
    "logs": ("id", "method", "url", "status", "created_at"),
    "webhooks": ("id", "url", "enabled", "disable_on_error"),
}

#: Fields that open something, or that hold whole messages with such fields in them.
_SECRET: Final = re.compile(
    r"token|secret|key|password|authorization|http_headers|payment_url|^url$"
)
_WHOLE: Final = frozenset({"body", "query", "response", "entity"})
_NUMBER: Final = re.compile(r"\+?\d{8,15}")


def scrubbed(value: Any, name: str = "", *, kind: str = "") -> Any:
    """Give a copy without what opens doors, and with phone numbers masked."""
    if isinstance(value, Mapping):
        return {key: scrubbed(inner, str(key), kind=kind) for key, inner in value.items()}
    if isinstance(value, list):
        return [scrubbed(inner, name, kind=kind) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if name in _WHOLE and value:
        return f"({len(str(value))} characters, not shown)"
    # The address of an endpoint or of a logged call is what one looks for; a payer's page is not.
    opens = _SECRET.search(name) and not (name == "url" and kind in ("webhooks", "logs"))
    if opens and value:
        return f"****{str(value)[-4:]}"
    if name == "number" and _NUMBER.fullmatch(str(value)):
        return f"{str(value)[:2]}••••{str(value)[-2:]}"
    return value


def _api(*, as_json: bool) -> FedaPayApi:
    provider = providers().get("fedapay")
    if provider is None:
        fail(Exit.NOT_FOUND, "not_loaded", "FedaPay is not loaded: set FEDAPAY_….", as_json=as_json)
    return cast("FedaPayApi", provider.api)  # type: ignore[attr-defined]


def _resource(kind: str, *, as_json: bool) -> Readable:
    return cast("Readable", getattr(_api(as_json=as_json), kind))


def _answered(ask: Callable[[], T], *, as_json: bool) -> T:
    try:
        return ask()
    except ProviderRejected as error:
        gone = error.code == "HTTP 404"
        code, word = (Exit.NOT_FOUND, "not_found") if gone else (Exit.REFUSED, "refused")
        fail(code, word, f"FedaPay: {error}", as_json=as_json)
    except ProviderUnavailable as error:
        fail(Exit.ERROR, "unavailable", str(error), as_json=as_json)


def _commands(kind: str) -> AppGroup:
    """Make `list` and `show` of one kind of object."""
    commands = AppGroup(kind, help=f"FedaPay's {kind}: list, show.")

    @commands.command("list")
    @click.option("--search", default="", help="Words to look for.")
    @click.option("--page", "number", default=1, show_default=True, help="Which page.")
    @click.option("--limit", default=25, show_default=True, type=click.IntRange(1, 100))
    @json_option
    def list_(search: str, number: int, limit: int, as_json: bool) -> None:
        """List them, a page at a time."""
        resource = _resource(kind, as_json=as_json)
        filters = {"search": search} if search else {}
        page = _answered(lambda: resource.page(number, per_page=limit, **filters), as_json=as_json)
        items = [scrubbed(item, kind=kind) for item in page.items]
        if as_json:
            emit_document({kind: items, "page": page.number, "next": page.next_number})
            return
        emit([{name: item.get(name, "-") for name in KINDS[kind]} for item in items], as_json=False)
        say(f"{len(items)} of {page.total or len(items)}, page {page.number}.")

    @commands.command("show")
    @click.argument("object_id")
    @json_option
    def show(object_id: str, as_json: bool) -> None:
        """Show one, whole."""
        resource = _resource(kind, as_json=as_json)
        found = _answered(lambda: resource.show(object_id), as_json=as_json)
        told = scrubbed(found, kind=kind)
        if as_json:
            emit_document(told)
            return
        emit([{"field": name, "value": value} for name, value in told.items()], as_json=False)

    return commands


for _kind in KINDS:
    group.add_command(_commands(_kind))
