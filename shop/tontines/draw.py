"""The draw nobody can rig and anybody can check with SHA-256 (R19, TONTINE §6.1).

The server commits to a seed before members add their words; a public number known only afterwards
closes the last door. The order is the tickets ascending: no modulo, no shuffling to trust.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from shop.tontines.refusals import TontineRefused, Why

#: A seed that is not shown this long after the words closed makes the draw void.
REVEAL_WITHIN: Final = timedelta(hours=24)

_WORD: Final = re.compile(r"[a-z0-9-]{0,20}")
_SEED: Final = re.compile(r"[0-9a-f]{64}")
_BEACON: Final = re.compile(r"[A-Za-z0-9:._-]{1,100}")


def word(text: str) -> str:
    """Give a member's word back, or refuse one that could slip a line into the text (T26)."""
    if _WORD.fullmatch(text) is None:
        raise TontineRefused(Why.BAD_WORD)
    return text


def share_list_hash(codes: Iterable[str]) -> str:
    """`L`: the hash of the frozen share list."""
    return _hash("\n".join(sorted(codes)))


def commitment(ref: str, cycle: int, seed: str, codes: Iterable[str]) -> str:
    """`C`: what is published before any word is given. `seed` is 32 random bytes in hex."""
    if _SEED.fullmatch(seed) is None:
        raise TontineRefused(Why.BAD_SEED)
    return _hash("\n".join(["TONTINE-COMMIT-v1", ref, str(cycle), seed, share_list_hash(codes)]))


def final(
    ref: str, cycle: int, seed: str, words: Mapping[str, str], beacon: str | None = None
) -> str:
    """`F`: seed, every share's word and the public number in one hash."""
    lines = [f"{code}={word(words[code])}" for code in sorted(words)]
    if beacon is not None:
        if _BEACON.fullmatch(beacon) is None:
            raise TontineRefused(Why.BAD_WORD)
        lines.append(f"beacon={beacon}")
    return _hash("\n".join(["TONTINE-DRAW-v1", ref, str(cycle), seed, *lines]))


def ticket(final_hash: str, code: str) -> str:
    """One share's ticket, which its holder can compute alone."""
    return _hash(f"{final_hash}:{code}")


def order(final_hash: str, codes: Iterable[str]) -> tuple[str, ...]:
    """The drawn order: tickets ascending."""
    return tuple(sorted(codes, key=lambda code: ticket(final_hash, code)))


class Fault(StrEnum):
    """What does not agree when a draw is checked."""

    SHARE_LIST = "share_list"
    COMMITMENT = "commitment"
    RANK = "rank"


@dataclass(frozen=True, slots=True)
class Published:
    """Everything a draw has shown, as it is stored and printed."""

    ref: str
    cycle: int
    codes: tuple[str, ...]
    share_list_hash: str
    commitment: str
    seed: str
    words: Mapping[str, str]
    order: tuple[str, ...]
    beacon: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a draw agrees with itself; otherwise what does not, and the first wrong rank."""

    fault: Fault | None = None
    rank: int | None = None
    expected: str | None = None

    @property
    def conform(self) -> bool:
        """Everything agrees."""
        return self.fault is None


def check(shown: Published) -> Verdict:
    """Recompute a draw from what was published and name the first thing that differs (T25, T26)."""
    codes = shown.codes
    if (
        len(set(codes)) != len(codes)
        or share_list_hash(codes) != shown.share_list_hash
        or set(shown.words) != set(codes)
    ):
        return Verdict(Fault.SHARE_LIST)
    try:
        committed = commitment(shown.ref, shown.cycle, shown.seed, codes)
        drawn = order(final(shown.ref, shown.cycle, shown.seed, shown.words, shown.beacon), codes)
    except TontineRefused:
        return Verdict(Fault.COMMITMENT)
    if committed != shown.commitment:
        return Verdict(Fault.COMMITMENT)
    return _compare(shown.order, drawn)


def is_void(*, words_closed_at: datetime, revealed_at: datetime | None, now: datetime) -> bool:
    """Say whether the seed was kept too long, so that a new commitment must start (T26)."""
    return (revealed_at or now) > words_closed_at + REVEAL_WITHIN


def _compare(stored: Sequence[str], drawn: Sequence[str]) -> Verdict:
    for rank, code in enumerate(drawn, start=1):
        if rank > len(stored) or stored[rank - 1] != code:
            return Verdict(Fault.RANK, rank, code)
    return Verdict(Fault.RANK, len(drawn) + 1) if len(stored) > len(drawn) else Verdict()


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
