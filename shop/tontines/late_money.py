"""What comes after the pot was paid: the reliquat first, then those who covered (R9, T07-T10, T42).

A round remembers what it still owes; late money fills that in one fixed order, whoever pays, so
that the order of arrival changes nothing in the end (property 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shop.money import Money
from shop.tontines.lines import (
    Kind,
    Line,
    avance,
    caution,
    move,
    retenue,
    wallet,
    written,
)
from shop.tontines.waterfall import Cover, Settlement, Source

#: Guarantor, box, then the late shares' own securities (R9).
_REPAID_IN_ORDER: Final = (Source.GUARANTOR, Source.CAISSE, Source.GUARANTEE, Source.RETENTION)


@dataclass(frozen=True, slots=True)
class Owing:
    """What a round still owes: places and amounts, in the order late money fills them."""

    claims: tuple[tuple[Kind, str, Money], ...] = ()

    @property
    def is_even(self) -> bool:
        """Nothing is owed any more."""
        return not self.claims


def owing(settled: Settlement) -> Owing:
    """What is open after a round was settled: reliquats, then covers in the order of R9."""
    reliquats = [
        (Kind.RELIQUAT, wallet(share), amount) for share, amount in sorted(settled.reliquats)
    ]
    return Owing((*reliquats, *_to_repay(settled.covers)))


def _to_repay(covers: Sequence[Cover]) -> list[tuple[Kind, str, Money]]:
    ordered = sorted(covers, key=lambda each: (_REPAID_IN_ORDER.index(each.source), each.share))
    return [(Kind.COVER_REPAID, each.place, each.amount) for each in ordered]


def late_money(
    owed: Owing, amount: Money, *, source: str, payer: str
) -> tuple[tuple[Line, ...], Owing]:
    """Send a late contribution where its round needs it; gives the lines and what is still owed.

    More than the round can use is kept ahead for the payer's share: it never feeds a later pot.
    """
    left, lines, after = amount, [], []
    for kind, place, open_amount in owed.claims:
        part = min(left, open_amount)
        if part:
            lines.append(Line(kind, source, place, part, payer))
            left -= part
        if part != open_amount:
            after.append((kind, place, open_amount - part))
    return (*lines, *written(move(Kind.ADVANCE, source, avance(payer), left, payer))), Owing(
        tuple(after)
    )


def joined(rounds: Sequence[Owing]) -> Owing:
    """What several rounds owe, the oldest first: where a shared loss goes."""
    return Owing(tuple(claim for owed in rounds for claim in owed.claims))


@dataclass(frozen=True, slots=True)
class SharedLoss:
    """What each share gives for a loss nobody will repay, and the last francs, from the box."""

    each: Money
    shares: tuple[str, ...]
    from_caisse: Money


def share_loss(loss: Money, shares: Sequence[str]) -> SharedLoss:
    """Spread a loss over the other shares alike, served or not, as they voted (T17, R1)."""
    each = Money(loss.amount // len(shares), loss.currency)
    return SharedLoss(each, tuple(sorted(shares)), loss - each * len(shares))


def returned_at_the_end(
    held: Sequence[tuple[str, Money, Money, Money]],
) -> tuple[Line, ...]:
    """Give back what is left of each share's guarantee, retention and advance (R13, R17, T18)."""
    return tuple(
        line
        for share, guarantee, retention, ahead in held
        for line in written(
            move(Kind.RETURNED, caution(share), wallet(share), guarantee, share),
            move(Kind.RETURNED, retenue(share), wallet(share), retention, share),
            move(Kind.RETURNED, avance(share), wallet(share), ahead, share),
        )
    )
