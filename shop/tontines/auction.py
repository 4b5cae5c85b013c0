"""Turns for sale: who may bid, which bid wins, and who gains the discount (R18, T19-T24)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from shop.money import Money
from shop.tontines.lines import CAISSE, DIVIDEND, Kind, Line, avance, move, written
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rotation import Turns
from shop.tontines.rules import Dividend, Rules

_NONCE: Final = re.compile(r"[0-9a-f]{32,64}")


@dataclass(frozen=True, slots=True)
class Bid:
    """One share's live bid: the discount it leaves to be served now."""

    share: str
    discount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Sale:
    """One round's auction; its bids are one per share, the latest."""

    index: int
    opens_at: datetime
    closes_at: datetime
    bids: tuple[Bid, ...] = ()


def place(sale: Sale, bid: Bid, turns: Turns, rules: Rules, *, up_to_date: bool) -> Sale:
    """Take a bid, in place of the same share's earlier one; refuses with the limit (T21, T24)."""
    check_bidder(turns, bid.share, up_to_date=up_to_date)
    if not sale.opens_at <= bid.at < sale.closes_at:
        raise TontineRefused(Why.BIDS_CLOSED)
    check_discount(bid.discount, rules)
    others = tuple(each for each in sale.bids if each.share != bid.share)
    if not rules.auction.sealed:
        least = max((each.discount for each in sale.bids), default=bid.discount * 0)
        least += rules.auction.min_step
        if bid.discount < least:
            raise TontineRefused(Why.DISCOUNT_TOO_SMALL, least=least)
    return Sale(sale.index, sale.opens_at, sale.closes_at, (*others, bid))


def check_bidder(turns: Turns, share: str, *, up_to_date: bool) -> None:
    """Refuse a share that was served, owes anything, or is the last and takes the whole pot."""
    turns.rank(share)
    if share in turns.served:
        raise TontineRefused(Why.ALREADY_SERVED, share=share)
    if len(turns.unserved) == 1:
        raise TontineRefused(Why.LAST_SHARE)
    if not up_to_date:
        raise TontineRefused(Why.NOT_UP_TO_DATE)


def check_discount(discount: Money, rules: Rules) -> None:
    """Refuse a discount above the cap or below one step."""
    cap = rules.pot.share(rules.auction.cap_bp)
    if discount > cap:
        raise TontineRefused(Why.DISCOUNT_OVER_CAP, most=cap)
    if discount < rules.auction.min_step:
        raise TontineRefused(Why.DISCOUNT_TOO_SMALL, least=rules.auction.min_step)


def seal(ref: str, round_index: int, share: str, discount: Money, nonce: str) -> str:
    """The hash a member leaves instead of his bid until the auction closes."""
    if _NONCE.fullmatch(nonce) is None:
        raise TontineRefused(Why.BAD_SEED)
    parts = ["TONTINE-BID-v1", ref, str(round_index), share, str(discount.amount), nonce]
    return sha256("\n".join(parts).encode()).hexdigest()


def open_seal(
    sealed: str, ref: str, round_index: int, share: str, discount: Money, nonce: str
) -> None:
    """Check a bid shown at closing against what was left sealed."""
    if seal(ref, round_index, share, discount, nonce) != sealed:
        raise TontineRefused(Why.BID_NOT_OPENED, share=share)


@dataclass(frozen=True, slots=True)
class Award:
    """Whom an auction serves, for which discount, and whether a draw had to decide."""

    share: str
    discount: Money
    drawn: bool


def award(sale: Sale, rules: Rules, *, drawn: Sequence[str]) -> Award:
    """Give the round to the highest discount (T19); a tie, or no bid, is decided by the draw.

    `drawn` is the verifiable draw's order of the shares that may be served (R19).
    """
    if not sale.bids:
        return Award(drawn[0], Money(0, rules.currency), drawn=len(drawn) > 1)
    best = max(bid.discount for bid in sale.bids)
    tied = [bid.share for bid in sale.bids if bid.discount == best]
    return Award(min(tied, key=list(drawn).index), best, drawn=len(tied) > 1)


def gainers(shares: Sequence[str], winner: str, mode: Dividend) -> tuple[str, ...]:
    """The shares that gain this discount: all of them, or all but the winner."""
    return tuple(s for s in sorted(shares) if mode is not Dividend.OTHERS or s != winner)


def dividend(
    discount: Money, source: str, shares: Sequence[str], mode: Dividend
) -> tuple[Line, ...]:
    """Share a discount: equally and at once to what each paid ahead, or kept until the end.

    Each part is rounded down; what is left goes to the box and is printed (R1, T20).
    """
    if not discount:
        return ()
    if mode is Dividend.END:
        return (Line(Kind.DIVIDEND, source, DIVIDEND, discount),)
    return _equally(discount, source, shares)


def shared_at_the_end(pool: Money, shares: Sequence[str]) -> tuple[Line, ...]:
    """Share what the discounts of a whole cycle left (R18 c, T23)."""
    return _equally(pool, DIVIDEND, shares)


def _equally(amount: Money, source: str, shares: Sequence[str]) -> tuple[Line, ...]:
    each = Money(amount.amount // len(shares), amount.currency)
    parts = [move(Kind.DIVIDEND, source, avance(share), each, share) for share in sorted(shares)]
    return written(*parts, move(Kind.ROUNDING, source, CAISSE, amount - each * len(shares)))
