"""Proving one row to anybody: its hash, the way up to its block's root, and the chain to a day's root.

The root of a day is the hash of the last block sealed on it. Every block holds the hash of the one before,
so that this one number stands for everything that was ever written until then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from shop import clock
from shop.db import session
from shop.ledger.audit import GENESIS, chained, row_facts, row_hash
from shop.ledger.models import Block, Leaf, Transfer
from shop.money import Money


@dataclass(frozen=True, slots=True)
class DayRoot:
    """What all books until the end of a day come to: one number, to print and to remember."""

    day: date
    hash: str
    height: int
    sealed_at: datetime

    @property
    def is_final(self) -> bool:
        """Say whether the day is over: until then every new seal is its root."""
        return self.day < clock.now().date()


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything somebody needs to follow one transfer to the root of its day."""

    key: str
    amount: Money
    facts: str
    """What is hashed, sign by sign."""
    hash: str
    path: tuple[tuple[str, str], ...]
    """What to join on the way up: (`left` or `right`, hash)."""
    height: int | None
    """The block that sealed it; None while none did."""
    root_matches: bool
    """Whether the way up from the row as it is now ends at the sealed root."""
    day: DayRoot | None
    chain_matches: bool
    """Whether the blocks lead from there to the root of the day."""

    @property
    def holds(self) -> bool:
        """Say whether the row is what was sealed."""
        return self.height is not None and self.root_matches and self.chain_matches


def day_root(day: date) -> DayRoot | None:
    """Give the root of a day: of the latest block sealed by its end; None before the first block."""
    ends = datetime.combine(day + timedelta(days=1), time(), UTC)
    query = sa.select(Block).where(Block.sealed_at < ends).order_by(Block.height.desc())
    block = session.scalar(query.limit(1))
    return None if block is None else DayRoot(day, block.hash, block.height, block.sealed_at)


def printed_root() -> DayRoot | None:
    """Give what receipts and statements print: the root of the last whole day.

    On the very first day, the latest seal: it never changes either, but is no day's root yet.
    """
    today = clock.now().date()
    return day_root(today - timedelta(days=1)) or day_root(today)


def latest_roots(days: int) -> list[DayRoot]:
    """List the roots of the latest days, today's so far first."""
    today = clock.now().date()
    roots = [day_root(today - timedelta(days=n)) for n in range(days)]
    return [root for root in roots if root is not None]


def prove(key_prefix: str) -> list[Proof]:
    """Prove the transfers whose keys begin so, each from the row as it is now."""
    rows = session.scalars(
        sa.select(Transfer)
        .where(Transfer.key.startswith(key_prefix, autoescape=True))
        .order_by(Transfer.id)
    ).all()
    return [_proof(row) for row in rows]


def _proof(row: Transfer) -> Proof:
    own, money = row_hash(row), Money(row.amount, row.currency)
    block = session.scalar(
        sa.select(Block).where(Block.last_id >= row.id).order_by(Block.height).limit(1)
    )
    if block is None:
        return Proof(row.key, money, row_facts(row), own, (), None, False, None, False)
    ids, leaves = _leaves(block)
    path = path_up(leaves, ids.index(row.id)) if row.id in ids else ()
    day = day_root(block.sealed_at.date())
    return Proof(
        *(row.key, money, row_facts(row), own, path, block.height),
        root_matches=climbed(own, path) == block.root,
        day=day,
        chain_matches=day is not None and _leads_to(block, day),
    )


def _leaves(block: Block) -> tuple[list[int], list[str]]:
    """Give the sealed hashes of a block; of one from before they were kept, those of its rows."""
    run = (block.first_id, block.last_id)
    query = sa.select(Leaf).where(Leaf.transfer_id.between(*run)).order_by(Leaf.transfer_id)
    kept = session.scalars(query).all()
    if kept:
        return [leaf.transfer_id for leaf in kept], [leaf.hash for leaf in kept]
    rows = sa.select(Transfer).where(Transfer.id.between(*run)).order_by(Transfer.id)
    found = session.scalars(rows).all()
    return [row.id for row in found], [row_hash(row) for row in found]


def path_up(leaves: Sequence[str], place: int) -> tuple[tuple[str, str], ...]:
    """Say what is joined to a leaf on the way up to the root (see `audit.merkle_root`)."""
    path, level = [], list(leaves)
    while len(level) > 1:
        other = place ^ 1
        if other < len(level):
            path.append(("left" if other < place else "right", level[other]))
        level = [_joined(*level[i : i + 2]) for i in range(0, len(level), 2)]
        place //= 2
    return tuple(path)


def climbed(leaf: str, path: Sequence[tuple[str, str]]) -> str:
    """Follow a path up from a leaf; give the root it ends at."""
    for side, other in path:
        leaf = _joined(other, leaf) if side == "left" else _joined(leaf, other)
    return leaf


def _joined(left: str, right: str | None = None) -> str:
    return left if right is None else hashlib.sha256((left + right).encode()).hexdigest()


def _leads_to(block: Block, day: DayRoot) -> bool:
    """Say whether the blocks from this one on chain up to the root of a day."""
    query = sa.select(Block).where(Block.height.between(block.height - 1, day.height))
    blocks = session.scalars(query.order_by(Block.height)).all()
    previous = GENESIS if block.height == 1 else blocks[0].hash
    for each in blocks if block.height == 1 else blocks[1:]:
        if chained(previous, each.root, each.first_id, each.last_id) != each.hash:
            return False
        previous = each.hash
    return previous == day.hash
