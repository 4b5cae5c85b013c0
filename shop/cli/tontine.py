"""`flask tontine`: read circles, settle rounds, draw, check; freeze one with a reason (TONTINE §11)."""

from __future__ import annotations

import csv
import getpass
import sys
from datetime import date

import click
from flask.cli import AppGroup

from shop import clock
from shop.cli.output import Exit, emit, fail, json_option, say
from shop.cli.tontine_words import (
    arrear_row,
    circle_row,
    event_row,
    found,
    planned,
    rank_row,
    round_row,
    simulated,
)
from shop.errors import NotFound, Refusal
from shop.tontines import book, checks, desk, exposure, freezing, limits, reading, settling
from shop.tontines import reminding as reminders
from shop.tontines.refusals import TontineRefused
from shop.tontines.rules import Period

group = AppGroup("tontine", help="Tontines: read, settle, draw, check, freeze.")
ref_argument = click.argument("reference", metavar="REF")
PERIODS = {"weekly": Period.WEEKLY, "monthly": Period.MONTHLY, "daily": Period.EVERY_N_DAYS}


@group.command("list")
@click.option("--status", help="Only this status: draft, open, running, paused, closed.")
@click.option("--limit", default=50, show_default=True, help="Newest so many.")
@json_option
def list_(status: str | None, limit: int, as_json: bool) -> None:
    """List circles, newest first."""
    emit([circle_row(row) for row in reading.latest(limit, status)], as_json=as_json)


@group.command("show")
@ref_argument
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show one circle: its rules' hash, its cycles, what its boxes hold, who waits to be signed."""
    tontine = found(reference, as_json=as_json)
    emit([circle_row(tontine, whole=True)], as_json=as_json)


@group.command("rounds")
@ref_argument
@click.option("--after", default=0, help="Only rounds after this one.")
@click.option("--limit", default=25, show_default=True, help="So many.")
@json_option
def rounds(reference: str, after: int, limit: int, as_json: bool) -> None:
    """List rounds: expected, collected, to confirm, whom each served. Never added into one number."""
    at = desk.at(found(reference, as_json=as_json))
    lines = reading.rounds(at, after=after, limit=limit)
    emit([round_row(line, as_json=as_json) for line in lines], as_json=as_json)


@group.command("arrears")
@ref_argument
@json_option
def arrears(reference: str, as_json: bool) -> None:
    """List what is late, oldest first: only where the grace has ended."""
    at = desk.at(found(reference, as_json=as_json))
    emit([arrear_row(each, as_json=as_json) for each in reading.arrears(at)], as_json=as_json)


@group.command("settle")
@ref_argument
@click.option("--round", "index", type=int, help="Only this round; otherwise all that are due.")
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@json_option
def settle(reference: str, index: int | None, dry_run: bool, as_json: bool) -> None:
    """Move rounds as far as they can go now. Doing it twice is doing it once."""
    at = desk.at(found(reference, as_json=as_json))
    rows = []
    for id_, number in _to_settle(at.cycle.id, index, as_json=as_json):
        if dry_run:
            rows += planned(number, *settling.rehearse(id_))
        else:
            rows.append({"round": number, "changed": settling.settle_round(id_)})
    emit(rows, as_json=as_json)
    say(f"{len(rows)} {'planned: nothing was changed' if dry_run else 'looked at'}.")


def _to_settle(cycle_id: int, index: int | None, *, as_json: bool) -> list[tuple[int, int]]:
    rows = settling.unfinished(cycle_id)
    if index is None:
        return rows
    chosen = [row for row in rows if row[1] == index]
    if not chosen:
        fail(Exit.NOT_FOUND, "not_found", f"No unfinished round {index}.", as_json=as_json)
    return chosen


