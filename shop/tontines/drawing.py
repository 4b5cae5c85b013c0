"""The draw as people live it: committed, words added, shown, checked by anybody (R19, §6.1)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop.accounts.secrets import keyed
from shop.db import in_transaction, retrying, session, transaction
from shop.errors import NotFound
from shop.tontines import book, desk, draw
from shop.tontines.choice_models import Draw, DrawWord
from shop.tontines.cycle_models import Cycle, Round, Share
from shop.tontines.desk import Desk
from shop.tontines.draw import Published, Verdict
from shop.tontines.models import Office, Tontine
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Order
from shop.tontines.states import CycleStatus, DrawStatus
from shop.tontines.telling import tell_all

_HOSTS: Final = (Office.PRESIDENT, Office.SECRETARY, Office.AUDITOR)


@retrying
def commit(
    tontine_id: int,
    user_id: int,
    *,
    words_for: timedelta = timedelta(hours=48),
    beacon_kind: str | None = None,
) -> Draw:
    """Freeze the share list and publish a commitment; members add words from now on.

    `beacon_kind` names, beforehand, the public number that will close the draw. Refuses while shares
    are free, or where the rules order turns otherwise; a living draw is given again.
    """
    with transaction():
        at = desk.opened(tontine_id)
        desk.officer(tontine_id, user_id, *_HOSTS)
        desk.in_status(at.cycle, CycleStatus.ENROLLING)
        if at.rules.order is not Order.RANDOM:
            raise TontineRefused(Why.NOT_NOW)
        codes = [share.code for share in desk.shares(at.cycle.id)]
        if len(codes) != at.rules.shares:
            raise TontineRefused(Why.NOT_FULL, taken=len(codes), shares=at.rules.shares)
        living = of_cycle(at.cycle.id)
        if living is not None and not _give_up_if_void(at, living):
            return living
        row = make(at, codes, clock.now() + words_for, beacon_kind=beacon_kind)
        book.write(
            tontine_id, "draw_committed", user_id,
            commitment=row.commitment, words_close_at=row.words_close_at, beacon=beacon_kind,
        )  # fmt: skip
        tell_all(at, "drawing", f"drawing:{row.id}", commitment=row.commitment)
        return row


def make(
    at: Desk,
    codes: Sequence[str],
    words_close_at: datetime,
    *,
    beacon_kind: str | None = None,
    round_: Round | None = None,
) -> Draw:
    """Commit to a fresh seed for these shares, and open the words."""
    assert in_transaction(), "a commitment is published with its row"
    seed = secrets.token_hex(32)
    row = Draw(
        cycle_id=at.cycle.id,
        round_id=round_.id if round_ is not None else None,
        codes="\n".join(sorted(codes)),
        share_list_hash=draw.share_list_hash(codes),
        commitment=draw.commitment(_ref(at.tontine, round_), at.cycle.number, seed, codes),
        sealed_seed=_masked(seed),
        beacon_kind=beacon_kind,
        words_close_at=words_close_at,
        status=DrawStatus.COMMITTED,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    row.status = DrawStatus.WORDS
    session.flush()
    return row


def _ref(tontine: Tontine, round_: Round | None) -> str:
    """The name a draw is hashed under: the circle's, and the round's where it decides one turn."""
    return tontine.public_ref + (f"/{round_.index}" if round_ is not None else "")


def _masked(seed: str) -> str:
    nonce = secrets.token_hex(16)
    return nonce + _xor(seed, keyed("draw-seed", nonce))


def _unmasked(sealed: str) -> str:
    nonce, masked = sealed[:32], sealed[32:]
    return _xor(masked, keyed("draw-seed", nonce))


def _xor(one: str, other: str) -> str:
    return f"{int(one, 16) ^ int(other[:64], 16):064x}"


def of_cycle(cycle_id: int) -> Draw | None:
    """The draw of a cycle's order that is living or was shown."""
    return session.scalar(
        sa.select(Draw)
        .where(Draw.cycle_id == cycle_id, Draw.round_id.is_(None), Draw.status != DrawStatus.VOID)
        .execution_options(populate_existing=True)
    )


