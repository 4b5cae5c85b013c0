"""Every address of the site: who may call it, what it may change, and what it always says."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import pytest
import sqlalchemy as sa

from shop import clock
from shop.db import db, session
from shop.money import Money
from shop.orders import links
from shop.orders.states import Stage
from shop.payments import reading, status_views
from shop.payments.models import Payment
from shop.phone import parse
from shop.reputation import service
from shop.stores import members
from shop.stores.member_models import Role
from shop.stores.models import Store
from shop.wallets import service as wallets
from shop.web import CSP, access_of
from tests.marketplace import make_order, make_product, make_store, make_user, new_phone, sign_in
from tests.orders.doors import make_code, point_of
from tests.orders.paid import make_part
from tests.street import Street
from tests.tontines.circle_world import make_circle

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

#: Who may call what. An endpoint that is not here fails: say who may call it, and why, in review.
PUBLIC = {
    "accounts.code", "accounts.code_again", "accounts.login", "accounts.logout", "accounts.new",
    "accounts.pin", "checkout.add", "checkout.after_change", "checkout.change", "checkout.checkout",
    "checkout.drop_code", "checkout.remove", "checkout.show_cart", "checkout.use_code",
    "proof.check", "proof.show", "reputation.of_store", "static", "stores.fees", "stores.help_page",
    "stores.home", "stores.photo", "stores.product", "stores.store", "webhooks.ping",
    "webhooks.receive",
    "tontines.card", "tontines.invitation",
}  # fmt: skip
#: A circle's pages: the ones of a person, and the ones that name a circle.
CIRCLES = {"tontines.come_in", "tontines.create", "tontines.mine", "tontines.new"}
IN_A_CIRCLE = {
    "tontines.accept", "tontines.accept_guarantee", "tontines.answer_swap", "tontines.appoint",
    "tontines.approvals", "tontines.ask", "tontines.ask_guarantor", "tontines.ask_relief",
    "tontines.ask_swap", "tontines.auction", "tontines.bid", "tontines.book_",
    "tontines.book_file", "tontines.caisse", "tontines.cash", "tontines.close_meeting",
    "tontines.change_rules", "tontines.publish_rules",
    "tontines.commit", "tontines.confirm_cash", "tontines.contribute", "tontines.decide",
    "tontines.decide_member", "tontines.draw", "tontines.guarantees", "tontines.hold",
    "tontines.home", "tontines.invite", "tontines.kin", "tontines.leave", "tontines.lock",
    "tontines.meeting", "tontines.meetings", "tontines.member", "tontines.members",
    "tontines.next_cycle", "tontines.open_meeting", "tontines.order", "tontines.pay", "tontines.pay_by_phone",
    "tontines.plan", "tontines.receipt", "tontines.record_cash", "tontines.report",
    "tontines.reveal", "tontines.revoke", "tontines.round_", "tontines.rules",
    "tontines.rules_code", "tontines.sign", "tontines.stand", "tontines.start",
    "tontines.take_over", "tontines.take_shares", "tontines.waive", "tontines.withdraw",
    "tontines.word",
}  # fmt: skip
SIGNED_IN = CIRCLES | IN_A_CIRCLE | {
    "account.forget", "account.show", "earnings.cancel", "earnings.figure", "earnings.number",
    "earnings.number_code", "earnings.pay_now", "earnings.payout", "earnings.payouts",
    "earnings.terms", "reputation.answer", "reputation.own", "seller.edit_product", "seller.home",
    "seller.new_product", "seller.open_store", "seller.show_product", "seller_codes.pause",
    "seller_codes.show", "seller_codes.show_code", "seller_delivery.act_point",
    "seller_delivery.act_zone", "seller_delivery.edit_point", "seller_delivery.new_point",
    "seller_delivery.show", "seller_orders.ask_bill", "seller_orders.change_many",
    "seller_orders.sales_file", "seller_orders.show_sale", "seller_orders.show_sales",
    "seller_orders.slip", "seller_orders.take_step", "seller_refunds.ask", "seller_refunds.give",
    "seller_talk.act_seller", "seller_talk.photo_seller", "seller_talk.pin_seller",
    "seller_talk.say_seller", "seller_talk.show_seller", "staff.accept", "staff.invitations",
    "staff.remove", "staff.show", "staff.sit", "statement.download", "statement.month",
    "top_up.begin", "top_up.choose", "top_up.create", "top_up.start", "wallet.cancel",
    "wallet.payout", "wallet.show", "wallet.withdraw", "withdrawal_number.add",
    "withdrawal_number.code",
}  # fmt: skip
OWNER = {
    "orders.ask_received", "orders.ask_refused", "orders.cancel", "orders.mine", "orders.open_link",
    "orders.pay_at_door", "orders.receive", "orders.refuse", "orders.show", "pay_link.choose",
    "pay_link.make", "pay_link.revoke", "pay_link.show", "pay_link.start", "payment.choose",
    "payment.history", "payment.pay_from_wallet", "payment.receipt", "payment.start",
    "payment_status.cancel", "payment_status.check", "payment_status.claim", "payment_status.keep",
    "payment_status.show", "payment_status.state", "reputation.ask", "reputation.write", "talk.act",
    "talk.ask_problem", "talk.of_order", "talk.photo", "talk.pin", "talk.report", "talk.say",
    "talk.show",
}  # fmt: skip
#: Doors for programs: they carry no session, so no CSRF token either.
WITHOUT_TOKEN = {"webhooks.receive"}


def test_every_endpoint_says_who_may_call_it(app):
    declared = dict.fromkeys(PUBLIC, "public") | dict.fromkeys(SIGNED_IN, "signed_in")
    declared |= dict.fromkeys(OWNER, "owner")
    marked = {rule.endpoint: access_of(app, rule.endpoint) for rule in app.url_map.iter_rules()}

    assert marked == declared


def test_addresses_end_with_a_slash_unless_they_are_files(app):
    files = {
        "static", "stores.photo", "payment_status.state", "seller_orders.sales_file",
        "statement.download", "tontines.book_file",
    }  # fmt: skip
    wrong = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in files and not rule.rule.endswith("/")
    ]

    assert wrong == []


class World:
    """One of everything that an address can name."""

    def __init__(self, street: Street) -> None:
        self.phone = new_phone()
        self.user = make_user(phone=self.phone)
        self.store = make_store(owner=self.user)
        self.product = make_product(store=self.store)
        self.point_id, self.code_id = point_of(self.store), make_code(self.store)
        self.order = make_order((self.product, 1), user=self.user)
        self.paid = make_order((self.product, 1), user=self.user)
        self.payment = street.sent(self.order, "mtn-ci")
        self.received = street.sent(self.paid, "wave-ci")
        street.approve(self.received)
        street.pass_(60)
        assert street.again(self.received).status == "succeeded"
        self.link = links.make([self.user.id], self.order.id)
        members.invite(self.store.id, parse(new_phone(), "CI"), Role.CASHIER, language="fr")
        [self.member] = members.of_store(self.store.id)
        self.buyer = make_user()
        self.review = service.write([self.buyer.id], make_reviewable(self), 5, "Très bien")
        street.fund(Money(500, "XOF"), user=self.user)
        self.top_up = wallets.begin_top_up(self.user, Money(5_000, "XOF"), "t" * 20)
        [self.receipt] = reading.receipts_of(self.received.id)

    @cached_property
    def circle(self) -> dict[str, object]:
        """The words of a circle's addresses; made when one is asked for."""
        return make_circle(self.user)

    def names(self, endpoint: str) -> dict[str, object]:
        """The words of an address, for each of its endpoints."""
        reference = self.payment.reference
        if endpoint.startswith(("payment.choose", "payment.start", "orders.", "pay_link.")):
            reference = self.order.reference
        if endpoint.startswith("top_up."):
            reference = self.top_up.reference
        if endpoint.startswith("payment.pay_"):
            reference = self.order.reference
        if endpoint == "payment.receipt":
            reference = self.received.reference
        if endpoint.startswith("tontines."):
            return self.circle
        [part] = self.paid.seller_orders
        if endpoint in (
            "orders.ask_received", "orders.ask_refused", "orders.cancel", "orders.pay_at_door",
            "orders.receive", "orders.refuse",
        ):  # fmt: skip
            reference = self.paid.reference
        if endpoint.startswith(("talk.", "reputation.")):
            reference = self.paid.reference
        if endpoint.startswith(("seller_orders.", "seller_refunds.", "seller_talk.")):
            reference = part.reference
        code = self.receipt.code if endpoint == "proof.show" else self.product.code
        return {
            "name": "held", "part": part.reference, "step": "accept", "message": 1,
            "act": "off" if endpoint.startswith("seller_delivery.") else "withdraw",
            "point_id": self.point_id, "code_id": self.code_id,
            "reference": reference, "code": code, "slug": self.store.slug, "provider": "wave",
            "token": self._token(endpoint), "member_id": self.member.id, "review_id": self.review.id,
            "filename": "cauri.css", "device_id": 1, "zone_id": self.store.zones[0].id,
            "key": "0" * 64, "size": 320, "extension": "webp",
        }  # fmt: skip

    def _token(self, endpoint: str) -> str:
        if endpoint.startswith("pay_link."):
            return self.link.token
        return self.order.access_token if endpoint == "orders.open_link" else "t" * 32

    def url(self, app, rule) -> str:
        names = self.names(rule.endpoint)
        with app.test_request_context():
            _domain, url = rule.build({key: names[key] for key in rule.arguments})
        return url


