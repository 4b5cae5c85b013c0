"""Ask every provider about its part of the window, and keep the differences as rows.

Running it twice changes nothing more: a difference is one open row however often it is seen, and it is
closed by the first run that no longer finds it. Nobody's silence closes or opens anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from shop import clock, lanes
from shop.db import end_read, in_transaction, insert, retrying, session, transaction
from shop.ledger import chart
from shop.ledger import reading as books
from shop.ledger import service as ledger
from shop.money import Money
from shop.payments import reading
from shop.payments import service as payments
from shop.providers.base import Provider
from shop.providers.values import Outcome, ProviderError
from shop.reconciliation.comparing import Difference, compare
from shop.reconciliation.models import Break, BreakType
from shop.reconciliation.subjects import SOURCES, Subject, Window

#: Differences that the ordinary road settles by itself once it looks again.
ROAD_SETTLES: Final = frozenset(
    {BreakType.THEIRS_ONLY, BreakType.LATE, BreakType.DUPLICATE, BreakType.STATUS}
)


@dataclass(slots=True)
class Report:
    """What one run found: differences still open, what was asked, who did not answer."""

    breaks: Sequence[Break] = ()
    asked: int = 0
    unanswered: list[str] = field(default_factory=list)
    """Subjects whose provider told nothing, as `provider kind reference`."""
    skipped: list[str] = field(default_factory=list)
    """What could not be looked at, in a sentence each."""


def reconcile(window: Window) -> Report:
    """Compare the window with the providers' own word; write, refresh and close differences."""
    report = Report()
    loaded = payments.providers()
    subjects = [subject for source in SOURCES for subject in source(window)]
    end_read()
    for name in sorted({subject.provider for subject in subjects}):
        own = [subject for subject in subjects if subject.provider == name]
        if name in loaded:
            _ask_all(loaded[name], own, report)
        else:
            report.skipped.append(f"{name}: not loaded, {len(own)} not asked")
    for provider in loaded.values():
        if window.provider in (None, provider.name):
            _read_list(provider, window, report)
            _assert_float(provider, report)
    report.breaks = still_open(window.provider)
    return report


def still_open(provider: str | None = None) -> Sequence[Break]:
    """List the differences that are open, oldest first."""
    query = sa.select(Break).where(Break.closed_at.is_(None)).order_by(Break.id)
    if provider is not None:
        query = query.where(Break.provider == provider)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _ask_all(provider: Provider, subjects: Sequence[Subject], report: Report) -> None:
    """Ask about each, as many at once as the provider takes, and write each handful down."""

    def one(subject: Subject) -> tuple[Subject, Outcome | None]:
        try:
            return subject, subject.ask(provider)
        except ProviderError:
            return subject, None

    silent: list[Subject] = []
    for heard in lanes.as_they_come(subjects, one, provider.timing.concurrency):
        _record([(subject, said) for subject, said in heard if said is not None])
        report.asked += len(heard)
        silent += [subject for subject, said in heard if said is None]
    _tell_silence(provider, silent, report)


def _tell_silence(provider: Provider, silent: Sequence[Subject], report: Report) -> None:
    """Name who did not answer; of payouts that nobody can look up, silence is no fault."""
    untold = [s for s in silent if s.kind == "payout" and not provider.can.payout_lookup]
    report.unanswered += [f"{s.provider} {s.kind} {s.reference}" for s in silent if s not in untold]
    if untold:
        report.skipped.append(f"{provider.name}: told nothing of {len(untold)} payouts it sent")


@retrying
def _record(heard: Sequence[tuple[Subject, Outcome]]) -> None:
    with transaction():
        for subject, said in heard:
            found = compare(subject.ours, said)
            _keep(subject.provider, subject.kind, subject.reference, found)
            if any(difference.type in ROAD_SETTLES for difference in found):
                subject.look_again()


def _keep(provider: str, kind: str, reference: str, found: Iterable[Difference]) -> None:
    """Bring the open rows of one subject up to what is found now."""
    assert in_transaction(), "differences are written inside the caller's transaction"
    now, by_type = clock.now(), {difference.type: difference for difference in found}
    rows = session.scalars(
        sa.select(Break)
        .where(
            *(Break.provider == provider, Break.subject == kind),
            *(Break.reference == reference, Break.closed_at.is_(None)),
        )
        .with_for_update()
    )
    for row in rows:
        seen = by_type.pop(BreakType(row.type), None)
        if seen is None:
            row.closed_at = now
        else:
            row.seen_at, row.ours, row.theirs = now, seen.ours[:120], seen.theirs[:120]
    for difference in by_type.values():
        _open(provider, kind, reference, difference, now)


def _open(provider: str, kind: str, reference: str, difference: Difference, now: datetime) -> None:
    """Write a new row, unless another run wrote the same at this instant."""
    row = {
        "provider": provider,
        "subject": kind,
        "reference": reference,
        "type": difference.type,
        "ours": difference.ours[:120],
        "theirs": difference.theirs[:120],
        "opened_at": now,
        "seen_at": now,
    }
    session.execute(insert(Break).values(row).on_conflict_do_nothing())


def _read_list(provider: Provider, window: Window, report: Report) -> None:
    """Look through a provider's own list for money that belongs to no attempt of ours."""
    if not provider.can.lists:
        report.skipped.append(f"{provider.name}: has no list, money of no attempt would not show")
        return
    try:
        listed = list(provider.listed(window.since, window.until))
    except ProviderError:
        report.unanswered.append(f"{provider.name} list")
        return
    report.asked += 1
    _record_strays(provider.name, listed)


@retrying
def _record_strays(provider: str, listed: Sequence[Outcome]) -> None:
    """Open a row for each transaction without an attempt; close those that have a receipt by now."""
    with transaction():
        rows = session.scalars(
            sa.select(Break.reference).where(
                *(Break.provider == provider, Break.subject == "transaction"),
                Break.closed_at.is_(None),
            )
        ).all()
        refs = {said.transaction_ref or "": said for said in listed}
        booked = payments.known_transactions([*refs, *rows])
        attempts = reading.provider_refs(provider, list(refs))
        for ref, said in refs.items():
            if (provider, ref) not in booked and ref not in attempts:
                _keep(provider, "transaction", ref, [_stray(said)])
        for ref in rows:
            if (provider, ref) in booked or ref in attempts:
                _keep(provider, "transaction", ref, [])


def _stray(said: Outcome) -> Difference:
    amount = f"{said.amount.to_wire()} {said.amount.currency}" if said.amount else "no amount"
    return Difference(BreakType.THEIRS_ONLY, "no attempt of ours", f"{said.words} {amount}")


def _assert_float(provider: Provider, report: Report) -> None:
    """Compare what a provider says it holds for us with our float there, currency by currency."""
    if not provider.can.balance:
        report.skipped.append(f"{provider.name}: does not tell its balance, float not asserted")
        return
    for currency in books.currencies_of(chart.Kind.FLOAT, provider.name):
        ours = ledger.balance(chart.float_at(provider.name, currency))
        end_read()
        try:
            theirs = provider.balance(currency)
        except ProviderError:
            report.unanswered.append(f"{provider.name} float {currency}")
            continue
        report.asked += 1
        _record_float(provider.name, ours, theirs)


@retrying
def _record_float(provider: str, ours: Money, theirs: Money) -> None:
    told = [f"{amount.to_wire()} {amount.currency}" for amount in (ours, theirs)]
    found = [Difference(BreakType.AMOUNT, *told)] if ours != theirs else []
    with transaction():
        _keep(provider, "float", ours.currency, found)
