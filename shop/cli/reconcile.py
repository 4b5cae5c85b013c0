"""`flask reconcile`: our books against every provider's own word."""

from __future__ import annotations

from datetime import datetime

import click

from shop import clock, references
from shop.cli.options import provider_option, since_option, until_option
from shop.cli.output import Exit, emit, emit_document, fail, json_option, say
from shop.payments.service import providers
from shop.reconciliation.models import Break
from shop.reconciliation.service import Report, reconcile
from shop.reconciliation.subjects import Window

_WEEK_S = 7 * 86_400


@click.command("reconcile")
@provider_option
@since_option
@until_option
@json_option
def command(
    provider: str | None, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Ask each provider about every attempt of the window (the last week unless told) and its balance.

    Differences stay listed, with their age, until a run no longer finds them. Exit 6 when there are
    any, 1 when some provider did not answer.
    """
    if provider is not None and provider not in providers():
        fail(Exit.NOT_FOUND, "not_found", f"No provider {provider} is loaded.", as_json=as_json)
    window = Window(since or clock.after(-_WEEK_S), until, provider)
    report = reconcile(window)
    rows = [_row(each) for each in report.breaks]
    if as_json:
        emit_document(
            {
                "differences": rows,
                "asked": report.asked,
                "unanswered": report.unanswered,
                "skipped": report.skipped,
            }
        )
    else:
        emit(rows, as_json=False)
    _conclude(report)


def _conclude(report: Report) -> None:
    for sentence in report.skipped:
        say(sentence)
    say(f"{report.asked} asked, {len(report.unanswered)} unanswered, {len(report.breaks)} differ.")
    if report.breaks:
        raise SystemExit(Exit.DIFFERENCES)
    if report.unanswered:
        raise SystemExit(Exit.ERROR)


def _row(each: Break) -> dict[str, object]:
    known = references.parse(each.reference)
    return {
        "provider": each.provider,
        "subject": each.subject,
        "reference": references.spaced(known) if known else each.reference,
        "type": each.type,
        "ours": each.ours,
        "theirs": each.theirs,
        "age_s": int((clock.now() - each.opened_at).total_seconds()),
    }
