"""Every simulated provider, one line each: its port after the base port, and its app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

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


class Origin(NamedTuple):
    """One simulated provider: where it listens, what answers, and what its merchant signs in with."""

    port: int
    """Counted from the sandbox's own port."""
    create_app: Callable[[World], Flask]
    credentials: Mapping[str, str]


PROVIDERS: Final[dict[str, Origin]] = {
    "wave": Origin(1, wave.create_app, credentials.ALL["wave"]),
    "mtn": Origin(2, mtn.create_app, credentials.ALL["mtn"]),
    "orange": Origin(3, orange.create_app, credentials.ALL["orange"]),
    "moov": Origin(4, moov.create_app, credentials.ALL["moov"]),
    "fedapay": Origin(5, fedapay.create_app, credentials.ALL["fedapay"]),
    "cinetpay": Origin(6, cinetpay.create_app, credentials.ALL["cinetpay"]),
    "feexpay": Origin(7, feexpay.create_app, credentials.ALL["feexpay"]),
    "getmipay": Origin(8, getmipay.create_app, credentials.ALL["getmipay"]),
}


def origin(provider: str, port: int = DEFAULT_PORT, host: str = "127.0.0.1") -> str:
    """Tell a simulated provider's bare origin."""
    return f"http://{host}:{port + PROVIDERS[provider].port}"


def create_apps(world: World) -> dict[str, Flask]:
    """Make every provider's app on one world."""
    return {name: one.create_app(world) for name, one in PROVIDERS.items()}


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
            name: {"origin": origin(name, port, host), "credentials": one.credentials}
            for name, one in PROVIDERS.items()
        },
    }
