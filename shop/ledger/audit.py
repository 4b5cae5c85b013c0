"""Proof of the books: every figure derived again, and the seals that make a changed row show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop import clock
from shop.db import in_transaction, is_postgres, session
from shop.ledger.chart import DEBIT_SIDE, Kind
from shop.ledger.models import Block, Leaf, LedgerAccount, Snapshot, Transfer

#: The first block is chained to this.
GENESIS: Final = "0" * 64
#: The advisory lock of migration 0004: posting takes it shared, sealing takes it alone.
BOOKS_LOCK: Final = 0x0CA0_B00C
#: Transfers per block at most, so that one seal stays a short transaction.
BLOCK_SIZE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the books that must not be: which rule, and where."""

    rule: str
    detail: str


def row_facts(transfer: Transfer | sa.Row[Any]) -> str:
    """Write down everything a transfer says, as it is hashed."""
    facts = (
        transfer.id,
        transfer.key,
        transfer.event,
        transfer.debit_id,
        transfer.credit_id,
        transfer.amount,
        transfer.currency,
        transfer.created_at.isoformat(timespec="microseconds"),
    )
    # JSON marks where each fact ends: no sign can be moved from one to the next unnoticed.
    return json.dumps(facts)


def row_hash(transfer: Transfer | sa.Row[Any]) -> str:
    """Hash everything a transfer says; its first eight signs are the proof printed on receipts."""
    return hashlib.sha256(row_facts(transfer).encode()).hexdigest()


def merkle_root(leaves: Sequence[str]) -> str:
    """Fold hashes two by two; an odd one at the end goes up as it is."""
    assert leaves, "an empty block is not sealed"
    level = list(leaves)
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [
            hashlib.sha256("".join(pair).encode()).hexdigest() if len(pair) == 2 else pair[0]
            for pair in pairs
        ]
    return level[0]


def chained(previous: str, root: str, first_id: int, last_id: int) -> str:
    """The hash of a block: its root, its run of ids, and the block before."""
    return hashlib.sha256(f"{previous}|{root}|{first_id}|{last_id}".encode()).hexdigest()


def seal() -> Block | None:
    """Seal the transfers since the last block, and bring the snapshots up to it.

    Runs inside the caller's transaction. On PostgreSQL it waits for postings under way, so that no
    row with a lower id can appear behind the seal. None when there is nothing to seal.
    """
    assert in_transaction(), "sealing happens inside the caller's transaction"
    if is_postgres():
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(BOOKS_LOCK)))
    last = session.scalar(sa.select(Block).order_by(Block.height.desc()).limit(1))
    transfers = session.scalars(
        sa.select(Transfer)
        .where(Transfer.id > (last.last_id if last else 0))
        .order_by(Transfer.id)
        .limit(BLOCK_SIZE)
    ).all()
    if not transfers:
        return None
    leaves = [row_hash(transfer) for transfer in transfers]
    root = merkle_root(leaves)
    first_id, last_id = transfers[0].id, transfers[-1].id
    block = Block(
        height=last.height + 1 if last else 1,
        first_id=first_id,
        last_id=last_id,
        count=len(transfers),
        root=root,
        hash=chained(last.hash if last else GENESIS, root, first_id, last_id),
        sealed_at=clock.now(),
    )
    session.add(block)
    session.execute(
        sa.insert(Leaf),
        [{"transfer_id": t.id, "hash": h} for t, h in zip(transfers, leaves, strict=True)],
    )
    _fold_into_snapshots(first_id, last_id)
    session.flush()
    return block


def _fold_into_snapshots(first_id: int, last_id: int) -> None:
    moved: dict[int, int] = {}
    sealed = Transfer.id.between(first_id, last_id)
    for column, sign in ((Transfer.credit_id, 1), (Transfer.debit_id, -1)):
        sums = session.execute(
            sa.select(column, sa.func.sum(Transfer.amount))
            .join(LedgerAccount, LedgerAccount.id == column)
            .where(sealed, LedgerAccount.balance.is_(None))
            .group_by(column)
        )
        for account_id, total in sums:
            moved[account_id] = moved.get(account_id, 0) + sign * int(total)
    for account_id in sorted(moved):
        snapshot = session.get(Snapshot, account_id)
        if snapshot is None:
            snapshot = Snapshot(account_id=account_id, balance=0, last_id=0)
            session.add(snapshot)
        snapshot.balance += moved[account_id]
        snapshot.last_id = last_id


def verify_seals() -> Iterator[Finding]:
    """Recompute every block; name the first row, or block, that is no longer what was sealed."""
    previous, last_id, height = GENESIS, 0, 0
    for block in session.scalars(sa.select(Block).order_by(Block.height)):
        if block.height != height + 1 and height:
            yield Finding("seal_chain", f"block {block.height} follows block {height}")
        found = _altered(block, last_id, previous)
        if found is not None:
            yield found
            return
        previous, last_id, height = block.hash, block.last_id, block.height
    stray = sa.select(sa.func.min(Leaf.transfer_id)).where(Leaf.transfer_id > last_id)
    if (number := session.scalar(stray)) is not None:
        yield Finding("seal_rows", f"transfer {number} has a hash and no seal")


