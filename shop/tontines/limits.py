"""Which rules may be proposed to anybody: the ranges of TONTINE §13, and no promise but the pot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shop.money import Money
from shop.tontines import canonical
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import (
    FORMAT,
    Circle,
    Dividend,
    LateStep,
    Order,
    Period,
    Rules,
    Visibility,
)

MAX_SHARES: Final = 250


def read(text: str) -> Rules:
    """Read accepted rules back; raises `TontineRefused` for any other text, and for refused rules."""
    try:
        rules = canonical.read(Rules, text)
    except canonical.NotCanonical as error:
        raise TontineRefused(Why.RULES_UNREADABLE) from error
    return accepted(rules)


def accepted(rules: Rules) -> Rules:
    """Give the rules back, or raise the first reason why nobody may be asked to accept them."""
    for problem in problems(rules):
        raise problem
    return rules


def problems(rules: Rules) -> Iterator[TontineRefused]:
    """Every reason to refuse these rules, for a form that shows them all."""
    if rules.format != FORMAT:
        yield TontineRefused(Why.RULES_UNREADABLE)
    if not _one_currency(rules):
        yield TontineRefused(Why.CURRENCIES_MIXED)
        return
    if rules.recipients_per_round < 1:
        yield TontineRefused(
            Why.ROUNDS_NOT_WHOLE, shares=rules.shares, recipients=rules.recipients_per_round
        )
        return
    yield from _kind(rules)
    yield from _size(rules)
    yield from _calendar(rules)
    yield from _late(rules)
    yield from _ranges(rules)
    yield from _promises(rules)


def amounts(rules: Rules) -> list[Money]:
    """Every amount the rules name."""
    optional = (rules.fine.cap, rules.promise.bonus_per_member_brought, rules.promise.entry_fee)
    return [
        rules.contribution,
        rules.fine.flat,
        rules.auction.min_step,
        rules.min_partial,
        rules.relief,
        *rules.promise.received_by_rank,
        *(amount for amount in optional if amount is not None),
    ]


def _one_currency(rules: Rules) -> bool:
    return {amount.currency for amount in amounts(rules)} == {rules.currency}


def _kind(rules: Rules) -> Iterator[TontineRefused]:
    if rules.kind is Circle.SAVINGS:
        yield TontineRefused(Why.KIND_OFF)
    if not rules.share_label.isprintable():
        yield TontineRefused(Why.SETTING_OUT_OF_RANGE, setting="share_label")
    if (rules.kind is Circle.AUCTION) != (rules.order is Order.AUCTION):
        yield TontineRefused(Why.SETTING_OUT_OF_RANGE, setting="order")
    if rules.auction.dividend is Dividend.LOTS:
        yield TontineRefused(Why.LOANS_OFF)
    if rules.visibility is Visibility.PUBLIC and rules.order is not Order.RANDOM:
        yield TontineRefused(Why.STRANGERS_NEED_A_DRAW)


def _size(rules: Rules) -> Iterator[TontineRefused]:
    if not 2 <= rules.shares <= MAX_SHARES:
        yield TontineRefused(Why.SHARES_OUT_OF_RANGE, least=2, most=MAX_SHARES)
    k = rules.recipients_per_round
    if rules.shares % k or rules.shares == k:
        yield TontineRefused(Why.ROUNDS_NOT_WHOLE, shares=rules.shares, recipients=k)
    unit = 10**rules.contribution.exponent
    least, most = (Money(n * unit, rules.currency) for n in (500, 500_000))
    if rules.kind is Circle.SOLIDARITY:
        wrong = bool(rules.contribution) or rules.relief.amount <= 0
    else:
        wrong = not least <= rules.contribution <= most or bool(
            rules.contribution.amount % (5 * unit)
        )
    if wrong:
        yield TontineRefused(Why.AMOUNT_OUT_OF_RANGE, least=least, most=most)


#: How many days, and which, each period needs.
_DAYS: Final = {
    Period.EVERY_N_DAYS: (0, range(0)),
    Period.WEEKLY: (1, range(7)),
    Period.EVERY_TWO_WEEKS: (1, range(7)),
    Period.TWICE_A_WEEK: (2, range(7)),
    Period.MONTHLY: (1, range(1, 32)),
    Period.TWICE_A_MONTH: (2, range(1, 32)),
}


def _calendar(rules: Rules) -> Iterator[TontineRefused]:
    when = rules.when
    count, allowed = _DAYS[when.period]
    days = set(when.days)
    if len(days) != count or len(when.days) != count or days - set(allowed):
        yield TontineRefused(Why.CALENDAR_INCOMPLETE)
    if not 1 <= when.every_days <= 31:
        yield TontineRefused(Why.SETTING_OUT_OF_RANGE, setting="every_days")
    if not 2000 <= when.starts_on.year <= 2200:
        yield TontineRefused(Why.SETTING_OUT_OF_RANGE, setting="starts_on")
    try:
        ZoneInfo(when.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield TontineRefused(Why.SETTING_OUT_OF_RANGE, setting="timezone")


def _late(rules: Rules) -> Iterator[TontineRefused]:
    steps = rules.late_policy
    # Only `partial` always ends: without it a pot could wait for ever.
    if len(set(steps)) != len(steps) or not steps or steps[-1] is not LateStep.PARTIAL:
        yield TontineRefused(Why.LATE_POLICY_INCOMPLETE)


def _ranges(rules: Rules) -> Iterator[TontineRefused]:
    bounds = {
        "share_label": (len(rules.share_label), 1, 20),
        "version": (rules.version, 1, 10**6),
        "grace_hours": (rules.when.grace_hours, 0, 7 * 24),
        "max_shares_per_member": (rules.max_shares_per_member, 1, 10),
        "max_concentration_bp": (rules.max_concentration_bp, 1, 10_000),
        "wait_days": (rules.wait_days, 0, 30),
        "caisse_cap_bp": (rules.caisse_cap_bp, 0, 10_000),
        "set_off_contributions": (rules.set_off_contributions, 0, rules.shares),
        "cover_floor_bp": (rules.cover_floor_bp, 0, 10_000),
        "guarantee_contributions": (rules.guarantee_contributions, 0, 3),
        "retention_bp": (rules.retention_bp, 0, 2_000),
        "exit_fee_bp": (rules.exit_fee_bp, 0, 2_000),
        "fine_bp": (rules.fine.unpaid_bp, 0, 2_000),
        "fine_days": (rules.fine.every_days, 1, 31),
        "auction_cap_bp": (rules.auction.cap_bp, 500, 4_000),
        "auction_step": (rules.auction.min_step.amount, 1, rules.auction.min_step.amount),
        "min_partial": (rules.min_partial.amount, 1, rules.min_partial.amount),
        "relief": (rules.relief.amount, 0, rules.relief.amount),
    }
    for setting, (value, least, most) in bounds.items():
        if not least <= value <= most:
            yield TontineRefused(Why.SETTING_OUT_OF_RANGE, setting=setting)
    if not _fine_is_small(rules):
        yield TontineRefused(Why.SETTING_OUT_OF_RANGE, setting="fine")


def _fine_is_small(rules: Rules) -> bool:
    """A fine has one way of counting, and never exceeds a fifth of the contribution (§13)."""
    fine, most = rules.fine, rules.contribution.share(2_000)
    if rules.kind is Circle.SOLIDARITY or not (fine.flat or fine.unpaid_bp):
        return fine.flat.amount >= 0
    if fine.flat and fine.unpaid_bp:
        return False
    capped = fine.cap is not None and 0 < fine.cap.amount <= most.amount
    return fine.flat.amount >= 0 and (capped or bool(fine.unpaid_bp))


def _promises(rules: Rules) -> Iterator[TontineRefused]:
    """Refuse what a rotating pot cannot give: a gain from nowhere, or from people yet to come."""
    promise = rules.promise
    if promise.members_to_bring or promise.bonus_per_member_brought or promise.entry_fee:
        yield TontineRefused(Why.DEPENDS_ON_RECRUITING)
    paid = rules.contribution * rules.payments_per_share
    for rank, received in enumerate(promise.received_by_rank, start=1):
        if received != paid:
            yield TontineRefused(Why.FLOWS_DO_NOT_MATCH, rank=rank, paid=paid, received=received)
            return
    if promise.received_by_rank and len(promise.received_by_rank) != rules.shares:
        yield TontineRefused(Why.DEPENDS_ON_RECRUITING)
