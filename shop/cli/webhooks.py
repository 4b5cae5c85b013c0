"""`flask webhooks`: what providers sent, what it would change, and why a signature fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

import click
from flask.cli import AppGroup

from shop import clock, jobs, references
from shop.cli.options import (
    MOMENT,
    cursor_option,
    limit_option,
    provider_option,
    since_option,
)
from shop.cli.output import Exit, emit, emit_document, fail, json_option, say
from shop.db import end_read
from shop.errors import NotFound
from shop.payments import by_hand, reading
from shop.payments import service as payments
from shop.payments.models import Payment
from shop.rehearsal import Rehearsal, rehearse
from shop.webhooks import explaining
from shop.webhooks import reading as inbox
from shop.webhooks.models import EventStatus, WebhookEvent
from shop.webhooks.service import MAX_BYTES

group = AppGroup("webhooks", help="Messages from providers: read, replay, check a signature.")


@group.command("list")
@click.option("--status", type=click.Choice([str(s) for s in EventStatus]), help="Only this state.")
@provider_option
@since_option
@limit_option
@cursor_option
@json_option
def list_(
    status: str | None,
    provider: str | None,
    since: datetime | None,
    limit: int,
    cursor: int | None,
    as_json: bool,
) -> None:
    """List messages, newest first."""
    page = inbox.search(
        provider=provider,
        status=EventStatus(status) if status else None,
        since=since,
        before_id=cursor,
        limit=limit,
    )
    rows = [_row(event) for event in page.events]
    if as_json:
        emit_document({"webhooks": rows, "cursor": page.next_id})
        return
    emit(rows, as_json=False)
    more = f" Go on with --cursor {page.next_id}." if page.next_id else ""
    say(f"{len(rows)} messages.{more}")


@group.command("show")
@click.argument("number", type=int)
@json_option
def show(number: int, as_json: bool) -> None:
    """Show one message: what it names, what became of it, and its bytes."""
    event = _found(number, as_json=as_json)
    told = _row(event) | {
        "provider_ref": event.provider_ref or "-",
        "tries": event.tries,
        "error": event.error or "-",
        "payments": [references.spaced(p.reference) for p in _named(event)],
    }
    body = event.body.decode("utf-8", "backslashreplace") if event.body is not None else None
    if as_json:
        emit_document(told | {"body": body})
        return
    emit([told], as_json=False)
    click.echo(body if body is not None else "")
    if body is None:
        say("It was not genuine: only its hash is kept.")


@group.command("replay")
@click.argument("number", type=int)
@click.option("--apply", "really", is_flag=True, help="Really settle; without it nothing changes.")
@json_option
def replay(number: int, really: bool, as_json: bool) -> None:
    """Go down a message's road again: ask the provider, and show what its answer changes.

    A dry run unless --apply is given: the provider is asked, the books are put back. Exit 6 when
    something would change.
    """
    event = _found(number, as_json=as_json)
    if event.status == EventStatus.REJECTED:
        fail(Exit.REFUSED, "not_genuine", "It was not genuine: it moves nothing.", as_json=as_json)
    named = [payment for payment in _named(event) if by_hand.may_be_asked(payment)]
    if not named:
        fail(Exit.NOT_FOUND, "names_nothing", "It names no attempt of ours.", as_json=as_json)
    ids = [payment.id for payment in named]
    if really:
        _apply(ids, as_json=as_json)
        return
    _show_rehearsals([rehearse(payment_id) for payment_id in ids], as_json=as_json)


@group.command("verify-signature")
@click.option("--provider", "name", required=True, help="Whose message it is.")
@click.option("--header", "lines", multiple=True, help="'Name: value', as often as needed.")
@click.option(
    "--body-file", "file", type=click.File("rb"), required=True, help="Raw bytes; - reads stdin."
)
@click.option("--at", type=MOMENT, help="When it was received; now if not given.")
@json_option
def verify_signature(
    name: str, lines: Sequence[str], file: BinaryIO, at: datetime | None, as_json: bool
) -> None:
    """Say which check a message passes or fails. Exit 4 when our door would refuse it."""
    provider = payments.providers().get(name)
    if provider is None:
        fail(Exit.NOT_FOUND, "not_found", f"No provider {name} is loaded.", as_json=as_json)
    body = file.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        fail(Exit.REFUSED, "too_large", "Larger than any webhook: refused.", as_json=as_json)
    moment = (at or clock.now()).timestamp()
    checks = explaining.explain(provider, headers=_headers(lines), body=body, now_s=moment)
    emit(
        [
            {"check": c.name, "passed": "yes" if c.passed else "no", "words": c.words}
            for c in checks
        ],
        as_json=as_json,
    )
    if not checks[-1].passed:
        raise SystemExit(Exit.REFUSED)


def _apply(ids: Sequence[int], *, as_json: bool) -> None:
    before = {payment_id: _state(payment_id) for payment_id in ids}
    end_read()
    asked = jobs.ask_now(ids)
    rows = [
        {"payment": references.spaced(ref), "before": was, "after": _state(payment_id)[1]}
        for payment_id, (ref, was) in before.items()
    ]
    emit(rows, as_json=as_json)
    if not asked:
        fail(Exit.CONFLICT, "being_asked", "Somebody is asking at this moment.", as_json=as_json)
    say(f"{asked} asked about and settled.")


def _state(payment_id: int) -> tuple[str, str]:
    payment = reading.by_id(payment_id)
    return payment.reference, payment.status


def _show_rehearsals(played: Sequence[Rehearsal], *, as_json: bool) -> None:
    if as_json:
        emit_document({"rehearsed": [_told(one) for one in played]})
    for one in played if not as_json else ():
        emit([{k: v for k, v in _told(one).items() if k != "ledger"}], as_json=False)
        emit(_ledger(one), as_json=False)
    changed = any(one.changes or one.before != one.after for one in played)
    if not changed:
        say("Nothing would change.")
        return
    say("Nothing was changed. To settle for real: --apply")
    raise SystemExit(Exit.DIFFERENCES)


def _told(one: Rehearsal) -> dict[str, object]:
    return {
        "payment": references.spaced(one.reference),
        "provider_says": one.said,
        "before": one.before,
        "after": one.after,
        "ledger": _ledger(one),
    }


def _ledger(one: Rehearsal) -> list[dict[str, object]]:
    return [
        {"account": c.account, "before": c.before, "after": c.after, "difference": c.difference}
        for c in one.changes
    ]


def _named(event: WebhookEvent) -> Sequence[Payment]:
    return reading.named_by(
        event.provider,
        path_token=event.path_token,
        reference=event.reference,
        provider_ref=event.provider_ref,
        echo_hash=event.echo_hash,
    )


def _headers(lines: Sequence[str]) -> dict[str, str]:
    """Read `Name: value` lines; a line without a colon is a usage error."""
    pairs = [line.partition(":") for line in lines]
    for name, colon, _value in pairs:
        if not colon or not name.strip():
            raise click.BadParameter("a header is written 'Name: value'", param_hint="--header")
    return {name.strip(): value.strip() for name, _colon, value in pairs}


def _found(number: int, *, as_json: bool) -> WebhookEvent:
    try:
        return inbox.find(number)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No message {number}.", as_json=as_json)


def _row(event: WebhookEvent) -> dict[str, object]:
    return {
        "number": event.id,
        "received": event.received_at.isoformat(timespec="seconds"),
        "provider": event.provider,
        "kind": event.kind or "-",
        "authenticity": event.authenticity,
        "state": event.status,
        "reference": references.spaced(event.reference) if event.reference else "-",
    }
