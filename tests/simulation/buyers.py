"""People who order, tap, change their minds, and answer on their phones; those who bring messages."""

from __future__ import annotations

from datetime import timedelta

from shop import queue, references, settlement
from shop.db import session
from shop.errors import Refusal
from shop.money import Money
from shop.orders import service as orders
from shop.payments import service as payments
from shop.payments.service import Intent
from shop.payments.states import Purpose
from shop.providers import methods
from shop.sandbox.credentials import WAVE
from shop.sandbox.faults import IMPOSSIBLE
from shop.sandbox.values import Delivery, Prompt, State
from shop.sandbox.wave import signature
from tests.marketplace import CONTACT
from tests.simulation.house import BUYERS, SELLERS
from tests.simulation.plan import METHODS, PAYERS, SURPRISES
from tests.simulation.story import Story
from tests.simulation.watch import within_reach


class Buyers(Story):
    """The collecting half."""

    orders: list[tuple[int, int, Money]]

    def _open_market(self) -> None:
        """Put scarce stock on the shelves and place the orders."""
        eye = self.house.eye
        for (product_id,) in eye.execute("SELECT id FROM product ORDER BY id").fetchall():
            stock = 1 if self.plan.rush else self.chance.choice((1, 1, 2, 3))
            eye.execute("UPDATE product SET stock = ? WHERE id = ?", (stock, product_id))
        self.watch.begin()
        self.watch.skewed = self.plan.skewed
        self.orders = [self._placed() for _ in range(self.plan.orders)]

    def _placed(self) -> tuple[int, int, Money]:
        buyer = self.chance.randrange(BUYERS)
        sellers = self.chance.sample(range(len(SELLERS)), self.chance.choice((1, 1, 2, 3)))
        lines = [orders.Line(2 * s + self.chance.choice((1, 2)), 1) for s in sellers]
        if self.plan.rush:
            lines = [orders.Line(1, 1)]
        order = orders.place(
            user_id=buyer + 1, lines=lines, contact=CONTACT, form_key=references.new()
        )
        placed = (order.id, buyer, order.total)
        self._say(f"buyer {buyer} orders {order.reference} of {order.total} in {lines}")
        session.rollback()
        return placed

    # -- buyers ---------------------------------------------------------------------------------

    def _order(self) -> tuple[int, int, Money]:
        return self.chance.choice(self.orders)

    def new_order(self) -> None:
        """Somebody else wants the same articles."""
        if len(self.orders) >= 5 or self.hub.writer is not None:
            return
        try:
            self.orders.append(self._placed())
        except Refusal as refused:
            session.rollback()
            self._say(f"an order is refused: {type(refused).__name__}")

    def tap(self) -> None:
        """A buyer taps "Pay"; sometimes twice, sometimes by going back to the same form."""
        self._tap(self._order())

    def _tap(self, order: tuple[int, int, Money]) -> None:
        if self._crowded():
            return
        if order[0] not in self._forms or self.chance.random() < 0.4:
            self._forms[order[0]] = f"form-{self._numbers}-{order[0]}"
        method = self.chance.choice(METHODS)
        form_key = self._forms[order[0]]
        twice = self.chance.random() < 0.25
        if twice:
            self.reached["form_submitted_twice_at_once"] += 1
        for _ in range(2 if twice else 1):
            self._say(f"buyer {order[1]} taps pay {method} for order {order[0]} ({form_key})")
            self._spawn(f"pay{order[0]}", "web", lambda: self._pay(order, method, form_key))

    def _pay(self, order: tuple[int, int, Money], method: str, form_key: str) -> str:
        try:
            payment = settlement.start_payment(self._intent(order, method, form_key))
        except Refusal as refused:
            self.reached["out_of_stock_at_payment"] += isinstance(refused, orders.OutOfStock)
            return type(refused).__name__
        reference = payment.reference
        queue.ring("submit_payments")
        return reference

    @staticmethod
    def _intent(order: tuple[int, int, Money], method: str, form_key: str) -> Intent:
        return Intent(
            purpose=Purpose.ORDER,
            purpose_id=order[0],
            user_id=order[1] + 1,
            method=methods.get(method),
            payer_phone=PAYERS[method].format(order[1]),
            owed=order[2],
            form_key=form_key,
        )

    def change_method(self) -> None:
        """A buyer leaves an attempt and pays by another method."""
        if self._crowded():
            return
        order, method = self._order(), self.chance.choice(METHODS)
        form_key = self._forms[order[0]] = f"form-{self._numbers}-{order[0]}-again"
        self._say(f"buyer {order[1]} gives up and pays order {order[0]} by {method}")

        def leave() -> str:
            live = payments.live_of(Purpose.ORDER, order[0])
            if live is None:
                return "nothing to leave"
            settlement.give_up(live.id)
            return self._pay(order, method, form_key)

        self._spawn(f"change{order[0]}", "web", leave)

    def nudge(self) -> None:
        """A buyer asks to check now, or says it is paid."""
        if self._crowded():
            return
        row = self._some_payment()
        if row is None:
            return
        number, reference = row["id"], row["reference"]
        claims = self.chance.random() < 0.3

        def ask() -> None:
            if claims:
                settlement.claim_paid(number, "TX123")
            else:
                settlement.check_now(number)
            queue.ring("verify_payments")

        self._say(f"the buyer of {reference} {'says it is paid' if claims else 'asks to check'}")
        self._spawn(f"check-{reference}", "web", ask)

    # -- payers ---------------------------------------------------------------------------------

    def answer(self) -> bool:
        """A payer accepts, refuses or puts the phone away; say whether anybody was asked."""
        open_ones = "SELECT id FROM prompts WHERE state = 'open' AND NOT ignored ORDER BY id"
        if not self._calm and self.chance.random() < 0.3:
            open_ones = open_ones.replace("AND NOT ignored ", "")
        asked = [self.world.prompt(row["id"]) for row in self.world.book_file.rows(open_ones)]
        reachable = [prompt for prompt in asked if self._within_reach(prompt)]
        if not reachable:
            return False
        prompt = self.chance.choice(reachable)
        if prompt.phone is None:
            row = self.house.eye.execute(
                "SELECT payer_phone FROM payment WHERE reference = ?", (prompt.reference,)
            ).fetchone()
            prompt = self.world.present(prompt.id, row["payer_phone"])
        act = self.chance.choices(("accept", "refuse", "ignore"), (7, 2, 1))[0]
        if act == "accept" and self.chance.random() < self.plan.fault_rate * 0.2:
            self._surprise(prompt)
        done = getattr(self.world, act)(prompt.id)
        self._say(f"the payer of {prompt.provider} {prompt.reference}: {act} ({done})")
        if not done:
            self.world.ignore(prompt.id)
        return True

    def _surprise(self, prompt: Prompt) -> None:
        """This payer's money will come late, or be another sum."""
        kind = self.chance.choice(SURPRISES)
        if kind not in IMPOSSIBLE.get(prompt.provider, ()):
            self._plant(prompt.provider, kind, {"calls": 1, "reference": prompt.reference})

    def _within_reach(self, prompt: Prompt) -> bool:
        row = self.house.eye.execute(
            "SELECT page_url FROM payment WHERE reference = ?", (prompt.reference,)
        ).fetchone()
        return within_reach(prompt, None if row is None else row["page_url"])

    # -- messages -------------------------------------------------------------------------------

    def _posted(self, delivery: Delivery) -> int:
        """Take a provider's message: it is on its way, or lost: for ever, or (0) until it is tried again."""
        if self.plan.mute:
            self.reached["message_never_came"] += 1
            return 200
        if not self._calm and self.chance.random() < 0.15:
            return 0
        self.house.outbox.append(delivery)
        return 200

    def deliver(self) -> None:
        """A message arrives, any of those on their way; sometimes twice."""
        if self._crowded():
            return
        outbox = self.house.outbox
        if not outbox:
            return
        delivery = outbox.pop(self.chance.randrange(len(outbox)))
        self._bring(delivery)
        if self.chance.random() < 0.15:
            self.reached["webhook_twice"] += 1
            self._bring(delivery)

    def replay(self) -> None:
        """An old message arrives again, perhaps at another payment's address."""
        if self._crowded():
            return
        if not self._delivered:
            return
        delivery = self.chance.choice(self._delivered)
        other = self._some_payment(f"provider = '{delivery.provider}'")
        url = delivery.url
        if other is not None and delivery.provider != "wave" and self.chance.random() < 0.5:
            url = f"{url.rpartition('/webhook/')[0]}/webhook/{other['provider']}/{other['callback_token']}/"
            self.reached["webhook_for_another_payment"] += 1
        self._knock(delivery, url, delivery.headers, delivery.body)

    def forge(self) -> None:
        """Somebody who is not the provider says that a payment is paid."""
        if self._crowded():
            return
        rows = self.world.book_file.rows("SELECT id FROM prompts ORDER BY id")
        if not rows:
            return
        prompt = self.world.prompt(self.chance.choice(rows)["id"])
        desk = self.world.desks[prompt.provider]
        lie = desk.forge(prompt, event_id=self.world.event_id())
        if lie is None:
            return
        headers = desk.headers(lie.body, self.hub.at, forged=True)
        if prompt.provider == "wave" and self.chance.random() < 0.3:
            # The right secret at the wrong time: somebody kept an old message.
            at = int(self.hub.at.timestamp()) - 4_000
            sign = signature(WAVE["webhook_secret"], at, lie.body)
            headers |= {"Wave-Signature": f"t={at},v1={sign}"}
        if prompt.state is State.OPEN:
            self.reached["forged_webhook_for_pending"] += 1
        forged = Delivery(
            0, prompt.provider, prompt.reference, lie.method, lie.url, headers, lie.body, 1, True
        )
        self._bring(forged)

    def _bring(self, delivery: Delivery) -> None:
        self._delivered.append(delivery)
        row = self.house.eye.execute(
            "SELECT status FROM payment WHERE reference = ?", (delivery.reference,)
        ).fetchone()
        if row is not None and row["status"] == "sending" and not delivery.forged:
            self.reached["webhook_overtook_reply"] += 1
        self._knock(delivery, delivery.url, delivery.headers, delivery.body)

    def _knock(self, about: Delivery, url: str, headers: dict[str, str], body: bytes) -> None:
        path = url.removeprefix(self.world.shop_url)
        lies = " (forged)" if about.forged else ""
        self._say(f"{about.provider} knocks about {about.reference}{lies}")
        client = self.house.app.test_client()

        def knock() -> int:
            return client.open(path, method=about.method, data=body, headers=headers).status_code

        self._numbers += 1
        self.hub.spawn(f"webhook#{self._numbers}", "web", knock, timedelta(0))

    def _empty_outbox(self) -> None:
        while self.house.outbox:
            self._bring(self.house.outbox.pop(0))
            self._run_all()
