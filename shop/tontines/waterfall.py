"""Who covers a missing share, and what the recipient gets: one round settled as plain lines (R9).

`settle` is pure: the same round gives the same lines, so that a preview is what will be posted, and
posting it once is the caller's unique key. What comes late is `late_money`'s (late_money.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shop.money import Money, total
from shop.tontines.auction import dividend
from shop.tontines.lines import (
    CAISSE,
    FEES,
    Kind,
    Line,
    caution,
    guarantor,
    move,
    pot,
    retenue,
    wallet,
    written,
)
from shop.tontines.rules import LateStep, Rules


@dataclass(frozen=True, slots=True)
class FeeRule:
    """One dated row of the service fee on pots: basis points, at most `cap` (R30, T03)."""

    basis_points: int
    cap: Money

    def of(self, gross: Money) -> Money:
        """The fee of this pot."""
        return min(gross.share(self.basis_points), self.cap)


@dataclass(frozen=True, slots=True)
class Missing:
    """A share that has not paid this round in full, and what may answer for it.

    `guarantors` maps a member to what he accepted in advance to pay now; others are only asked.
    """

    share: str
    amount: Money
    guarantee: Money
    retention: Money
    guarantors: tuple[tuple[str, Money], ...] = ()
    to_ask: tuple[tuple[str, Money], ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """A share this round serves; its own missing contribution of this round is set off (R16).

    `debts` are lines out of this pot that pay what it owes elsewhere, oldest first: fines to the
    box, older contributions by `late_money`. `discount` is what it bid to be served now.
    """

    share: str
    own_missing: Money
    debts: tuple[Line, ...] = ()
    discount: Money | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """Everything one round is settled from; `missing` are the late shares that are not served.

    `dividend_to` are the shares that gain a discount (R18).
    """

    index: int
    collected: Money
    recipients: tuple[Recipient, ...]
    missing: tuple[Missing, ...]
    caisse: Money
    grace_until: datetime
    now: datetime
    fee: FeeRule | None = None
    dividend_to: tuple[str, ...] = ()


class Source(StrEnum):
    """Who covered."""

    GUARANTEE = "guarantee"
    RETENTION = "retention"
    GUARANTOR = "guarantor"
    CAISSE = "caisse"


@dataclass(frozen=True, slots=True)
class Cover:
    """An amount that stood in for a missing share, and where it must go back to."""

    source: Source
    place: str
    share: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Payout:
    """One recipient's receipt: gross, less each thing kept, is net; `reliquat` is still owed.

    `own_paid` is the part of `set_off` that paid its own contribution of this round.
    """

    share: str
    gross: Money
    discount: Money
    set_off: Money
    retention: Money
    fee: Money
    net: Money
    reliquat: Money
    own_paid: Money


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settling a round does; with `hold_until` it does nothing yet."""

    lines: tuple[Line, ...] = ()
    payouts: tuple[Payout, ...] = ()
    covers: tuple[Cover, ...] = ()
    asked: tuple[tuple[str, Money], ...] = ()
    hold_until: datetime | None = None

    @property
    def reliquats(self) -> tuple[tuple[str, Money], ...]:
        """What each recipient is still owed."""
        return tuple((each.share, each.reliquat) for each in self.payouts if each.reliquat)


def settle(round_: Round, rules: Rules) -> Settlement:
    """Run the late policy once and pay the pot: lines that leave the pot empty (R9, T01-T14)."""
    covers, holes, asked = _covers(round_, rules)
    lacking = total([hole for _share, hole in holes], rules.currency)
    hold_until = round_.grace_until + timedelta(days=rules.wait_days)
    if lacking and LateStep.WAIT in rules.late_policy and round_.now < hold_until:
        return Settlement(asked=asked, hold_until=hold_until)
    into = tuple(
        Line(Kind.COVER, cover.place, pot(round_.index), cover.amount, cover.share)
        for cover in covers
    )
    present = round_.collected + total([cover.amount for cover in covers], rules.currency)
    payouts, out = _payouts(round_, rules, present, lacking)
    return Settlement((*into, *out), payouts, covers, asked)


Holes = list[tuple[str, Money]]


def _covers(
    round_: Round, rules: Rules
) -> tuple[tuple[Cover, ...], Holes, tuple[tuple[str, Money], ...]]:
    """Take the steps of the policy in order; each leaves smaller holes to the next."""
    missing = sorted(round_.missing, key=lambda each: each.share)
    holes = {each.share: each.amount for each in missing}
    covers: list[Cover] = []
    asked: list[tuple[str, Money]] = []
    for step in rules.late_policy:
        for cover in _step(step, missing, holes, round_, rules):
            covers.append(cover)
            holes[cover.share] -= cover.amount
        if step is LateStep.COVER_GARANT:
            asked += [
                (member, min(cap, holes[each.share]))
                for each in missing
                for member, cap in each.to_ask
                if holes[each.share]
            ]
    return tuple(covers), list(holes.items()), tuple(asked)


