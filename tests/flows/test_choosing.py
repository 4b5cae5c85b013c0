"""The shop keeps selling while a provider is away: through another, and at its usual pace."""

from __future__ import annotations

import statistics
import sys
import time

import pytest

from shop.providers import PROVIDERS
from tests.flows.test_accidents import state_of_order
from tests.live import PREFIXES, Live, new_sim, wait_until
from tests.shopping import answer_on_phone, approve, order, pay, wait_for
from tests.visitor import Page, Visitor


@pytest.fixture
def all_providers(live: Live):
    """Let the shop choose among all it has, and give the other tests their own way back."""
    live.collect_only(*PROVIDERS)
    yield
    live.collect_only(*PREFIXES)


def offered(page: Page, operator: str) -> str:
    """Read through which method the page offers an operator."""
    return page.form(test="pay-form").one(data_operator=operator)["value"]


@pytest.mark.parametrize("other", ["feexpay", "fedapay"])
def test_an_operator_is_sold_through_another_while_its_own_provider_is_stopped(
    live: Live, all_providers: None, other: str
) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    placed = order(live, visitor, sim)
    assert offered(visitor.page, "mtn") == "mtn-ci"
    live.collect_only("wave", "orange", other)

    visitor.open(f"/order/{placed}/payment/")
    method = offered(visitor.page, "mtn")
    page = visitor.submit(visitor.page.form(test="pay-form"), phone=sim.local, method=method)

    attempt = page.path.split("/")[2]
    assert method == f"{other}-mtn-ci"
    answer_on_phone(live, sim, other, attempt, "accept")
    wait_for(live, visitor, attempt, "succeeded")
    assert state_of_order(visitor, placed) == "paid"


def test_a_form_whose_provider_was_stopped_meanwhile_comes_back_with_another(
    live: Live, all_providers: None
) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    form = visitor.page.form(test="pay-form")
    live.collect_only("feexpay", "wave", "orange")

    page = visitor.submit(form, phone=sim.local, method="mtn-ci")

    assert page.status == 422
    assert "Le chemin vers MTN MoMo vient de changer" in page.text
    assert page.form(test="pay-form").one(name="phone")["value"] == sim.local
    chosen = page.form(test="pay-form").one(value="feexpay-mtn-ci")
    assert "checked" in chosen.attributes


def paid_in_s(live: Live) -> float:
    """Pay by Wave, and say how long it took from the tap on the telephone to the books."""
    sim, visitor = new_sim("wave"), live.visitor()
    order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "wave")
    approve(live, visitor, sim, "wave", attempt)
    begun = time.perf_counter()
    wait_until(lambda: live.payment(attempt)["status"] == "succeeded", "the money", 20)
    return time.perf_counter() - begun


def opened_in_s(visitor: Visitor, path: str) -> float:
    begun = time.perf_counter()
    assert visitor.open(path).status == 200
    return time.perf_counter() - begun


def test_a_provider_that_hangs_for_30_s_slows_no_page_and_no_other_provider(live: Live) -> None:
    """Measured beside the same work on a calm day, so that a slow machine does not decide."""
    reader = live.visitor()
    calm = statistics.median(paid_in_s(live) for _ in range(3))
    calm_page = statistics.median(opened_in_s(reader, "/") for _ in range(5))
    live.world.faults.add("mtn", "silence", seconds=30)
    for _ in range(4):
        sim, visitor = new_sim("mtn"), live.visitor()
        order(live, visitor, sim)
        hung = pay(live, visitor, sim, "mtn")
    wait_until(lambda: live.payment(hung)["status"] == "sending", "MTN to hang")

    busy = statistics.median(paid_in_s(live) for _ in range(3))
    busy_page = statistics.median(opened_in_s(reader, "/") for _ in range(5))

    sys.stderr.write(f"paid in {calm:.2f} s, and in {busy:.2f} s beside one that hangs\n")
    assert busy < calm + 1.0
    assert busy_page < calm_page * 3 + 0.2
    live.forgive()
