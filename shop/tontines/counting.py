"""A round is counted, once: whose turn, who is missing, what covers it, what leaves the pot (R9, R16).

The rules decide in `waterfall.settle`; here rows become its values and its lines become rows. Covers
move into the pot at once. What leaves the pot waits as lines (`PotLine`) for two signatures: they are
the preview, what is signed, and what is posted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from shop import clock
from shop.db import session
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.money import Money, total
from shop.tontines import auction, bureau, claims, dues, opening, securities, turning
from shop.tontines.bureau_models import Action
from shop.tontines.choice_models import AuctionRow
from shop.tontines.cycle_models import Claim, DueRow, PotLine, Round, Share, TurnRow
from shop.tontines.desk import Desk
from shop.tontines.dues import Owed
from shop.tontines.eligibility import Standing, at_payout
from shop.tontines.late_money import late_money
from shop.tontines.lines import Kind, Line, pot
from shop.tontines.money_in import Allocation, DueKind
from shop.tontines.receive import destination
from shop.tontines.rotation import Turn, whose_turn
from shop.tontines.rules import Circle
from shop.tontines.states import DueStatus, Source
from shop.tontines.turning import Order
from shop.tontines.waterfall import Payout, Recipient, Settlement, settle
from shop.tontines.waterfall import Round as ToSettle


@dataclass(slots=True)
class Debt:
    """A line out of the pot that pays what a recipient owes elsewhere, and the due it pays."""

    line: Line
    owed: Owed
    claims: list[Claim] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Count:
    """Everything counting a round reads and decides, before anything is written."""

    round_: Round
    order: Order
    turn: Turn
    settlement: Settlement
    missing: tuple[Owed, ...]
    own: dict[str, list[Owed]]
    debts: dict[str, list[Debt]]


def look(desk: Desk, round_: Round) -> Count | None:
    """Work out what counting this round would do; None when nobody is left to be served.

    Reads only: a preview for pages, and the first half of `count`.
    """
    order = turning.read(desk)
    unpaid = dues.owed(desk, Round.index <= round_.index)
    turn, discount = _turn(desk, round_, order, unpaid)
    if not turn.shares:
        return None
    ours = {code: order.of_member(code) for code in turn.shares}
    now_due = [e for e in unpaid if e.round_id == round_.id and e.due.kind is DueKind.CONTRIBUTION]
    own = {code: [e for e in now_due if e.due.share in ours[code]] for code in turn.shares}
    served = set().union(*ours.values())
    missing = tuple(e for e in now_due if e.due.share not in served)
    debts = {code: _debts(desk, round_, unpaid, ours[code]) for code in turn.shares}
    recipients = tuple(
        Recipient(
            code,
            total([e.due.unpaid for e in own[code]], desk.tontine.currency),
            tuple(debt.line for debt in debts[code]),
            discount,
        )
        for code in turn.shares
    )
    to_settle = ToSettle(
        index=round_.index,
        collected=ledger.balance(chart.pot(round_.id, desk.tontine.currency)),
        recipients=recipients,
        missing=securities.missing(desk, missing),
        caisse=ledger.balance(chart.caisse(desk.tontine.id, desk.tontine.currency)),
        grace_until=round_.grace_until,
        now=clock.now(),
        dividend_to=auction.gainers(order.turns.order, turn.shares[0], desk.rules.auction.dividend),
    )
    return Count(round_, order, turn, settle(to_settle, desk.rules), missing, own, debts)


def _turn(
    desk: Desk, round_: Round, order: Order, unpaid: Iterable[Owed]
) -> tuple[Turn, Money | None]:
    """Say whom the round serves; an auction's winner left a discount for it."""
    if desk.rules.kind is Circle.AUCTION:
        won = session.execute(
            sa.select(Share.code, AuctionRow.discount)
            .join(AuctionRow, AuctionRow.winner_id == Share.id)
            .where(AuctionRow.round_id == round_.id, Share.status == "active")
        ).one_or_none()
        if won is not None:
            return Turn((won.code,)), desk.money(won.discount or 0) if won.discount else None
    per_member: dict[int, list[Owed]] = {}
    for each in unpaid:
        if each.due_at <= round_.due_at and each.due.share in order.held:
            per_member.setdefault(order.held[each.due.share].member_id, []).append(each)

    def standing(code: str) -> Standing:
        mine = per_member.get(order.held[code].member_id, [])
        return at_payout([each.due for each in mine], desk.rules)

    def eligible(code: str) -> bool:
        # Who receives does not pay: the others could not change places without paying twice.
        return not desk.rules.recipient_pays or standing(code) is not Standing.DEFERRED

    turn = whose_turn(
        order.turns,
        recipients=desk.rules.recipients_per_round,
        eligible=eligible,
        up_to_date=lambda code: standing(code) is Standing.UP_TO_DATE,
    )
    return turn, None


def _debts(desk: Desk, round_: Round, unpaid: Iterable[Owed], codes: set[str]) -> list[Debt]:
    """What a recipient owes elsewhere, oldest first, as lines out of this pot (R16)."""
    mine = [
        each
        for each in unpaid
        if each.due.share in codes
        and not (each.round_id == round_.id and each.due.kind is DueKind.CONTRIBUTION)
        and each.due.kind is not DueKind.CATCH_UP
    ]
    mine.sort(
        key=lambda e: (not e.due.late, e.due.round, e.due.kind is DueKind.PENALTY, e.due.share)
    )
    waiting = claims.waiting(desk, (each.due.round for each in mine))
    owings = {index: known.owing for index, known in waiting.settled.items()}
    source, debts = pot(round_.index), []
    for each in mine:
        index = each.due.round
        if each.due.kind is DueKind.CONTRIBUTION and index in owings:
            lines, owings[index] = late_money(
                owings[index], each.due.unpaid, source=source, payer=each.due.share
            )
            debts += [Debt(line, each, waiting.rows[index]) for line in lines]
        elif each.due.kind is not DueKind.CONTRIBUTION:
            kind, target = destination(each.due, desk.rules)
            debts.append(Debt(Line(kind, source, target, each.due.unpaid, each.due.share), each))
    return debts


