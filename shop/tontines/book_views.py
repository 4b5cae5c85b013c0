"""The book (cahier): every line with its hash, to filter, to print, to open in a spreadsheet; the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from flask import Response, request
from flask_login import current_user

from shop.errors import NotFound
from shop.i18n import _
from shop.tontines import book, book_words, reading_people, reports
from shop.tontines.bureau_models import Event
from shop.tontines.seats import Seat, bp, seat, show
from shop.web import signed_in

#: Lines on one page; on paper, more.
LINES, PRINTED = 25, 400
BOM = "\ufeff"


def _asked(here: Seat, limit: int) -> list[Event]:
    what = request.args.get("what") or None
    if what is not None and what not in book_words.WORDS:
        raise NotFound("no such lines")
    before = request.args.get("before", type=int)
    return book.lines(here.tontine.id, what=what, before=before, limit=limit)


@bp.get("/<reference>/book/", endpoint="book_")
@signed_in
def show_book(reference: str) -> str:
    """Show the book, newest first; one kind of line when asked, long when printed."""
    here = seat(reference)
    printed = request.args.get("print") == "1"
    limit = PRINTED if printed else LINES
    lines = _asked(here, limit)
    return show(
        "book",
        here,
        lines=lines,
        words=book_words.Words(here.at, lines),
        kinds=book_words.WORDS,
        what=request.args.get("what", ""),
        before=lines[-1].seq if len(lines) == limit else None,
        printed=printed,
        broken=book.broken_at(here.tontine.id) if request.args.get("check") == "1" else None,
        checked=request.args.get("check") == "1",
    )


@bp.get("/<reference>/book.csv")
@signed_in
def book_file(reference: str) -> Response:
    """Give the book as a spreadsheet, with its hashes; filters apply."""
    here = seat(reference)
    text = BOM + "".join(_rows(here, _asked(here, 10_000)))
    name = f"attachment; filename={here.tontine.public_ref}.csv"
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": name})


def _rows(here: Seat, lines: list[Event]) -> Iterator[str]:
    words = book_words.Words(here.at, lines)
    yield _row(
        [_("Ligne"), _("Date"), _("Qui"), _("Quoi"), _("Détail"), _("Empreinte"), _("Précédente")]
    )
    for line in lines:
        at = line.at.isoformat(timespec="seconds")
        what = str(book_words.WORDS.get(line.what, line.what))
        yield _row(
            [
                str(line.seq),
                at,
                words.who(line),
                what,
                words.detail(line),
                line.hash,
                line.prev_hash,
            ]
        )


def _row(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    # A cell that begins like a formula is text: a spreadsheet must not compute a name.
    safe = ["'" + cell if cell[:1] in ("=", "+", "-", "@") else cell for cell in cells]
    csv.writer(buffer, delimiter=";").writerow(safe)
    return buffer.getvalue()


@bp.get("/<reference>/report/")
@signed_in
def report(reference: str) -> str:
    """Show the cycle's accounts share by share: what was paid, what was received, summing to zero."""
    here = seat(reference)
    after = max(0, request.args.get("after", 0, int))
    whole = reports.of(here.at)
    shown = whole.shares[after : after + reading_people.ON_A_PAGE]
    if request.args.get("print") == "1":
        shown, after = whole.shares, len(whole.shares)
    more = after + len(shown) < len(whole.shares)
    return show(
        "report",
        here,
        report=whole,
        shown=shown,
        after=after + reading_people.ON_A_PAGE if more else None,
        me=current_user.id,
        last=next(iter(book.lines(here.tontine.id, limit=1)), None),
    )