def make_reviewable(world: World) -> str:
    """Sell to somebody else what they may judge; give the order's reference."""
    part = make_part(Stage.CONFIRMED, make_order((world.product, 1), user=world.buyer))
    return part.reference


@pytest.fixture
def world(street: Street, monkeypatch: pytest.MonkeyPatch) -> World:
    # The test's clock stands still: a page must not wait on it for an answer.
    monkeypatch.setattr(status_views, "WAIT_FOR_PAGE_S", -1.0)
    return World(street)


@pytest.fixture
def owner(client, world: World):
    sign_in(client, world.phone)
    return client


def get_rules(app):
    return [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods]


def test_reading_never_writes(app, world, owner):
    """S2, A6: by the database's own log, for every address, as its owner and as nobody."""
    written: list[str] = []

    def watch(_connection, _cursor, statement, *_rest):
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN", "WITH")):
            written.append(statement)

    urls = [world.url(app, rule) for rule in get_rules(app)]
    sa.event.listen(db.engine, "before_cursor_execute", watch)
    wrong = {}
    for url in urls:
        for client in (owner, app.test_client()):
            written.clear()
            client.get(url).close()
            if written:
                wrong[url] = list(written)

    assert wrong == {}


def test_the_log_of_writes_would_tell(app, world, owner):
    """The control: a POST does show up in such a log."""
    written = []
    sa.event.listen(
        db.engine, "before_cursor_execute", lambda _c, _k, statement, *_r: written.append(statement)
    )

    owner.post(f"/payment/{world.payment.reference}/check/")

    assert any(statement.startswith("UPDATE") for statement in written)


