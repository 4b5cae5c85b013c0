"""Every simulated provider, one line each: its port after the base port, and its app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import requests
from flask import Flask

from shop.sandbox import (
    cinetpay,
    credentials,
    fedapay,
    feexpay,
    getmipay,
    moov,
    mtn,
    orange,
    wave,
)
from shop.sandbox.adapter import WSGIAdapter
from shop.sandbox.world import World

DEFAULT_PORT: Final = 9100

PROVIDERS: Final[dict[str, tuple[int, Callable[[World], Flask]]]] = {
    "wave": (1, wave.create_app),
    "mtn": (2, mtn.create_app),
    "orange": (3, orange.create_app),
    "moov": (4, moov.create_app),
    "fedapay": (5, fedapay.create_app),
    "cinetpay": (6, cinetpay.create_app),
    "feexpay": (7, feexpay.create_app),
    "getmipay": (8, getmipay.create_app),
}


def origin(provider: str, port: int = DEFAULT_PORT, host: str = "127.0.0.1") -> str:
    """Tell a simulated provider's bare origin."""
    return f"http://{host}:{port + PROVIDERS[provider][0]}"


def create_apps(world: World) -> dict[str, Flask]:
    """Make every provider's app on one world."""
    return {name: create_app(world) for name, (_offset, create_app) in PROVIDERS.items()}


def mount(session: requests.Session, world: World, port: int = DEFAULT_PORT) -> dict[str, Flask]:
    """Let a session reach every provider in this process, at the server's addresses."""
    apps = create_apps(world)
    for name, app in apps.items():
        session.mount(origin(name, port), WSGIAdapter(app))
    return apps


def info(port: int = DEFAULT_PORT, host: str = "127.0.0.1") -> dict[str, object]:
    """Tell addresses and credentials of everything simulated."""
    return {
        "phones": f"http://{host}:{port}/",
        "sms": f"http://{host}:{port}/sms/messages",
        "providers": {
            name: {"origin": origin(name, port, host), "credentials": credentials.ALL[name]}
            for name in PROVIDERS
        },
    }
