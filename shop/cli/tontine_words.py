"""What the commands about tontines print: rows of circles, rounds, arrears, ranks, plans."""

from __future__ import annotations

from datetime import date, datetime

from shop.cli.output import Exit, fail
from shop.errors import NotFound
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.reading import Change
from shop.money import Money
from shop.tontines import book, bureau, desk
from shop.tontines.bureau_models import Event
from shop.tontines.exposure import RankPreview
from shop.tontines.models import Tontine
from shop.tontines.reading import Arrear, RoundLine
from shop.tontines.rules import Auction, Fine, Period, Rules, When


def found(reference: str, *, as_json: bool) -> Tontine:
    """Find a circle by its reference, or stop with exit code 3."""
    try:
        return desk.find(reference)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No tontine {reference}.", as_json=as_json)


def circle_row(tontine: Tontine, *, whole: bool = False) -> dict[str, object]:
    """One circle; with `whole`, its rules, its boxes and its last line of the book."""
    row: dict[str, object] = {
        "reference": tontine.public_ref,
        "name": tontine.name,
        "status": tontine.status,
        "country": tontine.country,
        "currency": tontine.currency,
        "visibility": tontine.visibility,
    }
    return row | (_whole(tontine) if whole else {})


def _whole(tontine: Tontine) -> dict[str, object]:
    cycle, last = desk.latest_cycle(tontine.id), book.lines(tontine.id, limit=1)
    return {
        "cycle": cycle.number,
        "cycle_status": cycle.status,
        "order_hash": cycle.order_hash or "",
        "rules_sha256": desk.latest_rules(tontine.id).sha256,
        "caisse": ledger.balance(chart.caisse(tontine.id, tontine.currency)).to_wire(),
        "relief": ledger.balance(chart.relief(tontine.id, tontine.currency)).to_wire(),
        "to_sign": len(bureau.to_sign(tontine.id)),
        "book_lines": last[0].seq if last else 0,
        "book_hash": last[0].hash if last else "",
    }


def round_row(line: RoundLine, *, as_json: bool) -> dict[str, object]:
    """One round with its three numbers."""
    return {
        "round": line.index,
        "status": line.status,
        "due_at": line.due_at.isoformat(timespec="minutes"),
        "expected": _said(line.pot.expected, as_json=as_json),
        "collected": _said(line.pot.collected, as_json=as_json),
        "to_confirm": _said(line.pot.to_confirm, as_json=as_json),
        "served": " ".join(line.served),
        "net": _said(line.net, as_json=as_json),
        "reliquat": _said(line.reliquat, as_json=as_json),
    }


def arrear_row(each: Arrear, *, as_json: bool) -> dict[str, object]:
    """One late due."""
    return {
        "share": each.share,
        "name": each.name,
        "round": each.round,
        "kind": each.kind,
        "unpaid": _said(each.unpaid, as_json=as_json),
        "since": each.since.isoformat(timespec="minutes"),
    }


def _said(amount: Money, *, as_json: bool) -> object:
    return amount.amount if as_json else amount.to_wire()


def planned(index: int, changed: bool, changes: list[Change]) -> list[dict[str, object]]:
    """What settling a round would change, account by account."""
    if not changes:
        return [{"round": index, "would_change": changed, "account": "", "by": 0}]
    return [
        {"round": index, "would_change": changed, "account": each.account, "by": each.difference}
        for each in changes
    ]


def rank_row(rank: RankPreview) -> dict[str, object]:
    """One rank of a simulated cycle."""
    return {
        "rank": rank.rank,
        "round": rank.round,
        "receives_on": rank.receives_on.date().isoformat(),
        "pays": rank.pays.to_wire(),
        "receives": rank.receives.to_wire(),
        "exposure": rank.exposure.to_wire(),
        "cover_needed": rank.cover_needed.to_wire(),
    }


def event_row(row: Event) -> dict[str, object]:
    """One line of the book."""
    return {
        "seq": row.seq,
        "at": row.at.isoformat(timespec="seconds"),
        "actor": row.actor_id or "",
        "what": row.what,
        "facts": row.facts,
        "prev_hash": row.prev_hash,
        "hash": row.hash,
    }


def simulated(
    shares: int, amount: str, period: Period, currency: str, starts: date | datetime
) -> Rules:
    """The plainest rules of so many shares, for the simulator."""
    first = starts.date() if isinstance(starts, datetime) else starts
    money, nothing = Money.from_wire(amount, currency), Money(0, currency)
    days = {Period.WEEKLY: (first.weekday(),), Period.MONTHLY: (min(first.day, 28),)}
    return Rules(
        contribution=money,
        shares=shares,
        when=When(first, period, days.get(period, ())),
        fine=Fine(nothing),
        auction=Auction(Money(1, currency)),
        currency=currency,
        min_partial=Money(1, currency),
        relief=nothing,
    )