def test_every_answer_carries_its_headers(app, world, owner):
    for rule in get_rules(app):
        for url in (world.url(app, rule), world.url(app, rule) + "nothing-here"):
            answer = owner.get(url)
            answer.close()
            assert answer.status_code < 500, url
            assert answer.headers["Content-Security-Policy"] == CSP, url
            assert answer.headers["X-Content-Type-Options"] == "nosniff", url
            assert answer.headers["Referrer-Policy"] == "same-origin", url
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", url
            if rule.endpoint not in ("static", "stores.photo"):
                assert "private" in answer.headers["Cache-Control"], url
            for cookie in answer.headers.getlist("Set-Cookie"):
                assert "HttpOnly" in cookie, url
                assert "SameSite=Lax" in cookie, url


def test_the_policy_allows_nothing_inline():
    assert "unsafe" not in CSP
    assert "default-src 'none'" in CSP
    assert "frame-ancestors 'none'" in CSP
    assert "base-uri 'none'" in CSP


@pytest.mark.parametrize(
    "forbidden",
    [r"\sstyle=", r"\son[a-z]+=\"", r"<style", r"<script(?![^>]* src=)", r"javascript:"],
)
def test_templates_hold_nothing_inline(forbidden: str):
    found = [
        path.name
        for path in TEMPLATES.rglob("*.html")
        if re.search(forbidden, path.read_text(), re.IGNORECASE)
    ]

    assert found == []


def test_a_form_without_its_token_is_refused(app, world, owner):
    """A5: every address that changes something, but the providers' own."""
    app.config["WTF_CSRF_ENABLED"] = True
    accepted = []
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods & {"POST", "PUT", "PATCH", "DELETE"}):
            answer = owner.open(world.url(app, rule), method=method, data={"csrf_token": "made-up"})
            if answer.status_code != 400 and rule.endpoint not in WITHOUT_TOKEN:
                accepted.append((rule.endpoint, method, answer.status_code))

    assert accepted == []


