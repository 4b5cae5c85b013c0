"""The demonstration's orders are really paid at the sandbox, and stand at every kind of stage."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import requests

from shop.cli import demo_life, demo_orders
from shop.db import session
from shop.orders.link_models import PayLink
from shop.orders.models import SellerOrder
from shop.orders.states import TABS
from shop.reputation.models import Review
from shop.stores.member_models import StoreMember
from shop.stores.models import Product
from tests.street import Street


class Phones:
    """The sandbox's JSON doors, answered by the street's own sandbox."""

    def __init__(self, street: Street) -> None:
        self.street = street

    def get(self, url: str, *, params: dict[str, str], timeout: float):
        found = self.street.world.search(params["provider"], params["reference"])
        return _Answer({"prompts": [{"id": prompt.id} for prompt in found]})

    def post(self, url: str, *, json: dict[str, str], timeout: float):
        prompt_id = int(url.split("/")[-2])
        self.street.world.present(prompt_id, json["phone"])
        assert self.street.world.accept(prompt_id)
        return _Answer({})


class _Answer:
    def __init__(self, said: dict[str, object]) -> None:
        self.said = said

    def json(self) -> dict[str, object]:
        return self.said

    def raise_for_status(self) -> None:
        """Nothing went wrong."""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_demonstration_has_orders_under_every_tab_and_whole_books(street: Street, monkeypatch):
    phones = Phones(street)
    clock = SimpleNamespace(sleep=lambda _seconds: street.time.pass_(seconds=5))
    monkeypatch.setattr(demo_orders, "time", clock)
    monkeypatch.setattr(requests, "get", phones.get)
    monkeypatch.setattr(requests, "post", phones.post)
    street.app.test_cli_runner().invoke(args=["demo", "seed"])

    first, second = demo_orders.seed(), demo_orders.seed()

    session.rollback()
    stages = {part.stage for part in session.query(SellerOrder)}
    assert (first, second) == (len(demo_orders.SALES), 0)
    assert all(stages & set(tab) for tab in TABS.values())
    for _twice in range(2):
        demo_life.seed()
    session.rollback()
    assert session.query(Review).count() == len(demo_life.REVIEWS)
    assert session.query(PayLink).count() == session.query(StoreMember).count() == 1
    assert {p.status for p in session.query(Product)} >= {"active", "pending", "refused"}
    assert street.findings() == []