@group.command("remind")
@click.option("--dry-run", is_flag=True, help="List whom a reminder would reach; send nothing.")
@json_option
def remind(dry_run: bool, as_json: bool) -> None:
    """Remind members of what falls due, or is late, within the hours and counts that are polite."""
    wanted = reminders.wanted()
    emit(
        [
            {"user": each.user_id, "amount": each.amount.to_wire(), "currency": each.amount.currency,
             "late": each.late, "key": each.key}
            for each in wanted
        ],
        as_json=as_json,
    )  # fmt: skip
    if not dry_run:
        reminders.send()
    say(f"{len(wanted)} reminders{': nothing was sent' if dry_run else ' are in the outbox'}.")


@group.command("simulate")
@click.option("--shares", type=int, required=True, help="How many shares.")
@click.option("--amount", required=True, help="The contribution of one share: 10000.")
@click.option("--period", type=click.Choice(sorted(PERIODS)), default="weekly", show_default=True)
@click.option("--currency", default="XOF", show_default=True)
@click.option("--starts", type=click.DateTime(["%Y-%m-%d"]), help="The first day; today.")
@json_option
def simulate(
    shares: int, amount: str, period: str, currency: str, starts: date | None, as_json: bool
) -> None:
    """Show a cycle before anybody joins: dates, what each rank pays and receives, the worst case."""
    try:
        rules = limits.accepted(
            simulated(shares, amount, PERIODS[period], currency, starts or clock.now())
        )
    except (TontineRefused, ValueError) as refusal:
        fail(Exit.REFUSED, getattr(refusal, "code", "bad_amount"), str(refusal), as_json=as_json)
    shown = exposure.simulate(rules)
    emit([rank_row(rank) for rank in shown.ranks], as_json=as_json)
    say(f"{rules.rounds} rounds, pot {shown.pot}, worst case {shown.worst_case}.")


@group.command("export")
@ref_argument
@click.option("--csv", "as_csv", is_flag=True, help="As CSV on stdout; otherwise JSON lines.")
def export(reference: str, as_csv: bool) -> None:
    """Write the whole book of a circle, oldest line first, each with its hash."""
    tontine = found(reference, as_json=False)
    rows = [event_row(row) for row in book.whole(tontine.id)]
    if not as_csv:
        emit(rows, as_json=True)
        return
    names = ["seq", "at", "actor", "what", "facts", "prev_hash", "hash"]
    writer = csv.DictWriter(sys.stdout, names)
    writer.writeheader()
    writer.writerows(rows)


@group.command("check")
@ref_argument
@json_option
def check(reference: str, as_json: bool) -> None:
    """Derive every figure of one circle again, and verify its book. Exit 6 on any difference."""
    tontine = found(reference, as_json=as_json)
    findings = list(checks.check(tontine.id))
    emit([{"rule": f.rule, "detail": f.detail} for f in findings], as_json=as_json)
    if findings:
        fail(Exit.DIFFERENCES, "differences", f"{len(findings)} differences.", as_json=as_json)
    say("The circle is whole: no difference.")


@group.command("freeze")
@ref_argument
@click.option("--reason", required=True, help="Why; members read it.")
@click.option("--as", "name", help="Who decides, when it is not who types.")
def freeze(reference: str, reason: str, name: str | None) -> None:
    """Stop everything in a circle; its members read the reason in the book."""
    _decide(freezing.freeze, reference, reason, name, "frozen")


@group.command("unfreeze")
@ref_argument
@click.option("--reason", required=True, help="Why; members read it.")
@click.option("--as", "name", help="Who decides, when it is not who types.")
def unfreeze(reference: str, reason: str, name: str | None) -> None:
    """Let a frozen circle go on where it stood."""
    _decide(freezing.unfreeze, reference, reason, name, "going on")


def _decide(act: freezing.Act, reference: str, reason: str, name: str | None, now: str) -> None:
    tontine = found(reference, as_json=False)
    try:
        changed = act(tontine.id, reason, by=name or getpass.getuser())
    except (Refusal, NotFound) as refusal:
        fail(Exit.REFUSED, refusal.code, str(refusal))
    say(f"{tontine.public_ref} is {now}{'' if changed else ' already'}.")
