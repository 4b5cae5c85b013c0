"""The platform freezes a circle, with a reason, and lets it go on (TONTINE §9, §11)."""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sa

from shop import clock
from shop.db import retrying, session, transaction
from shop.errors import Refusal
from shop.tontines import book, desk
from shop.tontines.cycle_models import Cycle, Round
from shop.tontines.states import RoundStatus, TontineStatus


class Act(Protocol):
    """What freezing and letting go have in common."""

    def __call__(self, tontine_id: int, reason: str, *, by: str) -> bool:
        """Do it; False when it was so already."""


class ReasonNeeded(Refusal):
    """A circle is frozen for a reason that its members can read."""

    code = "reason_needed"


@retrying
def freeze(tontine_id: int, reason: str, *, by: str) -> bool:
    """Stop everything in a circle; False when it was frozen already. Members read the reason."""
    if not reason.strip():
        raise ReasonNeeded("a circle is frozen for a reason")
    with transaction():
        tontine = desk.locked(tontine_id, even_frozen=True)
        if tontine.status == TontineStatus.PAUSED:
            return False
        tontine.status_before, tontine.status = tontine.status, TontineStatus.PAUSED
        tontine.frozen_at = clock.now()
        session.flush()
        book.write(tontine_id, "frozen", None, by=by[:60], reason=reason.strip()[:200])
        return True


@retrying
def unfreeze(tontine_id: int, reason: str, *, by: str) -> bool:
    """Let a circle go on where it stood; False when it was not frozen. Its rounds are due at once."""
    if not reason.strip():
        raise ReasonNeeded("a circle goes on for a reason")
    with transaction():
        tontine = desk.locked(tontine_id, even_frozen=True)
        if tontine.status != TontineStatus.PAUSED or tontine.status_before is None:
            return False
        tontine.status, tontine.frozen_at = tontine.status_before, None
        tontine.status_before = None
        session.flush()
        _wake(tontine_id)
        book.write(tontine_id, "unfrozen", None, by=by[:60], reason=reason.strip()[:200])
        return True


def _wake(tontine_id: int) -> None:
    cycles = sa.select(Cycle.id).where(Cycle.tontine_id == tontine_id)
    session.execute(
        sa.update(Round)
        .where(
            Round.cycle_id.in_(cycles),
            Round.status.not_in((RoundStatus.PAID, RoundStatus.CLOSED)),
        )
        .values(wake_at=sa.func.coalesce(Round.wake_at, clock.now())),
        execution_options={"synchronize_session": False},
    )
