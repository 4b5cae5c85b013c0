"""Who may import whom: the floors of ARCHITECTURE §5 as data, read against every import of shop/."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: A module imports from floors below its own, or from its own room. Longest name wins.
FLOORS = {
    "shop": 11,
    "shop.application": 11,
    "shop.supervisor": 11,
    "shop.models": 11,
    "shop.cli": 10,
    "shop.api": 10,
    "shop.admin": 10,
    "shop.jobs": 9,
    "shop.lanes": 9,
    "shop.reconciliation": 9,
    "shop.rehearsal": 9,
    "shop.sweeper": 9,
    # What the pay pages of several rooms share: below pages, above settlement.
    "shop.paying": 9.5,
    "shop.alerts": 8,
    "shop.settlement": 8,
    "shop.payout_settlement": 8,
    "shop.payout_decisions": 8,
    "shop.payout_notices": 8,
    "shop.refunds": 8,
    "shop.order_refunds": 8,
    "shop.choices": 8,
    "shop.reversals": 8,
    "shop.corrections": 8,
    "shop.purposes": 8,
    "shop.top_ups": 8,
    "shop.contributions": 8,
    "shop.wallet_parts": 8,
    "shop.withdrawals": 8,
    "shop.payment_notices": 8,
    "shop.receipts": 8,
    "shop.resolution": 8,
    "shop.reputation": 8,
    "shop.checkout": 7,
    "shop.earnings": 7,
    "shop.orders": 6,
    "shop.wallets": 6,
    "shop.tontines": 6,
    "shop.stores": 5,
    # Below orders: a release grants cashback, a refund gives it back.
    "shop.cashback": 5,
    "shop.accounts": 4,
    "shop.webhooks": 4,
    # A floor below the rooms that tell something: the outbox knows nobody but the database.
    "shop.notices": 3,
    "shop.payments": 3,
    "shop.payouts": 3,
    # Between two floors: what payments and payouts share, which do not know each other.
    "shop.leases": 2.5,
    "shop.approvals": 3,
    # Below whoever makes somebody owe: refunds, payouts, earnings.
    "shop.debts": 3,
    "shop.health": 3,
    # Below whoever starts something: payments and payouts ask the same stop buttons.
    "shop.switches": 2,
    "shop.providers": 2,
    "shop.ledger": 2,
    "shop.db": 1,
    "shop.schema": 1,
    "shop.queue": 1,
    "shop.web": 1,
    "shop.i18n": 1,
    "shop.money": 0,
    "shop.phone": 0,
    "shop.clock": 0,
    "shop.errors": 0,
    "shop.references": 0,
    "shop.boundary": 0,
    "shop.signals": 0,
    # Its own house across the road: the shop meets it over HTTP.
    "shop.sandbox": 2,
}
VIEWS = 10
#: Files that make one room although they have no folder: the spine, the join, what runs behind.
ONE_ROOM = (
    {name for name, floor in FLOORS.items() if floor <= 1 or floor == 11},
    {
        "shop.settlement",
        "shop.payment_notices",
        "shop.receipts",
        "shop.payout_settlement",
        "shop.payout_decisions",
        "shop.payout_notices",
        "shop.refunds",
        "shop.order_refunds",
        "shop.choices",
        "shop.reversals",
        "shop.corrections",
        "shop.purposes",
        "shop.top_ups",
        "shop.contributions",
        "shop.wallet_parts",
        "shop.withdrawals",
        "shop.resolution",
    },
    {"shop.jobs", "shop.lanes", "shop.sweeper", "shop.reconciliation", "shop.rehearsal"},
)

#: Packages that a room must never know, and the few others floor 0 may.
FORBIDDEN = {
    "shop.providers": {"flask", "sqlalchemy", "flask_sqlalchemy", "rq", "redis"},
    "shop.ledger": {"flask", "requests", "rq", "redis"},
    "shop.sandbox": {"sqlalchemy", "flask_sqlalchemy", "rq", "redis"},
}
#: Rules that are checked with pencil and paper: no database, no page, no clock, no network.
PURE = {
    f"shop.tontines.{name}"
    for name in (
        "auction",
        "calendar",
        "canonical",
        "changes",
        "draw",
        "eligibility",
        "exposure",
        "fines",
        "late_money",
        "limits",
        "lines",
        "money_in",
        "officers",
        "receive",
        "refusals",
        "relief",
        "rotation",
        "rules",
        "savings",
        "waterfall",
    )
}
PURE_MAY = PURE | {"shop.money", "shop.errors"}
FLOOR_0_MAY = {"shop.phone": {"phonenumbers"}, "shop.signals": {"blinker"}}


@dataclass(frozen=True)
class Import:
    """One import: who, of what, and where it stands."""

    module: str
    target: str
    place: str


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "shop").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports() -> Iterator[Import]:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(module, alias.name, place)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{place}: imports are absolute"
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    yield Import(module, whole if whole in MODULES else str(node.module), place)


def named(module: str, table: dict[str, float]) -> str:
    return max((name for name in table if f"{module}.".startswith(f"{name}.")), key=len)


def floor(module: str) -> float:
    if module.rpartition(".")[2].endswith("views"):
        return VIEWS
    return FLOORS[named(module, FLOORS)]


def room(module: str) -> str:
    own = named(module, FLOORS)
    together = next((sorted(group)[0] for group in ONE_ROOM if own in group), None)
    return together or own


def lines(wrong: Iterator[Import], why: str) -> list[str]:
    return [f"{each.place}: {each.module} imports {each.target}: {why}" for each in wrong]


def test_imports_go_downwards():
    wrong = (
        each
        for each in imports()
        if each.target.split(".")[0] == "shop"
        and each.module not in ("shop.__main__",)
        and room(each.module) != room(each.target)
        and floor(each.target) >= floor(each.module)
    )

    assert lines(wrong, "not on a floor below") == []


def test_rooms_do_not_know_what_they_must_not():
    def bad(each: Import) -> bool:
        mine = next((name for name in FORBIDDEN if each.module.startswith(name)), None)
        return mine is not None and each.target.split(".")[0] in FORBIDDEN[mine]

    assert lines(filter(bad, imports()), "this room never knows that") == []


def test_the_ground_floor_stands_on_the_standard_library():
    def bad(each: Import) -> bool:
        top = each.target.split(".")[0]
        known = sys.stdlib_module_names | {"shop"} | FLOOR_0_MAY.get(each.module, set())
        return floor(each.module) == 0 and top not in known

    assert lines(filter(bad, imports()), "floor 0 needs nothing") == []


def test_the_rules_of_a_circle_are_plain_values():
    def bad(each: Import) -> bool:
        known = each.target in PURE_MAY or each.target.split(".")[0] in sys.stdlib_module_names
        return each.module in PURE and not known

    assert MODULES.keys() >= PURE, "each of them exists"
    assert lines(filter(bad, imports()), "plain values only") == []


def test_the_draw_needs_nothing_but_sha256():
    needed = {each.target for each in imports() if each.module == "shop.tontines.draw"}
    typing_only = {"__future__", "collections.abc", "dataclasses", "enum", "typing"}

    assert needed - typing_only == {"hashlib", "re", "datetime", "shop.tontines.refusals"}


def test_only_commands_know_the_sandbox():
    wrong = (
        each
        for each in imports()
        if each.target.startswith("shop.sandbox")
        and not each.module.startswith(("shop.sandbox", "shop.cli."))
    )

    assert lines(wrong, "the shop meets the sandbox over HTTP") == []


def test_pages_and_commands_call_no_provider_by_name():
    named_ones = {"wave", "mtn", "orange", "moov", "wire", "tokens", "breaker"}
    wrong = (
        each
        for each in imports()
        if floor(each.module) == VIEWS
        and each.target.startswith("shop.providers.")
        and each.target.split(".")[2] in named_ones
    )

    assert lines(wrong, "a page calls no provider") == []


#: `with transaction():` opens in these files; each other one says why it may.
TRANSACTIONS_MAY = {
    "service.py",
    "settlement.py",
    "payout_settlement.py",
    "payout_decisions.py",
    "refunds.py",
    "order_refunds.py",
    "top_ups.py",
    "wallet_parts.py",
    "corrections.py",
    "withdrawals.py",
    "jobs.py",
    "sweeper.py",
}
EXCEPTIONS = {
    "shop/db.py": "where it is made",
    "shop/stores/members.py": "the part of stores/service.py that lets people in and out",
    "shop/stores/approval.py": "the part of stores/service.py that staff decides",
    "shop/orders/links.py": "the part of orders/service.py that lets others pay",
    "shop/orders/placing.py": "the part of orders/service.py that turns a basket into an order",
    "shop/orders/fulfilment.py": "the part of orders/service.py that serves paid orders",
    "shop/orders/talk.py": "the part of orders/service.py that keeps what the two sides say",
    "shop/orders/disputes.py": "the part of orders/service.py that settles problems",
    "shop/orders/refunding.py": "the part of orders/service.py that gives parts of a sale back",
    "shop/choices.py": "what payers say about money that paid for nothing, beside refunds",
    "shop/reversals.py": "two people's word and what it takes back, beside resolution",
    "shop/orders/door.py": "the part of orders/service.py that bills what is due at the door",
    "shop/stores/delivery.py": "the part of stores/service.py that says where goods go",
    "shop/stores/discounts.py": "the part of stores/service.py that makes discount codes",
    "shop/accounts/codes.py": "the part of accounts/service.py that counts tries",
    "shop/earnings/settings.py": "the part of earnings/service.py that owners decide",
    "shop/earnings/floats.py": "keeps one word of a provider, for a job that is asking",
    "shop/checkout/claims.py": "moves a guest's orders of two rooms together",
    "shop/cli/payouts.py": "makes one payout due, on an operator's word",
    "shop/tontines/creation.py": "the part of a circle's service that makes circles",
    "shop/tontines/membership.py": "the part of a circle's service that lets people in",
    "shop/tontines/bureau.py": "the part of a circle's service that names officers",
    "shop/tontines/contributing.py": "the part of a circle's service that takes contributions",
    "shop/tontines/reminding.py": "puts reminders in the outbox",
    "shop/tontines/settling.py": "the part of a circle's service that ends rounds",
    "shop/tontines/signing.py": "the part of a circle's service that moves money that two signed",
    "shop/tontines/easing.py": "the part of a circle's service that gives relief and waives fines",
    "shop/tontines/ending.py": "the part of a circle's service that gives a cycle up",
    "shop/tontines/locking.py": "the part of a circle's service that locks a cycle",
    "shop/tontines/standing.py": "the part of a circle's service that keeps standing orders",
    "shop/tontines/drawing.py": "the part of a circle's service that draws",
    "shop/tontines/bidding.py": "the part of a circle's service that sells turns",
    "shop/tontines/swapping.py": "the part of a circle's service that exchanges turns",
    "shop/tontines/leaving.py": "the part of a circle's service that lets shares go",
    "shop/tontines/guaranteeing.py": "the part of a circle's service that keeps guarantors",
    "shop/tontines/freezing.py": "the part of a circle's service that freezes circles",
    "shop/tontines/meetings.py": "the part of a circle's service that holds meetings",
    "shop/rehearsal.py": "settles and rolls back, to show what would change",
    "shop/resolution.py": "two people's word and what it moves, beside settlement",
}


def calls(name: str) -> Iterator[tuple[str, str]]:
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                where = str(path.relative_to(ROOT))
                yield where, f"{where}:{node.lineno}"


def test_transactions_open_in_few_places():
    wrong = [
        place
        for where, place in calls("transaction")
        if Path(where).name not in TRANSACTIONS_MAY and where not in EXCEPTIONS
    ]

    assert wrong == [], "a transaction is opened by a service, settlement, a job or the sweeper"


@pytest.mark.parametrize("door", ["session.add", "session.delete", "session.commit"])
def test_pages_and_commands_write_no_row(door: str):
    wrong = [
        place
        for where, place in calls(door)
        if where.endswith("views.py") or where.startswith(("shop/cli/", "shop/api/", "shop/admin/"))
    ]

    assert wrong == []


def test_only_the_database_floor_commits():
    assert {where for where, _place in calls("session.commit")} == {"shop/db.py"}


def test_only_what_is_no_record_is_deleted():
    """A browser one signs out of is gone; nothing else that the shop wrote ever is."""
    assert {where for where, _place in calls("session.delete")} == {"shop/accounts/service.py"}


def test_only_the_ledger_writes_transfers():
    wrong = [
        each
        for each in imports()
        if each.target == "shop.ledger.models"
        and not each.module.startswith(("shop.ledger", "shop.models"))
    ]

    assert lines(iter(wrong), "post through ledger.service") == []


def test_nobody_reads_another_clock():
    clocks = ("datetime.now", "datetime.utcnow", "time.time", "time.monotonic", "date.today")
    allowed = {"shop/clock.py", "shop/supervisor.py", "shop/__main__.py"}
    wrong = [place for name in clocks for where, place in calls(name) if where not in allowed]

    assert wrong == []


def test_every_floor_of_the_table_exists_or_is_to_come():
    to_come = {"shop.api", "shop.admin"}
    missing = {name for name in FLOORS if name not in MODULES} - to_come

    assert missing == set()
