"""`flask tontine draw`: commit, look, reveal, verify; a member needs none of it but a SHA-256 tool."""

from __future__ import annotations

from datetime import timedelta

import click

from shop.cli.output import Exit, emit, fail, json_option, say
from shop.cli.tontine import group, ref_argument
from shop.cli.tontine_words import found
from shop.errors import NotFound, Refusal
from shop.tontines import desk, draw, drawing
from shop.tontines.choice_models import Draw
from shop.tontines.models import Tontine
from shop.tontines.states import DrawStatus


@group.group("draw")
def draws() -> None:
    """The draw of a cycle's order: nobody can rig it, anybody can check it."""


@draws.command("commit")
@ref_argument
@click.option("--hours", default=48, show_default=True, help="How long words may be added.")
@click.option("--beacon", help="The public number that will close it, named now.")
@json_option
def commit(reference: str, hours: int, beacon: str | None, as_json: bool) -> None:
    """Freeze the shares and publish a commitment, in the name of the circle's owner."""
    tontine = found(reference, as_json=as_json)
    try:
        row = drawing.commit(
            tontine.id, tontine.owner_id, words_for=timedelta(hours=hours), beacon_kind=beacon
        )
    except Refusal as refusal:
        fail(Exit.REFUSED, refusal.code, str(refusal), as_json=as_json)
    emit([_row(row)], as_json=as_json)


@draws.command("status")
@ref_argument
@json_option
def status(reference: str, as_json: bool) -> None:
    """Show what the draw has published so far."""
    tontine = found(reference, as_json=as_json)
    emit([_row(_of(tontine, as_json=as_json))], as_json=as_json)


@draws.command("reveal")
@ref_argument
@click.option("--beacon", help="The public number, as it was drawn.")
@json_option
def reveal(reference: str, beacon: str | None, as_json: bool) -> None:
    """Show the seed and the order, once the words are closed."""
    tontine = found(reference, as_json=as_json)
    try:
        row = drawing.reveal(tontine.id, None, beacon=beacon)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", "No draw was committed.", as_json=as_json)
    except Refusal as refusal:
        fail(Exit.REFUSED, refusal.code, str(refusal), as_json=as_json)
    emit([_row(row)], as_json=as_json)


@draws.command("verify")
@ref_argument
@json_option
def verify(reference: str, as_json: bool) -> None:
    """Recompute the draw from what was published. Exit 6 and the first wrong rank if it differs."""
    row = _of(found(reference, as_json=as_json), as_json=as_json)
    if row.status != DrawStatus.REVEALED:
        fail(Exit.CONFLICT, "not_shown", "The draw was not shown yet.", as_json=as_json)
    shown = drawing.published(row)
    final = draw.final(shown.ref, shown.cycle, shown.seed, shown.words, shown.beacon)
    emit(
        [
            {"rank": rank, "share": code, "word": shown.words[code],
             "ticket": draw.ticket(final, code)}
            for rank, code in enumerate(shown.order, start=1)
        ],
        as_json=as_json,
    )  # fmt: skip
    verdict = draw.check(shown)
    if not verdict.conform:
        where = f" at rank {verdict.rank}, expected {verdict.expected}" if verdict.rank else ""
        fail(Exit.DIFFERENCES, "not_conform", f"Not conform: {verdict.fault}{where}.")
    say(f"Conform. Commitment {shown.commitment}, final {final}.")


def _of(tontine: Tontine, *, as_json: bool) -> Draw:
    row = drawing.of_cycle(desk.latest_cycle(tontine.id).id)
    if row is None:
        fail(Exit.NOT_FOUND, "not_found", "No draw was committed.", as_json=as_json)
    return row


def _row(row: Draw) -> dict[str, object]:
    return {
        "status": row.status,
        "share_list_hash": row.share_list_hash,
        "commitment": row.commitment,
        "words_close_at": row.words_close_at.isoformat(timespec="minutes"),
        "beacon": row.beacon or row.beacon_kind or "",
        "seed": row.seed or "",
        "order": (row.order_text or "").replace("\n", " "),
    }
