"""The witness between buyer and seller: each escrow closed once, by whoever may, and paid out once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from shop.db import session
from shop.errors import Refusal
from shop.i18n import amount_text
from shop.money import Money
from shop.orders import whereabouts
from shop.orders.models import SellerOrder
from shop.orders.refusals import CodeLocked, WrongCode
from shop.orders.states import CLOSED, ESCROW_AT, Escrow, Stage
from shop.sandbox.values import State
from tests.simulation.tasks import Task

if TYPE_CHECKING:
    from tests.simulation.watch import Watch

PARTS: Final = """SELECT s.id, s.reference, s.stage, s.escrow, s.currency,
    s.total_amount, s.delivery_amount, s.commission_amount,
    s.released_amount, s.kept_amount, s.refunded_amount, s.payout_id, s.disputed_at,
    s.staff_since, s.code_tries, s.promised_hours,
    t.owner_id AS seller, o.user_id AS buyer, p.status AS payout
    FROM seller_order s JOIN store t ON t.id = s.store_id JOIN "order" o ON o.id = s.order_id
    LEFT JOIN payout p ON p.id = s.payout_id"""
_STEP: Final = """SELECT actor, old, at FROM seller_order_event WHERE seller_order_id = ? AND new = ?
    ORDER BY id DESC LIMIT 1"""
_WENT: Final = """SELECT t.key, t.amount, c.code FROM transfer t JOIN ledger_account e ON e.id = t.debit_id
    JOIN ledger_account c ON c.id = t.credit_id WHERE e.code = ?"""
_CAME: Final = """SELECT COALESCE(SUM(t.amount), 0) FROM transfer t JOIN ledger_account e
    ON e.id = t.credit_id WHERE e.code = ?"""
#: What must never have a row.
RULES: Final = {
    "S1": """SELECT 'seller order ' || l.seller_order_id || ' is in two living payouts' FROM payout_line l
        JOIN payout p ON p.id = l.payout_id WHERE p.status NOT IN ('failed', 'cancelled')
        GROUP BY l.seller_order_id HAVING COUNT(*) > 1""",
    "S2": """SELECT s.reference || ' stays with a payout that came back' FROM seller_order s
        JOIN payout p ON p.id = s.payout_id WHERE p.status IN ('failed', 'cancelled')""",
    "P10": """SELECT 'order ' || o.reference || ': more went back than was refunded' FROM "order" o
        JOIN payment a ON a.purpose = 'order' AND a.purpose_id = o.id
        JOIN receipt r ON r.payment_id = a.id AND r.disposition = 'applied'
        WHERE (SELECT COALESCE(SUM(f.amount), 0) FROM refund f
            WHERE f.receipt_id = r.id AND f.reason LIKE 'order %')
        > (SELECT SUM(s.refunded_amount) FROM seller_order s WHERE s.order_id = o.id)""",
    # Owners of shops do nothing else with their wallets: what is there is what was earned and not paid.
    "W3": """SELECT 'shop ' || t.id || ' earned ' || e.earned || ', was paid ' || e.paid || ', has ' || e.has
        FROM store t JOIN (SELECT t.id,
        (SELECT COALESCE(SUM(s.released_amount), 0) FROM seller_order s WHERE s.store_id = t.id) AS earned,
        (SELECT COALESCE(SUM(p.amount), 0) FROM payout p WHERE p.user_id = t.owner_id
            AND p.status NOT IN ('failed', 'cancelled'))
        + (SELECT COALESCE(SUM(x.amount), 0) FROM payout p JOIN transfer x
            ON x.key = 'payout-repaid:' || p.reference WHERE p.user_id = t.owner_id) AS paid,
        COALESCE((SELECT a.balance FROM ledger_account a
            WHERE a.code = 'wallet:' || t.owner_id || ':' || t.currency), 0) AS has
        FROM store t) e ON e.id = t.id WHERE e.earned - e.paid <> e.has""",
}
#: Who may write under which name: a buyer's step is taken in a buyer's request.
_HANDS: Final = {"seller": ("seller",), "buyer": ("buyer",), "staff": ("staff",)}
_DAY: Final = timedelta(hours=24)
_APPEAL: Final = timedelta(hours=48)


class WatchEscrow:
    """Looks at seller orders for `Watch`, which it tells what it finds."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.begin()

    def begin(self) -> None:
        """Know nothing yet."""
        self.selling = False
        """Whether the story waits until every order is closed."""
        self._seen: dict[int, sqlite3.Row] = {}
        self._told: dict[int, tuple[object, ...]] = {}
        self.typed: dict[Task, bool] = {}
        """Whether the code that somebody typed is the right one."""
        self._guessed: Counter[str] = Counter()

    def look(self) -> None:
        """Take what is there for given."""
        self._seen = {row["id"]: row for row in self._watch.eye.execute(PARTS)}

    def refused(self, reference: str, refusal: Refusal) -> None:
        """Note what somebody was refused: whoever is told "wrong code" has used up a try."""
        if isinstance(refusal, CodeLocked):
            self._reached("code_was_locked")
        if isinstance(refusal, WrongCode):
            self._guessed[reference] += 1
            (tries,) = self._watch.eye.execute(
                "SELECT code_tries FROM seller_order WHERE reference = ?", (reference,)
            ).fetchone()
            if tries < self._guessed[reference]:
                self._find("E5", f"{reference}: a wrong code was not counted")

    # -- commits --------------------------------------------------------------------------------

    def committed(self, task: Task) -> None:
        """Look at what a commit changed."""
        rows = self._watch.eye.execute(PARTS).fetchall()
        changed = [row for row in rows if tuple(row) != tuple(self._seen.get(row["id"], ()))]
        for row in changed:
            was = self._seen.get(row["id"])
            if was is not None:
                self._compare(task, was, row)
        self._seen = {row["id"]: row for row in rows}
        if changed:
            self.rules()

    def rules(self) -> None:
        """Run the rules between seller orders, payouts and wallets."""
        for rule, query in RULES.items():
            for (detail,) in self._watch.eye.execute(query):
                self._find(rule, detail)

    def _compare(self, task: Task, was: sqlite3.Row, row: sqlite3.Row) -> None:
        if row["disputed_at"] and not was["disputed_at"]:
            self._reached("dispute_froze_an_order")
        if row["staff_since"] and not was["staff_since"]:
            self._reached("staff_was_called")
        if row["code_tries"] > was["code_tries"]:
            self._reached("wrong_code")
        if row["payout_id"] != was["payout_id"]:
            self._reached("shop_was_paid" if row["payout_id"] else "shop_payout_came_back")
        if row["stage"] != was["stage"]:
            self._moved(task, was, row)

    def _moved(self, task: Task, was: sqlite3.Row, row: sqlite3.Row) -> None:
        old, new, reference = Stage(was["stage"]), Stage(row["stage"]), row["reference"]
        self._watch.hub.trace.say(f"    seller order {reference}: {old} -> {new}")
        if old in CLOSED:
            self._find("E1", f"{reference} was {old} and is {new}")
        if row["escrow"] != ESCROW_AT[new]:
            self._find("E1", f"{reference} is {new}, its escrow {row['escrow']}")
        step = self._watch.eye.execute(_STEP, (row["id"], new)).fetchone()
        if step is None:
            self._find("E5", f"{reference} is {new}, and nobody wrote why")
            return
        self._by(task, step["actor"], row)
        if new in CLOSED:
            self._reached(f"{new}_by_{step['actor']}")
            self._shared(row)
            if was["disputed_at"]:
                self._agreed(row, step["actor"])
        if not self._watch.skewed:
            self._in_time(old, new, step, row)

    def _by(self, task: Task, actor: str, row: sqlite3.Row) -> None:
        """E5: only the actor named for a step takes it; a hand-over is proven by the code."""
        hands = _HANDS.get(actor)
        if hands and not task.name.startswith(hands):
            self._find("E5", f"{row['reference']} is {row['stage']} by {actor}: {task.name}")
        if actor == "clock" and task.process == "web":
            self._find("E5", f"{row['reference']} is {row['stage']} by the clock: {task.name}")
        if row["stage"] == Stage.HANDED_OVER and not self.typed.get(task):
            self._find("E5", f"{row['reference']} was handed over without its code")

    def _shared(self, row: sqlite3.Row) -> None:
        """E1: what was held went to these three, once, the commission of the price the seller keeps."""
        account = f"escrow:{row['id']}:{row['currency']}"
        (came,) = self._watch.eye.execute(_CAME, (account,)).fetchone()
        went = self._watch.eye.execute(_WENT, (account,)).fetchall()
        words = {key.partition(":")[0] for key, _amount, _to in went}
        if len(words) != 1 or came != row["total_amount"]:
            self._find("E1", f"{row['reference']}: {came} came, left by {sorted(words)}")
        back = row["refunded_amount"]
        price = row["total_amount"] - row["delivery_amount"]
        # The price goes back before the delivery, of which there is no commission.
        kept = row["commission_amount"] * (price - min(back, price)) // price
        owed = Counter(
            {
                f"wallet:{row['seller']}:{row['currency']}": row["total_amount"] - back - kept,
                f"income:commission:{row['currency']}": kept,
                f"wallet:{row['buyer']}:{row['currency']}": back,
            }
        )
        paid: Counter[str] = Counter()
        for _key, amount, to in went:
            paid[to] += amount
        if +owed != +paid:
            self._find("E1", f"{row['reference']}: {dict(paid)} instead of {dict(+owed)}")

    def _agreed(self, row: sqlite3.Row, actor: str) -> None:
        """A frozen order is closed by its dispute alone, as it was agreed or decided."""
        dispute = self._watch.eye.execute(
            "SELECT * FROM dispute WHERE seller_order_id = ? ORDER BY id DESC LIMIT 1", (row["id"],)
        ).fetchone()
        self._reached(f"dispute_{dispute['status']}")
        if actor != "dispute" or dispute["status"] not in ("agreed", "executed"):
            self._find("E1", f"{row['reference']} was frozen, and closed by {actor}")
        if dispute["back_amount"] != row["refunded_amount"]:
            self._find("E1", f"{row['reference']}: {row['refunded_amount']} went back, not as said")
        steps = self._watch.eye.execute(
            "SELECT new, at FROM dispute_event WHERE dispute_id = ? AND new IS NOT NULL ORDER BY id",
            (dispute["id"],),
        ).fetchall()
        at = {step["new"]: _moment(step["at"]) for step in steps}
        early = at.get("executed", datetime.max) < at.get("decided", datetime.min) + _APPEAL
        if early and "appealed" not in at and not self._watch.skewed:
            self._find("E5", f"{row['reference']}: a decision is executed before its appeal ends")
        if "appealed" in at:
            self._reached("dispute_appealed")

    def _in_time(self, old: Stage, new: Stage, step: sqlite3.Row, row: sqlite3.Row) -> None:
        """The clock acts when it is time, and never pays on the seller's word."""
        if step["actor"] == "seller" and new is Stage.CONFIRMED:
            self._find("E5", f"{row['reference']} is paid on the seller's word")
        if step["actor"] != "clock":
            return
        waits = {
            Stage.TO_ACCEPT: (Stage.TO_ACCEPT, _DAY),
            Stage.RECEIVED: (Stage.RECEIVED, _DAY),
            **dict.fromkeys(
                (Stage.ACCEPTED, Stage.PREPARING, Stage.READY),
                (Stage.ACCEPTED, timedelta(hours=row["promised_hours"])),
            ),
        }
        if new not in CLOSED:
            return
        if old not in waits or (new is Stage.CONFIRMED) != (old is Stage.RECEIVED):
            self._find("E5", f"{row['reference']}: the clock makes {old} {new}")
            return
        since, wait = waits[old]
        begun = self._watch.eye.execute(_STEP, (row["id"], since)).fetchone()
        if _moment(step["at"]) < _moment(begun["at"]) + wait:
            self._find("E5", f"{row['reference']}: the clock makes {old} {new} too early")

    # -- what people are told -------------------------------------------------------------------

    def sentences(self) -> None:
        """« Où est mon argent ? » says what the books, the row and the provider's book say."""
        for row in self._watch.eye.execute(f"{PARTS} WHERE s.stage <> 'unpaid'").fetchall():
            refund = self._refund(row)
            now = (*tuple(row), *refund)
            if self._told.get(row["id"]) != now:
                self._told[row["id"]] = now
                self._sentence(row, *refund)
        session.rollback()

    def _refund(self, row: sqlite3.Row) -> tuple[str, str]:
        found = self._watch.eye.execute(
            "SELECT p.reference, p.status FROM refund f JOIN payout p ON p.id = f.payout_id"
            " WHERE f.form_key = ?",
            (f"seller-order:{row['reference']}",),
        ).fetchone()
        return ("", "") if found is None else tuple(found)

    def _sentence(self, row: sqlite3.Row, refund: str, status: str) -> None:
        part = session.get_one(SellerOrder, row["id"])
        where = whereabouts.of(part)
        said = (where.held.amount, where.to_seller.amount, where.kept.amount, where.to_buyer.amount)
        held = row["total_amount"] if row["escrow"] == "held" else 0
        true = (held, row["released_amount"], row["kept_amount"], row["refunded_amount"])
        if where.escrow != row["escrow"] or said != true:
            self._find("told", f"{row['reference']}: {where.escrow} {said}, not {true}")
        told, sold = whereabouts.for_buyer(part, where), whereabouts.for_seller(part, where)
        session.rollback()
        if where.escrow is Escrow.HELD and row["disputed_at"]:
            self._says(row, told, amount_text(Money(held, row["currency"])), "gelés")
        if where.escrow is Escrow.RELEASED:
            self._says(row, sold, amount_text(where.to_seller))
        if where.escrow is Escrow.REFUNDED:
            self._says(row, told, amount_text(where.to_buyer), self._road(refund, status))
        self._reached(f"told_{where.escrow}")

    def _road(self, refund: str, status: str) -> str:
        """Say in which words a refund must be told: on its way, arrived by their book, or in the wallet."""
        if not refund or status in ("failed", "cancelled"):
            return "portefeuille"
        if status != "succeeded":
            return "repartent"
        row = self._watch.out.row(refund)
        assert row is not None, "it was just found"
        gone = [one for one in self._watch.out.sendings(row) if one.state is State.SUCCEEDED]
        return "renvoyés" if gone else "a sentence that says it has not left"

    def _says(self, row: sqlite3.Row, sentence: str, *words: str) -> None:
        for word in words:
            if word not in sentence:
                self._find("told", f"{row['reference']}: no « {word} » in « {sentence} »")

    # -- the end --------------------------------------------------------------------------------

    def waiting(self) -> bool:
        """Say whether the clock still owes somebody something."""
        return self.selling and any(
            self._watch.eye.execute(query).fetchone()
            for query in (
                "SELECT 1 FROM seller_order WHERE wake_at IS NOT NULL OR return_at IS NOT NULL",
                "SELECT 1 FROM dispute WHERE wake_at IS NOT NULL",
            )
        )

    def left(self) -> bool:
        """Say whether a person of staff has to end something."""
        held = "SELECT 1 FROM seller_order WHERE escrow = 'held'"
        return self.selling and self._watch.eye.execute(held).fetchone() is not None

    def final(self) -> None:
        """Compare everything, when all is quiet."""
        self.rules()
        self.sentences()
        if self.waiting() or self.left():
            late = f"{PARTS} WHERE s.escrow = 'held' OR s.return_at IS NOT NULL"
            for row in self._watch.eye.execute(late):
                self._find("V1", f"{row['reference']} is still {row['stage']}, {row['escrow']}")
        for row in self._watch.eye.execute(PARTS).fetchall():
            if row["stage"] in CLOSED:
                self._shared(row)

    def _find(self, rule: str, detail: object) -> None:
        self._watch.find(rule, detail)

    def _reached(self, situation: str) -> None:
        self._watch.reached[situation] += 1


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