def count(desk: Desk, seen: Count) -> list[TurnRow]:
    """Write what was worked out: covers posted, turns and lines to sign, claims, dues moved on."""
    round_, settlement = seen.round_, seen.settlement
    assert settlement.hold_until is None, "the policy waits"
    if seen.turn.deferred:
        turning.exchange(desk, seen.turn.deferred, "arrears")
    covers = [line for line in settlement.lines if line.kind is Kind.COVER]
    desk.places().post("cover", f"cover:{round_.id}", covers)
    share_ids = {code: each.id for code, each in seen.order.held.items()}
    claims.write(round_.id, settlement, share_ids)
    _mark_missing(seen)
    turns = _write_turns(desk, seen)
    _set_off(desk, seen)
    round_.settled_at = clock.now()
    session.flush()
    dues.charge_fines(desk, clock.now(), DueRow.round_id == round_.id)
    return turns


def _mark_missing(seen: Count) -> None:
    covered: dict[str, int] = {}
    for cover in seen.settlement.covers:
        covered[cover.share] = covered.get(cover.share, 0) + cover.amount.amount
    dues.move((each, _status(each, covered.get(each.due.share, 0))) for each in seen.missing)


def _status(each: Owed, covered: int) -> DueStatus:
    return DueStatus.COVERED if covered == each.due.unpaid.amount else DueStatus.LATE


def _write_turns(desk: Desk, seen: Count) -> list[TurnRow]:
    rows = []
    out = [line for line in seen.settlement.lines if line.kind is not Kind.COVER]
    for payout in seen.settlement.payouts:
        holding = seen.order.held[payout.share]
        row = _turn_row(seen.round_, payout, holding.id, holding.user_id)
        session.add(row)
        session.flush()
        _write_lines(desk, row, _leaving(out, payout))
        session.execute(
            sa.update(Share).where(Share.id == holding.id).values(served_round_id=seen.round_.id)
        )
        if row.net:
            order = bureau.request(
                desk.tontine, Action.POT, row.id, row.net, recipient_id=holding.member_id
            )
            row.order_id = order.id
            session.flush()
        rows.append(row)
    assert not out, "every line that leaves the pot belongs to a recipient"
    return rows


def _turn_row(round_: Round, payout: Payout, share_id: int, user_id: int) -> TurnRow:
    return TurnRow(
        round_id=round_.id,
        share_id=share_id,
        user_id=user_id,
        gross=payout.gross.amount,
        discount=payout.discount.amount,
        set_off=payout.set_off.amount,
        retention=payout.retention.amount,
        fee=payout.fee.amount,
        net=payout.net.amount,
        reliquat=payout.reliquat.amount,
    )


def _leaving(out: list[Line], payout: Payout) -> list[Line]:
    """Take the next recipient's lines: those that sum to what leaves the pot for it."""
    left, mine = (payout.gross - payout.own_paid).amount, []
    while left:
        line = out.pop(0)
        mine.append(line)
        left -= line.amount.amount
    return mine


def _write_lines(desk: Desk, turn: TurnRow, lines: list[Line]) -> None:
    moves = desk.places().moves(lines)
    rows = [
        {
            "turn_id": turn.id, "seq": n, "kind": line.kind, "source": source.code,
            "target": target.code, "amount": amount.amount,
        }
        for n, (line, (source, target, amount)) in enumerate(zip(lines, moves, strict=True), 1)
    ]  # fmt: skip
    if rows:
        session.execute(sa.insert(PotLine), rows)


def _set_off(desk: Desk, seen: Count) -> None:
    """Pay from the pot what its recipients owe: their own part, then debts as far as it went (T14)."""
    taken = [line for line in seen.settlement.lines if line.kind is Kind.SET_OFF]
    paid: list[tuple[Owed, Allocation]] = []
    for payout in seen.settlement.payouts:
        left = payout.own_paid
        for each in seen.own[payout.share]:
            part = min(left, each.due.unpaid)
            left -= part
            if part:
                paid.append((each, Allocation(each.due, part)))
        left = payout.set_off - payout.own_paid
        for debt in seen.debts[payout.share]:
            if not left:
                break
            line = taken.pop(0)
            assert (line.target, line.share) == (debt.line.target, debt.line.share)
            left -= line.amount
            paid.append((debt.owed, Allocation(debt.owed.due, line.amount)))
            if debt.line.kind in (Kind.RELIQUAT, Kind.COVER_REPAID):
                _fill(debt.claims, line.amount.amount)
    opening.pay_dues(desk, seen.order, Source.SET_OFF, paid)
    _late_after_set_off(seen, paid)


def _fill(rows: list[Claim], amount: int) -> None:
    for row in rows:
        part = min(amount, row.amount - row.filled)
        row.filled += part
        amount -= part
    assert amount == 0, "late money goes where something is open"
    session.flush()


def _late_after_set_off(seen: Count, paid: list[tuple[Owed, Allocation]]) -> None:
    """What a pot could not set off of its recipients' own parts is late like anybody's."""
    parts: dict[int, int] = {}
    for each, part in paid:
        parts[each.id] = parts.get(each.id, 0) + part.amount.amount
    own = [each for mine in seen.own.values() for each in mine]
    short = [each for each in own if parts.get(each.id, 0) < each.due.unpaid.amount]
    dues.move((each, DueStatus.LATE) for each in short)
