"""A small world with a clock moved by hand, reached over `requests` without a socket."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import requests

from shop.sandbox.registry import mount
from shop.sandbox.world import World
from tests.sandbox.clients import HandClock, Moov, Mtn, Orange, Shop, Wave


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def world(hand: HandClock, shop: Shop) -> Iterator[World]:
    made = World(clock=hand, rng=random.Random(7), deliver=shop, shop_url="http://127.0.0.1:5000")
    yield made
    made.close()


@pytest.fixture
def http(world: World) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    mount(session, world)
    return session


@pytest.fixture
def wave(http: requests.Session) -> Wave:
    return Wave(http)


@pytest.fixture
def mtn(http: requests.Session) -> Mtn:
    return Mtn(http)


@pytest.fixture
def orange(http: requests.Session) -> Orange:
    client = Orange(http)
    client.sign_in()
    return client


@pytest.fixture
def moov_client(http: requests.Session) -> Moov:
    return Moov(http)