def _altered(block: Block, after_id: int, previous: str) -> Finding | None:
    """Say what of one block is not what was sealed; None when all of it is."""
    run = sa.and_(Transfer.id > after_id, Transfer.id <= block.last_id)
    # Plain rows: a million of them must not stay in the session.
    columns = sa.select(*Transfer.__table__.columns)
    rows = session.execute(columns.where(run).order_by(Transfer.id)).all()
    hashes = {row.id: row_hash(row) for row in rows}
    whole = bool(rows) and (len(rows), merkle_root(list(hashes.values()))) == (
        block.count,
        block.root,
    )
    query = sa.select(Leaf.transfer_id, Leaf.hash).where(
        Leaf.transfer_id > after_id, Leaf.transfer_id <= block.last_id
    )
    leaves = dict(iter(session.execute(query.order_by(Leaf.transfer_id))))
    # Blocks from before leaves were kept have none; theirs can be named by their run only.
    number = _first_difference(hashes, leaves) if leaves else None
    if number is not None:
        return Finding("seal_rows", f"transfer {number} was altered")
    if not whole:
        return Finding("seal_rows", f"transfers {block.first_id}..{block.last_id} were altered")
    if chained(previous, block.root, block.first_id, block.last_id) != block.hash:
        return Finding("seal_chain", f"block {block.height} was altered")
    return None


def _first_difference(hashes: Mapping[int, str], leaves: Mapping[int, str]) -> int | None:
    """Name the first transfer whose row and sealed hash differ, or of which one is missing."""
    differing = (n for n in sorted(hashes.keys() | leaves.keys()) if hashes.get(n) != leaves.get(n))
    return next(differing, None)


def check() -> list[Finding]:
    """Derive every figure of the books again and list what differs; an empty list is health."""
    findings = [finding for rule in _RULES for finding in rule()]
    findings.extend(verify_seals())
    return findings


def _balances_are_sums() -> Iterator[Finding]:
    """L4: the kept balance of a guarded account is the sum of its transfers."""
    for code, kept, summed in session.execute(
        sa.select(LedgerAccount.code, LedgerAccount.balance, _sum_of_account()).where(
            LedgerAccount.balance.is_not(None)
        )
    ):
        if kept != int(summed):
            yield Finding("balance", f"{code} keeps {kept}, its transfers sum to {summed}")


def _snapshots_are_sums() -> Iterator[Finding]:
    """L4 for system accounts: the snapshot is the sum up to its transfer."""
    for code, kept, summed in session.execute(
        sa.select(
            LedgerAccount.code, Snapshot.balance, _sum_of_account(Transfer.id <= Snapshot.last_id)
        ).join(Snapshot, Snapshot.account_id == LedgerAccount.id)
    ):
        if kept != int(summed):
            yield Finding("snapshot", f"{code} keeps {kept}, its transfers sum to {summed}")


def _never_negative() -> Iterator[Finding]:
    """L5: no guarded account is below zero."""
    for code, kept in session.execute(
        sa.select(LedgerAccount.code, LedgerAccount.balance).where(LedgerAccount.balance < 0)
    ):
        yield Finding("negative", f"{code} holds {kept}")


def _one_currency() -> Iterator[Finding]:
    """L6: a transfer and both its accounts speak one currency."""
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)
    for (transfer_id,) in session.execute(
        sa.select(Transfer.id)
        .join(debit, debit.id == Transfer.debit_id)
        .join(credit, credit.id == Transfer.credit_id)
        .where(sa.or_(debit.currency != Transfer.currency, credit.currency != Transfer.currency))
    ):
        yield Finding("currency", f"transfer {transfer_id} mixes currencies")


def _zero_sum() -> Iterator[Finding]:
    """L2: all accounts of a currency sum to zero."""
    for currency, total in sorted(trial_totals().items()):
        if total:
            yield Finding("zero_sum", f"{currency} sums to {total}")


_RULES: Final[tuple[Callable[[], Iterator[Finding]], ...]] = (
    _zero_sum,
    _balances_are_sums,
    _snapshots_are_sums,
    _never_negative,
    _one_currency,
)


def _sum_of_account(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    moved = sa.case(
        (Transfer.credit_id == LedgerAccount.id, Transfer.amount), else_=-Transfer.amount
    )
    touching = sa.or_(Transfer.credit_id == LedgerAccount.id, Transfer.debit_id == LedgerAccount.id)
    tables = [LedgerAccount, Snapshot] if conditions else [LedgerAccount]
    return (
        sa.select(sa.func.coalesce(sa.func.sum(moved), 0))
        .where(touching, *conditions)
        .correlate(*tables)
        .scalar_subquery()
    )


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One account of the trial balance, in minor units."""

    code: str
    debits: int
    credits: int

    @property
    def natural(self) -> int:
        """The balance on the account's natural side."""
        sign = -1 if Kind(self.code.split(":")[0]) in DEBIT_SIDE else 1
        return sign * (self.credits - self.debits)


def trial_balance() -> list[TrialLine]:
    """Sum the debits and credits of every account from the transfers themselves."""
    sums: dict[str, list[int]] = {}
    for side, column in enumerate((Transfer.debit_id, Transfer.credit_id)):
        rows = session.execute(
            sa.select(LedgerAccount.code, sa.func.sum(Transfer.amount))
            .join(LedgerAccount, LedgerAccount.id == column)
            .group_by(LedgerAccount.code)
        )
        for code, total in rows:
            sums.setdefault(code, [0, 0])[side] = int(total)
    return [TrialLine(code, *sums[code]) for code in sorted(sums)]


def trial_totals() -> dict[str, int]:
    """Credits less debits of all kept balances and snapshots, per currency: zero, or a bug."""
    totals: dict[str, int] = {}
    for line in trial_balance():
        currency = line.code.rsplit(":", 1)[1]
        totals[currency] = totals.get(currency, 0) + line.credits - line.debits
    return totals
