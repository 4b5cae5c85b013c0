"""Circles with rows behind them: fixture G of TONTINE §7 on a real database, and hands to play it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import sqlalchemy as sa

from shop import references
from shop.accounts.models import User
from shop.db import session, transaction
from shop.ledger import chart
from shop.ledger import service as ledger
from shop.ledger.entries import Entry, Leg
from shop.money import Money
from shop.tontines import (
    bureau,
    contributing,
    creation,
    desk,
    locking,
    membership,
    settling,
    signing,
)
from shop.tontines.cycle_models import Contribution, Cycle, Round, Share, TurnRow
from shop.tontines.locking import Agreed
from shop.tontines.models import Accepted, Office, RuleSet, Tontine
from shop.tontines.rules import Order, Rules
from tests.marketplace import Clock, make_user
from tests.tontines.gounghin import CODES, G

_numbers = count(1)


@dataclass
class Group:
    """A circle and its people: `people[n]` holds share n, the first three sign money out."""

    time: Clock
    tontine_id: int
    people: list[User]
    rules: Rules
    holdings: dict[str, int] = field(default_factory=dict)

    @property
    def cycle(self) -> Cycle:
        session.rollback()
        return desk.latest_cycle(self.tontine_id)

    def round(self, index: int) -> Round:
        cycle = self.cycle
        return session.scalars(
            sa.select(Round).where(Round.cycle_id == cycle.id, Round.index == index)
        ).one()

    def share(self, code: str) -> Share:
        return session.scalars(
            sa.select(Share).where(Share.cycle_id == self.cycle.id, Share.code == code)
        ).one()

    def user(self, code: str) -> User:
        return self.people[self.holdings[code]]

    def turn(self, index: int) -> TurnRow:
        id_ = self.round(index).id
        return session.scalars(sa.select(TurnRow).where(TurnRow.round_id == id_)).one()

    def fund(self, user: User, amount: int) -> None:
        """Put money in a wallet, as a top-up would."""
        source = chart.float_at("wave", "XOF")
        target = chart.wallet(user.id, "XOF")
        with transaction():
            leg = Leg(f"opening:{references.new()}:{next(_numbers)}", source, target, F(amount))
            ledger.post(Entry("opening", (leg,)))

    def pay(self, code: str, amount: int | None = None, *, funded: bool = True) -> Contribution:
        """Pay one share's contribution from its holder's wallet, filled just before."""
        user, money = self.user(code), F(amount or self.rules.contribution.amount)
        if funded:
            self.fund(user, money.amount)
        return contributing.from_wallet(
            self.tontine_id, user.id, money, form_key=f"form-{next(_numbers)}"
        )

    def pay_all(self, *, but: tuple[str, ...] = ()) -> None:
        for code in self.holdings:
            if code not in but:
                self.pay(code)

    def at(self, moment: datetime) -> None:
        """Let time come to a moment, and the clock do what is due on the way."""
        self.time.at = max(self.time.at, moment)
        self.work()

    def work(self) -> None:
        for _ in range(20):
            ids = settling.due()
            for id_ in ids:
                settling.settle_round(id_)
            if not ids:
                return

    def settle(self, index: int, *, days: float = 1) -> None:
        """Let the grace of a round end and whatever is due happen."""
        round_ = self.round(index)
        self.at(round_.due_at + timedelta(days=days))

    def sign(self, index: int) -> None:
        """Let the first two officers who may sign do so, for every recipient of a round."""
        id_ = self.round(index).id
        for turn in session.scalars(sa.select(TurnRow).where(TurnRow.round_id == id_)).all():
            if turn.order_id is None or turn.status == "received":
                continue
            signers = [p for p in self.people[:3] if p.id != turn.user_id][:2]
            for officer in signers:
                signing.sign(turn.order_id, officer.id)

    def play(self, index: int, *, but: tuple[str, ...] = ()) -> None:
        """Play a round: it opens, everybody pays but some, it is counted, signed and paid."""
        self.at(self.round(index).opens_at)
        self.pay_all(but=but)
        self.settle(index)
        self.sign(index)

    def play_until_signing(self, index: int = 1) -> None:
        """Play a round until its pot waits for two signatures."""
        self.at(self.round(index).opens_at)
        self.pay_all()
        self.settle(index)

    def wallet(self, code: str) -> int:
        return ledger.balance(chart.wallet(self.user(code).id, "XOF")).amount

    def pot(self, index: int) -> int:
        return ledger.balance(chart.pot(self.round(index).id, "XOF")).amount

    def caution(self, code: str) -> int:
        return ledger.balance(chart.guarantee(self.share(code).id, "XOF")).amount

    def avance(self, code: str) -> int:
        return ledger.balance(chart.advance(self.share(code).id, "XOF")).amount

    @property
    def caisse(self) -> int:
        return ledger.balance(chart.caisse(self.tontine_id, "XOF")).amount

    def fill_caisse(self, amount: int) -> None:
        self._fill(chart.caisse(self.tontine_id, "XOF"), amount)

    def fill_caution(self, code: str, amount: int) -> None:
        self._fill(chart.guarantee(self.share(code).id, "XOF"), amount)

    def _fill(self, target: chart.Account, amount: int) -> None:
        source = chart.float_at("wave", "XOF")
        with transaction():
            leg = Leg(f"opening:{next(_numbers)}", source, target, F(amount))
            ledger.post(Entry("opening", (leg,)))


def F(amount: int) -> Money:  # noqa: N802 - reads as the amount on a page
    return Money(amount, "XOF")


def draft(rules: Rules, founder: User) -> Tontine:
    tontine = creation.create(
        founder.id, "Gounghin", rules, country="CI", form_key=f"circle-{references.new()}"
    )
    creation.open_to_members(tontine.id, founder.id)
    return tontine


def enrolled(time: Clock, rules: Rules = G, *, members: dict[str, int] | None = None) -> Group:
    """A circle in which everybody accepted the rules and took the shares; not locked."""
    holdings = members or {f"P{n:02}": n - 1 for n in range(1, rules.shares + 1)}
    people = [make_user(f"M{n}") for n in range(max(holdings.values()) + 1)]
    tontine = draft(rules, people[0])
    _invite, token = membership.invite(tontine.id, people[0].id, max_uses=300)
    sha = session.scalars(sa.select(RuleSet.sha256).where(RuleSet.tontine_id == tontine.id)).one()
    for person in people:
        membership.come_in(token, person.id)
        creation.accept(tontine.id, person.id, sha, method=Accepted.PIN)
    for code in sorted(holdings):
        (share,) = creation.take_shares(tontine.id, people[holdings[code]].id, 1)
        assert share.code == code
    offices = (Office.TREASURER, Office.AUDITOR)
    for office, person in zip(offices, people[1:3], strict=False):
        member = desk.member(tontine.id, person.id)
        session.rollback()
        bureau.appoint(tontine.id, people[0].id, office, member.id)
    return Group(time, tontine.id, people, rules, holdings)


def locked(time: Clock, rules: Rules = G, **how: object) -> Group:
    """Fixture G, locked at its first day: ranks by share code."""
    time.at = datetime(2026, 11, 21, 8, tzinfo=UTC)
    group = enrolled(time, rules, **how)  # type: ignore[arg-type]
    typed = tuple(sorted(group.holdings)) if rules.order is Order.FIXED else ()
    locking.lock(group.tontine_id, group.people[0].id, Agreed(typed=typed))
    assert len(CODES) == 12
    return group
