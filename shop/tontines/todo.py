"""What waits for a member to do, first thing first: the list at the top of a circle's page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from shop.db import session
from shop.tontines import bureau, creation, desk, reading_people
from shop.tontines.bureau_models import Meeting
from shop.tontines.choice_models import Draw, Swap
from shop.tontines.cycle_models import Guarantor, Share
from shop.tontines.reading_rounds import cash_to_confirm
from shop.tontines.rights import Doing, may
from shop.tontines.rules import Order
from shop.tontines.seats import Seat
from shop.tontines.states import CycleStatus, DrawStatus, SwapStatus


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do, by its code, how many of it, and where it is done."""

    what: str
    count: int = 1

    @property
    def page(self) -> str:
        """The endpoint where it is done."""
        return _PAGES[self.what]


_PAGES = {
    "accept": "tontines.rules",
    "take": "tontines.rules",
    "requests": "tontines.members",
    "bureau": "tontines.members",
    "invite": "tontines.members",
    "lock": "tontines.order",
    "next": "tontines.order",
    "draw": "tontines.draw",
    "word": "tontines.draw",
    "confirm": "tontines.pay",
    "sign": "tontines.approvals",
    "swap": "tontines.order",
    "veto": "tontines.order",
    "guarantee": "tontines.guarantees",
    "meeting": "tontines.meetings",
}


def of(here: Seat) -> list[Task]:
    """List what this member is waited for."""
    enrolling = here.at.cycle.status == CycleStatus.ENROLLING
    tasks = [*(_to_enrol(here) if enrolling else ()), *_anytime(here)]
    over = here.at.cycle.status in (CycleStatus.CLOSED, CycleStatus.CANCELLED)
    if over and here.may(Doing.APPOINT):
        tasks.append(Task("next"))
    return [task for task in tasks if task.count]


def _to_enrol(here: Seat) -> Iterator[Task]:
    cycle, rules = here.at.cycle, here.at.rules
    taken = reading_people.taken(cycle.id)
    if not creation.has_accepted(here.member.id, cycle.rules_id):
        yield Task("accept")
    elif taken < rules.shares and not desk.shares(cycle.id, member_id=here.member.id):
        yield Task("take")
    if here.may(Doing.INVITE):
        yield Task("requests", len(reading_people.requests(here.tontine.id)))
        yield Task("invite", rules.shares - taken)
    if not here.may(Doing.APPOINT):
        return
    if len(set(bureau.of(here.tontine.id).holders.values())) < 2:
        yield Task("bureau")
    elif taken == rules.shares:
        drawn = rules.order is not Order.RANDOM or _draw(cycle.id) is not None
        yield Task("lock" if drawn else "draw")


def _draw(cycle_id: int) -> int | None:
    query = sa.select(Draw.id).where(
        Draw.cycle_id == cycle_id, Draw.round_id.is_(None), Draw.status != DrawStatus.VOID
    )
    return session.scalar(query)


def _anytime(here: Seat) -> Iterator[Task]:
    cycle, member = here.at.cycle, here.member
    yield Task("confirm", len(cash_to_confirm(cycle.id, member.id)))
    if may(here.offices, Doing.SIGN):
        mine = str(member.user_id)
        waiting = [
            row
            for row in bureau.to_sign(here.tontine.id)
            if row.recipient_id != member.id and mine not in bureau.signers(row.id)
        ]
        yield Task("sign", len(waiting))
    yield Task("word", _words_missing(cycle.id, member.id))
    yield Task("swap", _swaps(here))
    yield Task("guarantee", _guarantees(here))
    if here.may(Doing.HOLD_MEETING):
        held = sa.select(sa.func.count(Meeting.id)).where(
            Meeting.tontine_id == here.tontine.id, Meeting.status == "open"
        )
        yield Task("meeting", session.scalar(held) or 0)


def _words_missing(cycle_id: int, member_id: int) -> int:
    """A draw asks for words: one reminder, whatever the number of shares."""
    open_draw = sa.select(Draw.id).where(
        Draw.cycle_id == cycle_id, Draw.status == DrawStatus.WORDS, Draw.round_id.is_(None)
    )
    held = sa.select(Share.id).where(Share.cycle_id == cycle_id, Share.member_id == member_id)
    both = session.scalar(open_draw) is not None and session.scalar(held.limit(1)) is not None
    return int(both)


def _swaps(here: Seat) -> int:
    mine = sa.select(Share.id).where(
        Share.cycle_id == here.at.cycle.id, Share.member_id == here.member.id
    )
    query = sa.select(sa.func.count(Swap.id)).where(
        Swap.cycle_id == here.at.cycle.id,
        Swap.status == SwapStatus.ASKED,
        Swap.asked_by != here.member.id,
        sa.or_(Swap.share_id.in_(mine), Swap.other_id.in_(mine)),
    )
    return session.scalar(query) or 0


def _guarantees(here: Seat) -> int:
    query = (
        sa.select(sa.func.count(Guarantor.id))
        .join(Share, Share.id == Guarantor.share_id)
        .where(
            Share.cycle_id == here.at.cycle.id,
            Guarantor.member_id == here.member.id,
            Guarantor.status == "asked",
        )
    )
    return session.scalar(query) or 0