def _step(
    step: LateStep,
    missing: Sequence[Missing],
    holes: dict[str, Money],
    round_: Round,
    rules: Rules,
) -> Iterator[Cover]:
    if step is LateStep.COVER_CAISSE:
        yield from _from_caisse(holes, round_.caisse.share(rules.caisse_cap_bp))
        return
    for each in missing:
        for source, place, most in _own(step, each):
            part = min(most, holes[each.share])
            if part.amount > 0:
                yield Cover(source, place, each.share, part)


def _own(step: LateStep, each: Missing) -> list[tuple[Source, str, Money]]:
    """What a late share itself brought as security, for this step."""
    if step is LateStep.COVER_CAUTION:
        return [(Source.GUARANTEE, caution(each.share), each.guarantee)]
    if step is LateStep.COVER_RETENUE:
        return [(Source.RETENTION, retenue(each.share), each.retention)]
    if step is LateStep.COVER_GARANT:
        return [(Source.GUARANTOR, guarantor(member), cap) for member, cap in each.guarantors]
    return []


def _from_caisse(holes: dict[str, Money], limit: Money) -> Iterator[Cover]:
    """Share what the box may give between late shares, in proportion to what they miss (T10)."""
    open_holes = [(share, hole) for share, hole in holes.items() if hole]
    if not open_holes:
        return
    given = min(limit, total([hole for _share, hole in open_holes], limit.currency))
    parts = given.split([hole.amount for _share, hole in open_holes])
    for (share, _hole), part in zip(open_holes, parts, strict=True):
        if part:
            yield Cover(Source.CAISSE, CAISSE, share, part)


def _payouts(
    round_: Round, rules: Rules, present: Money, lacking: Money
) -> tuple[tuple[Payout, ...], tuple[Line, ...]]:
    """Divide the pot equally between its recipients and write what each keeps."""
    owns = _own_parts(round_, present)
    unpaid = total([each.own_missing for each in round_.recipients], rules.currency)
    there = present + total(owns, rules.currency)
    parts = there.split([1] * len(owns))
    promised = (present + unpaid + lacking).split([1] * len(owns))
    payouts: list[Payout] = []
    lines: list[Line] = []
    for recipient, own, gross, whole in zip(round_.recipients, owns, parts, promised, strict=True):
        payout, out = _payout(recipient, own, gross, whole, round_, rules)
        payouts.append(payout)
        lines += out
    assert total([line.amount for line in lines], rules.currency) == present, "the pot is empty"
    return tuple(payouts), tuple(lines)


def _own_parts(round_: Round, present: Money) -> list[Money]:
    """How much of its own contribution each recipient pays out of its own part of the pot."""
    if len(round_.recipients) == 1:
        return [round_.recipients[0].own_missing]
    # One recipient's debt is not to be set off against what is another's.
    most = Money(present.amount // len(round_.recipients), present.currency)
    return [min(each.own_missing, most) for each in round_.recipients]


def _payout(
    recipient: Recipient, own: Money, gross: Money, whole: Money, round_: Round, rules: Rules
) -> tuple[Payout, list[Line]]:
    """One recipient's receipt and the lines that leave the pot, in the order they are taken.

    `gross` is its part of what is there, `whole` its part of what should be.
    """
    place, share = pot(round_.index), recipient.share
    left = gross - own
    discount = min(recipient.discount or left * 0, left)
    shared = dividend(discount, place, round_.dividend_to, rules.auction.dividend)
    debts, owed = _set_off(recipient, left - discount)
    left = left - discount - owed
    # The promise of R17 is about the whole pot: its retention is kept whole from what is there.
    retention = min(whole.share(rules.retention_bp), left)
    # No fee is taken from a discount (R18), nor later from the reliquat.
    fee = min(round_.fee.of(gross - discount), left - retention) if round_.fee else left * 0
    net = left - retention - fee
    kept = written(
        move(Kind.RETENTION, place, retenue(share), retention, share),
        move(Kind.FEE, place, FEES, fee, share),
        move(Kind.PAYOUT, place, wallet(share), net, share),
    )
    payout = Payout(
        share, gross, discount, own + owed, retention, fee, net, whole - gross, own_paid=own
    )
    return payout, [*shared, *debts, *kept]


def _set_off(recipient: Recipient, left: Money) -> tuple[list[Line], Money]:
    """Take old debts from the pot, oldest first, as far as it goes (R16, T14)."""
    taken: list[Line] = []
    owed = left * 0
    for line in recipient.debts:
        part = min(line.amount, left - owed)
        if part:
            taken.append(Line(Kind.SET_OFF, line.source, line.target, part, line.share))
            owed += part
    return taken, owed