@retrying
def add_word(tontine_id: int, user_id: int, code: str, text: str) -> None:
    """Add a word for one's own share; the last before the close counts. Refuses a bad word (T26)."""
    with transaction():
        at = desk.opened(tontine_id)
        member = desk.member(tontine_id, user_id)
        share = desk.share(at.cycle.id, code)
        row = of_cycle(at.cycle.id)
        if share.member_id != member.id or row is None:
            raise NotFound("share")
        if row.status != DrawStatus.WORDS or clock.now() >= row.words_close_at:
            raise TontineRefused(Why.NOT_NOW)
        word = DrawWord(draw_id=row.id, share_id=share.id, word=draw.word(text), at=clock.now())
        session.add(word)
        session.flush()
        book.write(tontine_id, "word_added", user_id, share=code)


@retrying
def reveal(tontine_id: int, user_id: int | None, *, beacon: str | None = None) -> Draw:
    """Show the seed and the order, once the words are closed; shown already, it is given again.

    A seed kept longer than a day after that makes the draw void, and a new one must begin: the
    refusal says so (`bad_seed`), and the draw is void from then on.
    """
    with transaction():
        at = desk.opened(tontine_id)
        row = of_cycle(at.cycle.id)
        if row is None:
            raise NotFound("draw")
        if row.status == DrawStatus.REVEALED:
            return row
        if clock.now() < row.words_close_at or (row.beacon_kind is not None and not beacon):
            raise TontineRefused(Why.NOT_NOW)
        void = _give_up_if_void(at, row)
        if not void:
            show(at, row, beacon=beacon if row.beacon_kind else None)
            book.write(
                tontine_id, "draw_revealed", user_id,
                seed=row.seed, beacon=row.beacon, order=str(row.order_text).split("\n"),
            )  # fmt: skip
    if void:
        raise TontineRefused(Why.BAD_SEED)
    return row


def _give_up_if_void(at: Desk, row: Draw) -> bool:
    if row.status == DrawStatus.REVEALED or not draw.is_void(
        words_closed_at=row.words_close_at, revealed_at=row.revealed_at, now=clock.now()
    ):
        return False
    row.status = DrawStatus.VOID
    session.flush()
    book.write(at.tontine.id, "draw_void", None, commitment=row.commitment)
    return True


def show(at: Desk, row: Draw, *, beacon: str | None = None) -> tuple[str, ...]:
    """Open the seed of a draw and keep the order it gives."""
    round_ = session.get(Round, row.round_id) if row.round_id is not None else None
    seed, codes = _unmasked(row.sealed_seed), row.codes.split("\n")
    final = draw.final(_ref(at.tontine, round_), at.cycle.number, seed, words_of(row), beacon)
    order = draw.order(final, codes)
    row.seed, row.beacon, row.order_text = seed, beacon, "\n".join(order)
    row.revealed_at, row.status = clock.now(), DrawStatus.REVEALED
    session.flush()
    return order


def words_of(row: Draw) -> dict[str, str]:
    """Each share's last word, empty where there is none. Shown to members only after the close."""
    words = dict.fromkeys(row.codes.split("\n"), "")
    query = (
        sa.select(Share.code, DrawWord.word)
        .join(DrawWord, DrawWord.share_id == Share.id)
        .where(DrawWord.draw_id == row.id, DrawWord.at < row.words_close_at)
        .order_by(DrawWord.id)
    )
    words.update((code, word) for code, word in session.execute(query))
    return words


def published(row: Draw) -> Published:
    """Everything a shown draw has shown, for the page and for anybody's own SHA-256."""
    if row.status != DrawStatus.REVEALED or row.seed is None or row.order_text is None:
        raise TontineRefused(Why.DRAW_NOT_SHOWN)
    cycle = session.get_one(Cycle, row.cycle_id)
    tontine = session.get_one(Tontine, cycle.tontine_id)
    round_ = session.get(Round, row.round_id) if row.round_id is not None else None
    return Published(
        ref=_ref(tontine, round_),
        cycle=cycle.number,
        codes=tuple(row.codes.split("\n")),
        share_list_hash=row.share_list_hash,
        commitment=row.commitment,
        seed=row.seed,
        words=words_of(row),
        order=tuple(row.order_text.split("\n")),
        beacon=row.beacon,
    )


def verify(row: Draw) -> Verdict:
    """Recompute a shown draw: conform, or the first thing that differs (T25, T26)."""
    return draw.check(published(row))