#: Addresses that name something of somebody, and the name of nothing.
OWNED = [
    "orders.show", "payment.choose", "payment.pay_from_wallet", "payment.receipt", "payment.start",
    "payment_status.cancel", "top_up.choose", "top_up.start",
    "payment_status.check", "payment_status.claim", "payment_status.keep", "payment_status.show",
    "payment_status.state",
    "seller.edit_product", "seller.show_product", "account.forget", "seller_codes.pause",
    "seller_codes.show_code", "seller_delivery.act_point", "seller_delivery.act_zone",
    "seller_delivery.edit_point", "seller_orders.ask_bill", "orders.ask_refused",
    "orders.pay_at_door", "orders.refuse",
    "orders.ask_received", "orders.cancel", "orders.receive", "seller_orders.show_sale",
    "seller_orders.slip", "seller_orders.take_step", "seller_refunds.ask", "seller_refunds.give",
    "seller_talk.act_seller",
    "seller_talk.photo_seller", "seller_talk.pin_seller", "seller_talk.say_seller",
    "seller_talk.show_seller", "talk.act", "talk.ask_problem", "talk.of_order", "talk.photo",
    "talk.pin", "talk.report", "talk.say", "talk.show",
    "pay_link.make", "pay_link.revoke", "pay_link.show", "reputation.answer", "reputation.ask",
    "reputation.write", "staff.accept", "staff.remove", "staff.sit",
]  # fmt: skip
MISSING = {
    "part": "00000000",
    "step": "accept",
    "act": "withdraw",
    "message": 999_999,
    "reference": "00000000",
    "code": "00000000",
    "zone_id": 999_999,
    "point_id": 999_999,
    "code_id": 999_999,
    "device_id": 999_999,
    "review_id": 999_999,
    "slug": "no-such-shop",
    "contribution": "00000000",
    "index": 99,
    **dict.fromkeys(
        ("due_id", "invite_id", "meeting_id", "member_id", "order_id", "request_id", "row_id",
         "swap_id"),
        999_999,
    ),
}  # fmt: skip


@pytest.mark.parametrize("endpoint", OWNED)
def test_a_stranger_sees_what_is_not_his_as_missing(app, world, endpoint: str):
    """A2: another's is answered word for word as what never was."""
    sign_in(app.test_client(), world.phone)  # the owner's browser: device 1
    seen_as_missing(app, world, endpoint, a_stranger(app))


def test_a_stranger_sees_no_circle(app, world):
    """A2 for each address of a circle, one world for all of them."""
    stranger = a_stranger(app)
    for endpoint in ("tontines.card", *sorted(IN_A_CIRCLE)):
        seen_as_missing(app, world, endpoint, stranger)


def a_stranger(app):
    phone = new_phone()
    make_store(owner=make_user(phone=phone))
    stranger = app.test_client()
    sign_in(stranger, phone)
    return stranger


def seen_as_missing(app, world, endpoint: str, stranger) -> None:
    for rule in app.url_map.iter_rules(endpoint):
        names = world.names(endpoint)
        method = "POST" if "POST" in rule.methods else "GET"
        with app.test_request_context():
            _domain, theirs = rule.build({key: names[key] for key in rule.arguments})
            _domain, nothing = rule.build({key: MISSING[key] for key in rule.arguments})

        for client in (stranger, app.test_client()):
            seen, missing = client.open(theirs, method=method), client.open(nothing, method=method)

            assert seen.status_code == missing.status_code
            assert seen.status_code in ((404, 303) if client is not stranger else (404,))
            assert seen.data.replace(theirs.encode(), b"") == missing.data.replace(
                nothing.encode(), b""
            )


def test_no_posted_column_changes_a_row(app, world, owner):
    """A4: every column of a model, posted to every form of its owner, changes no price and no state."""
    lies = dict.fromkeys(
        [column.name for model in (Payment, Store) for column in sa.inspect(model).columns], "1"
    )
    lies |= {"amount": "1", "status": "succeeded", "price": "-5", "user_id": "99", "role": "admin"}
    session.rollback()
    before = (
        world.payment.amount,
        world.payment.user_id,
        world.order.total_amount,
        world.store.commission_bp,
    )

    for endpoint in ("payment.start", "payment_status.check", "payment_status.claim"):
        rule = next(app.url_map.iter_rules(endpoint))
        owner.post(world.url(app, rule), data=lies)

    session.rollback()
    session.expire_all()
    after = (
        world.payment.amount,
        world.payment.user_id,
        world.order.total_amount,
        world.store.commission_bp,
    )
    assert after == before
    assert world.payment.status in ("pending", "unknown")
    assert clock.now() >= world.payment.created_at


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "\\\\evil",
     "/%0d%0aSet-Cookie:x", "javascript:alert(1)", "http://localhost@evil.example", "/\tevil"],
)  # fmt: skip
def test_nobody_is_sent_away_by_an_address(client, app, target: str):
    """D2: `next` is a path of ours or nothing."""
    phone = new_phone()
    make_user(phone=phone)

    sign_in(client, phone, next=target)
    answer = client.get("/login/", query_string={"next": target})

    assert "evil" not in (answer.location or "")
    assert 'evil.example"' not in answer.text


def test_a_nul_is_refused_before_it_reaches_a_database(client):
    assert client.get("/?q=%00").status_code == 400
    assert client.post("/login/", data={"phone": "07\x00"}).status_code == 400
