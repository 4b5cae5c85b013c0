"""Where a line of the rules leads in the books: each place of a circle is a ledger account.

pot:4       pot:<round id>           caution:P09   guarantee:<share id>
caisse      caisse:<tontine id>      retenue:P09   retention:<share id>
secours     relief:<tontine id>      avance:P09    advance:<share id>
dividende   dividend:<cycle id>      wallet:P09    wallet:<user id>, garant:<user id> too
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import sqlalchemy as sa

from shop.db import session
from shop.ledger import chart, entries
from shop.ledger import service as ledger
from shop.ledger.chart import Account
from shop.ledger.entries import Entry
from shop.money import Money
from shop.tontines.cycle_models import Cycle, Round, Share, TurnRow
from shop.tontines.lines import Line
from shop.tontines.models import Member

#: Rounds above this stand for the catch-ups of the share with the rest as its id (R25).
EXITS: Final = 1_000_000


def exit_round(share_id: int) -> int:
    """The index that stands for what is caught up for a share that left."""
    return EXITS + share_id


class Places:
    """The accounts of one cycle, looked up as lines name them."""

    def __init__(self, cycle: Cycle, currency: str, *, payer: Account | None = None) -> None:
        self.cycle, self.currency, self.payer = cycle, currency, payer
        self._shares: dict[str, tuple[int, int]] = {}
        self._rounds: dict[int, int] = {}

    def know(self, names: Iterable[str]) -> None:
        """Read at once everything these places need."""
        split = [name.partition(":") for name in names]
        codes = {
            owner for kind, _, owner in split if kind in ("caution", "retenue", "avance", "wallet")
        }
        self._read_shares(codes - self._shares.keys())
        indexes = {int(owner) for kind, _, owner in split if kind == "pot"}
        self._read_rounds({i for i in indexes - self._rounds.keys() if i < EXITS})

    def _read_shares(self, codes: Iterable[str]) -> None:
        wanted = sorted(codes)
        if not wanted:
            return
        # A served share's wallet is that of who held it then: a reliquat is not sold with a share.
        owner = sa.func.coalesce(TurnRow.user_id, Member.user_id)
        query = (
            sa.select(Share.code, Share.id, owner)
            .join(Member, Member.id == Share.member_id)
            .outerjoin(TurnRow, TurnRow.share_id == Share.id)
            .where(Share.cycle_id == self.cycle.id, Share.code.in_(wanted))
        )
        for code, share_id, user_id in session.execute(query):
            self._shares[code] = (share_id, user_id)

    def _read_rounds(self, indexes: Iterable[int]) -> None:
        wanted = sorted(indexes)
        if wanted:
            query = sa.select(Round.index, Round.id).where(
                Round.cycle_id == self.cycle.id, Round.index.in_(wanted)
            )
            self._rounds.update((index, round_id) for index, round_id in session.execute(query))

    def account(self, place: str) -> Account:
        """Give the account of one place."""
        kind, _, owner = place.partition(":")
        if kind == "payer":
            assert self.payer is not None, "somebody pays"
            return self.payer
        if kind == "platform":
            return chart.income("tontine-fees", self.currency)
        if kind in _GROUP:
            return _GROUP[kind](self.cycle, self.currency)
        if kind == "garant":
            return chart.wallet(int(owner), self.currency)
        self.know([place])
        if kind == "pot":
            return self._pot(int(owner))
        share_id, user_id = self._shares[owner]
        if kind == "wallet":
            return chart.wallet(user_id, self.currency)
        return _OF_SHARE[kind](share_id, self.currency)

    def _pot(self, index: int) -> Account:
        if index >= EXITS:
            return chart.exit_pot(index - EXITS, self.currency)
        return chart.pot(self._rounds[index], self.currency)

    def moves(self, lines: Sequence[Line]) -> list[tuple[Account, Account, Money]]:
        """Give what lines move between accounts; what stays in one wallet moves nothing."""
        self.know(place for line in lines for place in (line.source, line.target))
        pairs = [(self.account(ln.source), self.account(ln.target), ln.amount) for ln in lines]
        return [pair for pair in pairs if pair[0] != pair[1]]

    def entry(self, event: str, key: str, lines: Sequence[Line]) -> Entry | None:
        """Give the entry that posts these lines, or None when nothing moves."""
        moves = self.moves(lines)
        return entries.tontine(event, key, moves) if moves else None

    def post(self, event: str, key: str, lines: Sequence[Line]) -> None:
        """Post lines once; the same key again posts nothing."""
        entry = self.entry(event, key, lines)
        if entry is not None:
            ledger.post(entry)


_GROUP: Final[dict[str, Callable[[Cycle, str], Account]]] = {
    "caisse": lambda cycle, currency: chart.caisse(cycle.tontine_id, currency),
    "secours": lambda cycle, currency: chart.relief(cycle.tontine_id, currency),
    "dividende": lambda cycle, currency: chart.dividend(cycle.id, currency),
}
_OF_SHARE: Final[dict[str, Callable[[int, str], Account]]] = {
    "caution": chart.guarantee,
    "retenue": chart.retention,
    "avance": chart.advance,
}
