"""What goes wrong between a telephone, an operator and us; nobody loses or pays a franc for it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live import Live, Sim, new_sim, wait_until
from tests.shopping import (
    TWO_SELLERS_TOTAL,
    answer_on_phone,
    approve,
    buy,
    fill_cart,
    fill_pay_form,
    hosted_page,
    messages,
    order,
    pay,
    wait_for,
)
from tests.visitor import Visitor


def state_of_order(visitor: Visitor, placed: str) -> str:
    page = visitor.open(f"/order/{placed}/")
    return page.root.one(data_test="order-state")["data-state"]


def test_refused_on_the_phone_then_paid_with_another_operator(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    placed = order(live, visitor, sim)
    first = pay(live, visitor, sim, "mtn")
    answer_on_phone(live, sim, "mtn", first, "refuse")
    page = wait_for(live, visitor, first, "failed")
    assert page.root.one(data_test="pay-status")["data-reason"] == "declined"
    assert "Rien n’a été débité" in page.root.one(data_test="pay-reason").text

    visitor.open(page.link(data_test="again"))
    second = pay(live, visitor, sim, "wave")
    approve(live, visitor, sim, "wave", second)
    wait_for(live, visitor, second, "succeeded")

    assert live.moved(first) == []
    assert len(live.moved(second)) == 1
    assert state_of_order(visitor, placed) == "paid"


def test_a_purse_too_small_says_how_much_is_needed(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    poor = Sim("CI", "+2250505200200", "0505200200")
    attempt = pay(live, visitor, poor, "mtn")

    answer_on_phone(live, poor, "mtn", attempt, "accept")
    page = wait_for(live, visitor, attempt, "failed")

    assert page.root.one(data_test="pay-status")["data-reason"] == "insufficient_funds"
    assert "46 500" in page.root.one(data_test="pay-reason").text.replace("\u00a0", " ")


def test_ignored_then_paid_again_then_the_first_succeeds_late(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    placed = order(live, visitor, sim)
    first = pay(live, visitor, sim, "mtn")
    live.prompt(first, "mtn")
    live.world.faults.add("mtn", "late_success", reference=first, seconds=1200)
    live.world.accept(live.prompt(first, "mtn").id)
    live.time.skip(minutes=16)
    page = wait_for(live, visitor, first, "expired")
    assert "À notre connaissance rien n’a été débité" in page.text

    page = visitor.submit(page.form("/cancel/"))
    second = pay(live, visitor, sim, "wave")
    approve(live, visitor, sim, "wave", second)
    wait_for(live, visitor, second, "succeeded")
    live.time.skip(hours=2)
    wait_until(lambda: live.receipts(first), "the late money")

    page = visitor.open(f"/payment/{first}/status/")
    kept = page.root.one(data_test="money-kept")
    assert kept["data-note"] == "double"
    assert "portefeuille" in kept.text
    assert [r[1] for r in live.receipts(first)] == ["wallet"]
    assert [r[1] for r in live.receipts(second)] == ["applied"]
    assert state_of_order(visitor, placed) == "paid"


def test_two_taps_at_once_are_one_payment(live: Live) -> None:
    sim, visitor = new_sim("wave"), live.visitor()
    placed = order(live, visitor, sim)
    asked = fill_pay_form(live, visitor, sim, "wave")
    tabs = [visitor, visitor.copy(), visitor.copy(), visitor.copy()]

    with ThreadPoolExecutor(4) as pool:
        pages = list(
            pool.map(lambda tab: tab.submit(tab.page.form(test="pay-form"), **asked), tabs)
        )

    assert len({page.path for page in pages}) == 1
    assert pages[0].path.startswith("/payment/")
    assert live.payments_of(placed) == 1


def test_a_second_tab_shows_the_attempt_that_is_under_way(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    placed = order(live, visitor, sim)
    second_tab = visitor.copy()
    second_tab.open(f"/order/{placed}/payment/")
    attempt = pay(live, visitor, sim, "mtn")

    assert pay(live, second_tab, sim, "wave") == attempt
    assert live.payments_of(placed) == 1


def test_two_taps_on_the_checkout_are_one_order(live: Live) -> None:
    sim, visitor = new_sim("wave"), live.visitor()
    fill_cart(live, visitor)
    visitor.open("/checkout/")
    asked = {
        "name": "Aïcha Koné", "phone": sim.local, "quarter": "Cocody",
        "landmark": "en face de la pharmacie",
    }  # fmt: skip
    tabs = [visitor, visitor.copy()]

    with ThreadPoolExecutor(2) as pool:
        pages = list(
            pool.map(lambda tab: tab.submit(tab.page.form(test="checkout-form"), **asked), tabs)
        )

    assert pages[0].path == pages[1].path
    assert pages[0].path.startswith("/order/")


def test_a_closed_tab_is_paid_all_the_same(live: Live) -> None:
    sim, visitor = new_sim("moov"), live.visitor()
    placed = order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "moov")

    answer_on_phone(live, sim, "moov", attempt, "accept")
    for _ in range(12):  # nobody looks; Moov sends no webhook: the clock asks by itself
        live.time.skip(seconds=5)
    wait_until(lambda: live.payment(attempt)["status"] == "succeeded", "the clock to ask")

    assert state_of_order(visitor, placed) == "paid"
    wait_until(lambda: messages(live, sim), "the SMS")
    assert len(messages(live, sim)) == 1


def test_the_webhook_comes_before_our_answer(live: Live) -> None:
    sim, visitor = new_sim("wave"), live.visitor()
    order(live, visitor, sim)
    live.world.faults.add("wave", "slow_drip", calls=1, seconds=4.0, on="create")
    attempt = pay(live, visitor, sim, "wave")

    live.prompt(attempt, "wave")
    live.world.pay("wave", attempt, sim.e164)
    wait_until(lambda: _webhooks(live, attempt), "the webhook")
    assert live.payment(attempt)["status"] == "sending"
    wait_for(live, visitor, attempt, "succeeded")

    assert [r[1:] for r in live.receipts(attempt)] == [("applied", "exact")]


def test_an_answer_that_is_lost_is_not_a_failure(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    live.world.faults.add("mtn", "lost_answer", calls=1, on="create")

    attempt = pay(live, visitor, sim, "mtn")
    wait_until(lambda: live.payment(attempt)["status"] == "unknown", "silence")
    page = visitor.open(f"/payment/{attempt}/status/")
    assert "Ne payez pas une deuxième fois" in page.text
    assert "Rien n’a été débité" not in page.text
    live.world.accept(live.prompt(attempt, "mtn").id)
    wait_for(live, visitor, attempt, "succeeded")

    assert len(live.moved(attempt)) == 1


def test_the_webhook_three_times_is_one_payment(live: Live) -> None:
    sim, visitor = new_sim("wave"), live.visitor()
    order(live, visitor, sim)
    live.world.faults.add("wave", "duplicate_webhooks")
    attempt = pay(live, visitor, sim, "wave")
    approve(live, visitor, sim, "wave", attempt)

    for _ in range(4):
        live.time.skip(seconds=3)
        wait_for(live, visitor, attempt, "succeeded")
    wait_until(lambda: len(_webhooks(live, attempt)) >= 3, "three webhooks")
    live.settled()

    assert len(live.receipts(attempt)) == 1
    wait_until(lambda: messages(live, sim), "the SMS")
    assert len(messages(live, sim)) == 1


def _webhooks(live: Live, attempt: str) -> list[int]:
    return [
        letter.last_status
        for letter in live.world.letters()
        if letter.reference == attempt and letter.last_status
    ]


@pytest.mark.parametrize(("operator", "answer"), [("mtn", 200), ("orange", 200), ("wave", 401)])
def test_a_forged_webhook_moves_no_franc(live: Live, operator: str, answer: int) -> None:
    sim, visitor = new_sim(operator), live.visitor()
    placed = order(live, visitor, sim)
    live.world.faults.add(operator, "forged_webhook", seconds=0)
    attempt = pay(live, visitor, sim, operator)
    live.prompt(attempt, operator)
    wait_until(lambda: _webhooks(live, attempt), "the forgery")
    for _ in range(3):
        live.time.skip(seconds=6)
        visitor.open(f"/payment/{attempt}/status/")

    assert _webhooks(live, attempt)[0] == answer
    assert live.receipts(attempt) == []
    assert live.moved(attempt) == []
    assert visitor.page.root.one(data_test="pay-status")["data-state"] == "pending"
    assert state_of_order(visitor, placed) == "awaiting_payment"


def test_i_have_paid_with_the_operators_reference(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    live.world.faults.add("mtn", "no_webhook")
    attempt = pay(live, visitor, sim, "mtn")
    answer_on_phone(live, sim, "mtn", attempt, "accept")
    page = visitor.open(f"/payment/{attempt}/status/")
    page = visitor.submit(page.form("/reference/"), typed="ab")
    assert page.status == 422
    assert page.title.startswith("Erreur :")

    visitor.submit(page.form("/reference/"), typed="MP261121.1408.A12345")
    wait_for(live, visitor, attempt, "succeeded")

    assert live.payment(attempt)["payer_claim"] == "MP261121.1408.A12345"


def test_a_reference_that_is_typed_proves_nothing(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "mtn")
    live.prompt(attempt, "mtn")

    page = visitor.open(f"/payment/{attempt}/status/")
    page = visitor.submit(page.form("/reference/"), typed="999999999")

    assert page.root.one(data_test="pay-status")["data-state"] == "pending"
    assert live.receipts(attempt) == []


def test_changing_the_method_keeps_what_the_first_still_brings(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    first = pay(live, visitor, sim, "mtn")
    live.prompt(first, "mtn")
    page = visitor.open(f"/payment/{first}/status/")

    visitor.submit(page.form("/cancel/"))
    second = pay(live, visitor, sim, "wave")
    approve(live, visitor, sim, "wave", second)
    wait_for(live, visitor, second, "succeeded")
    answer_on_phone(live, sim, "mtn", first, "accept")
    live.time.skip(minutes=10)
    wait_until(lambda: live.receipts(first), "the other money")

    assert [r[1:] for r in live.receipts(first)] == [("wallet", "double")]
    page = visitor.open(f"/payment/{first}/status/")
    assert page.root.one(data_test="money-kept")["data-note"] == "double"


def test_an_operator_that_is_down_says_so_and_the_order_stays(live: Live) -> None:
    sim, visitor = new_sim("orange"), live.visitor()
    placed = order(live, visitor, sim)
    live.world.faults.add("orange", "http_500", on="token")
    live.world.faults.add("orange", "http_500")
    attempt = pay(live, visitor, sim, "orange")
    page = wait_for(live, visitor, attempt, "failed")

    assert page.root.one(data_test="pay-status")["data-reason"] == "operator_down"
    assert "votre commande est gardée" in page.root.one(data_test="pay-reason").text
    visitor.open(page.link(data_test="again"))
    second = pay(live, visitor, sim, "wave")
    approve(live, visitor, sim, "wave", second)
    wait_for(live, visitor, second, "succeeded")
    assert state_of_order(visitor, placed) == "paid"


def test_a_silent_operator_delays_no_page(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    live.world.faults.add("mtn", "silence", calls=1, seconds=3)

    attempt = pay(live, visitor, sim, "mtn")

    assert visitor.page.answer.elapsed.total_seconds() < 2.5
    assert live.payment(attempt)["status"] in ("created", "sending")
    wait_until(lambda: live.payment(attempt)["status"] in ("pending", "unknown"), "the silence", 20)


def test_money_short_of_the_price_is_in_the_wallet(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    placed = order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "mtn")
    live.world.faults.add("mtn", "wrong_amount", reference=attempt, amount=40_000)
    answer_on_phone(live, sim, "mtn", attempt, "accept")

    page = wait_for(live, visitor, attempt, "failed")

    assert page.root.one(data_test="money-kept")["data-note"] == "short"
    assert live.receipts(attempt) == [(40_000, "wallet", "short")]
    assert state_of_order(visitor, placed) == "awaiting_payment"


def test_cancelling_on_the_operators_page_leads_back_to_ours(live: Live) -> None:
    sim, visitor = new_sim("orange"), live.visitor()
    order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "orange")
    page = visitor.open(hosted_page(visitor, attempt))

    page = visitor.submit(page.root.one("form"), choice="cancel")

    assert page.url.startswith(f"{live.origin}/payment/{attempt}/status/")
    assert page.root.one(data_test="pay-status")["data-state"] == "pending"


def test_paying_twice_from_the_receipt_is_not_offered(live: Live) -> None:
    sim, visitor = new_sim("wave"), live.visitor()
    placed, attempt = buy(live, visitor, sim, "wave")

    page = visitor.open(f"/order/{placed}/payment/")

    assert page.path == f"/order/{placed}/"
    assert live.receipts(attempt)[0][0] >= TWO_SELLERS_TOTAL
