"""Mobile-money providers: HTTP only, usable alone. Adding one: a file, and a line below."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from shop.errors import ConfigurationError
from shop.providers.base import Provider
from shop.providers.cinetpay import CinetPay
from shop.providers.fedapay import FedaPay
from shop.providers.feexpay import FeexPay
from shop.providers.getmipay import GetMiPay
from shop.providers.moov import Moov
from shop.providers.mtn import Mtn
from shop.providers.orange import Orange
from shop.providers.wave import Wave

PROVIDERS: dict[str, type[Provider]] = {
    "wave": Wave,
    "mtn": Mtn,
    "orange": Orange,
    "moov": Moov,
    "fedapay": FedaPay,
    "cinetpay": CinetPay,
    "feexpay": FeexPay,
    "getmipay": GetMiPay,
}

_PLACEHOLDER = re.compile(r"(?i)your[_ -].*|change[_ -]?me|.*_here|<.*>|x{3,}|placeholder|secret")


def build_providers(
    settings: Mapping[str, str],
    *,
    names: Iterable[str] | None = None,
    session: requests.Session | None = None,
) -> dict[str, Provider]:
    """Make the named providers from settings such as WAVE_API_KEY; by default, those that have any.

    Raises `ConfigurationError`, naming the variable, when one is missing, unknown or a placeholder.
    """
    if names is None:
        # A copied example file leaves blanks for the providers one has no contract with.
        names = [name for name in PROVIDERS if any(_given(name, settings).values())]
    providers = {}
    for name in names:
        if name not in PROVIDERS:
            raise ConfigurationError(f"there is no provider called {name!r}")
        keywords = _keywords(name, settings)
        factory: Any = PROVIDERS[name]  # each has its own keywords, checked just above
        providers[name] = factory(**keywords, session=session)
    return providers


def against_sandbox(settings: Mapping[str, str], port: int) -> dict[str, str]:
    """Complete settings with the simulated providers' addresses and credentials; what is set wins."""
    demo = {
        f"{name}_{key}".upper(): value
        for name, provider in PROVIDERS.items()
        for key, value in {
            "base_url": f"http://127.0.0.1:{port + provider.sandbox_port}",
            **provider.sandbox_settings,
        }.items()
    }
    return {**demo, **settings}


def _given(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Pick this provider's settings: WAVE_API_KEY becomes api_key."""
    prefix = f"{name.upper()}_"
    return {
        key.removeprefix(prefix).lower(): value.strip()
        for key, value in settings.items()
        if key.startswith(prefix)
    }


def _keywords(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    parameters = dict(inspect.signature(PROVIDERS[name]).parameters)
    del parameters["session"]
    given = _given(name, settings)
    for keyword in given.keys() - parameters.keys():
        raise ConfigurationError(f"{_variable(name, keyword)} is not a setting of {name}")
    for keyword, parameter in parameters.items():
        optional = parameter.default is not inspect.Parameter.empty
        if optional and not given.get(keyword):
            given.pop(keyword, None)
            continue
        if not given.get(keyword):
            raise ConfigurationError(f"{_variable(name, keyword)} is missing")
        if _PLACEHOLDER.fullmatch(given[keyword]):
            raise ConfigurationError(f"{_variable(name, keyword)} still holds a placeholder")
    for keyword in given:
        if keyword.endswith("_url"):
            _require_tls(_variable(name, keyword), given[keyword])
    return given


def _require_tls(variable: str, url: str) -> None:
    """Accept https; plain http only for a simulator on this machine or its private network."""
    address = urlsplit(url)
    host = address.hostname or ""
    nearby = "." not in host or host == "127.0.0.1"
    if not host or address.scheme not in (("https", "http") if nearby else ("https",)):
        raise ConfigurationError(f"{variable} must be an https:// address")


def _variable(name: str, keyword: str) -> str:
    return f"{name}_{keyword}".upper()
