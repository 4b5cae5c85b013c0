"""Two people for money out: who may sign, who is still missing, and the freeze (R20, T37, T38)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shop.tontines.refusals import TontineRefused, Why

FREEZE: Final = timedelta(hours=72)
SIGN_WITHIN: Final = timedelta(hours=24)
SILENT_AFTER: Final = timedelta(days=7)
NEEDED: Final = 2


class Officer(StrEnum):
    """Who may sign money out."""

    PRESIDENT = "presidente"
    TREASURER = "tresoriere"
    AUDITOR = "commissaire"


@dataclass(frozen=True, slots=True)
class Bureau:
    """Who holds each office, by member; `third` was named by vote for one operation (R20).

    `silent` are officers who answered nothing for seven days: their deputies may sign (R28).
    """

    holders: Mapping[Officer, str]
    deputies: Mapping[Officer, str] = field(default_factory=dict)
    silent: frozenset[Officer] = frozenset()
    changed_at: datetime | None = None
    third: str | None = None

    def may_sign(self, recipients: Collection[str]) -> tuple[str, ...]:
        """Members who may sign this: officers that do not receive, and the third if one was named."""
        stand_in = [name for office, name in self.deputies.items() if office in self.silent]
        named = [*self.holders.values(), *stand_in, *([self.third] if self.third else [])]
        return tuple(dict.fromkeys(member for member in named if member not in recipients))


def sign(
    bureau: Bureau,
    signed: tuple[str, ...],
    member: str,
    *,
    recipients: Collection[str],
    asked_at: datetime,
    now: datetime,
) -> tuple[str, ...]:
    """Add one signature, within a day of the request; signing twice adds nothing (property 9)."""
    if now > asked_at + SIGN_WITHIN:
        raise TontineRefused(Why.SIGNATURES_EXPIRED)
    frozen = frozen_until(bureau)
    if frozen is not None and now < frozen:
        raise TontineRefused(Why.OFFICERS_JUST_CHANGED, until=frozen.isoformat())
    if member in recipients:
        raise TontineRefused(Why.SIGNER_IS_RECIPIENT)
    if member not in bureau.may_sign(recipients):
        raise TontineRefused(Why.SIGNER_NOT_OFFICER)
    return signed if member in signed else (*signed, member)


def frozen_until(bureau: Bureau) -> datetime | None:
    """Until when no money leaves because an officer changed; `None`: never changed."""
    return bureau.changed_at + FREEZE if bureau.changed_at else None


def is_silent(*, asked_at: datetime, now: datetime) -> bool:
    """Say whether an officer has left a request unanswered so long that the deputy signs (R28)."""
    return now >= asked_at + SILENT_AFTER


def is_complete(bureau: Bureau, signed: Collection[str], *, recipients: Collection[str]) -> bool:
    """Say whether two different people, neither receiving, have signed."""
    return len(set(signed) & set(bureau.may_sign(recipients))) >= NEEDED
