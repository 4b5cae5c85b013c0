"""Ask two different people before something is decided that no provider decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop.approvals.models import Approval
from shop.db import in_transaction, insert, session
from shop.errors import Refusal

#: How many different people must say the same (RELIABILITY B5).
NEEDED: Final = 2


class NamelessDecision(Refusal):
    """A decision about money needs a name and a reason."""

    code = "nameless_decision"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is decided about."""

    kind: str
    reference: str


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, from which account of the machine, and why."""

    person: str
    account: str
    reason: str

    def __post_init__(self) -> None:
        if not self.person.strip() or not self.reason.strip():
            raise NamelessDecision("a decision needs --as NAME and --reason")

    @property
    def name(self) -> str:
        """The name as it is compared: `Awa` and `awa ` are one person."""
        return " ".join(self.person.casefold().split())[:60]


def approve(subject: Subject, decision: str, voice: Voice) -> bool:
    """Add one person's word; say whether enough different people have now said the same.

    Saying it twice changes nothing. The caller holds the subject's lock, so that of two people who
    speak at one instant the second sees the first. Raises `NamelessDecision` beforehand, in `Voice`.
    """
    assert in_transaction(), "an approval is written with what it decides"
    row = {
        "kind": subject.kind,
        "reference": subject.reference,
        "decision": decision,
        "person": voice.name,
        "account": voice.account[:60],
        "reason": voice.reason.strip()[:200],
        "at": clock.now(),
    }
    keys = ["kind", "reference", "decision", "person"]
    session.execute(insert(Approval).values(row).on_conflict_do_nothing(index_elements=keys))
    return len({word.person for word in words_on(subject, decision)}) >= NEEDED


def words_on(subject: Subject, decision: str | None = None) -> Sequence[Approval]:
    """List what people said about a subject, oldest first; only of one decision when it is given."""
    query = sa.select(Approval).where(
        Approval.kind == subject.kind, Approval.reference == subject.reference
    )
    if decision is not None:
        query = query.where(Approval.decision == decision)
    return session.scalars(query.order_by(Approval.id)).all()
