"""Settings by prefix, one line per provider, and no provider's name anywhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import shop.providers
from shop.errors import ConfigurationError
from shop.providers import PROVIDERS, build_providers
from tests.providers.fakes import SETTINGS

ROOM = Path(shop.providers.__file__).parent


def environment(*names: str) -> dict[str, str]:
    return {
        f"{name}_{key}".upper(): value for name in names for key, value in SETTINGS[name].items()
    }


def test_providers_are_built_from_settings_by_prefix():
    built = build_providers({**environment(*PROVIDERS), "DATABASE_URL": "x"})

    assert list(built) == list(PROVIDERS)
    assert all(type(built[name]) is PROVIDERS[name] for name in built)


def test_by_default_only_the_configured_ones_are_built():
    assert list(build_providers(environment("moov", "wave"))) == ["wave", "moov"]
    assert build_providers({}) == {}


def test_a_named_provider_must_be_complete():
    with pytest.raises(ConfigurationError, match="WAVE_BASE_URL is missing"):
        build_providers({}, names=["wave"])
    with pytest.raises(ConfigurationError, match="no provider called 'paypal'"):
        build_providers({}, names=["paypal"])


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_missing_setting_is_named(name):
    for key in SETTINGS[name]:
        settings = environment(name)
        del settings[f"{name}_{key}".upper()]

        with pytest.raises(ConfigurationError, match=f"{name}_{key}".upper()):
            build_providers(settings, names=[name])


@pytest.mark.parametrize("value", ["your_api_key_here", "changeme", "<key>", "CHANGE_ME"])
def test_a_placeholder_is_not_a_key(value):
    with pytest.raises(ConfigurationError, match="WAVE_API_KEY still holds a placeholder"):
        build_providers({**environment("wave"), "WAVE_API_KEY": value})


@pytest.mark.parametrize("value", ["", "  "])
def test_a_blank_is_not_a_key(value):
    with pytest.raises(ConfigurationError, match="WAVE_API_KEY is missing"):
        build_providers({**environment("wave"), "WAVE_API_KEY": value})


def test_blanks_alone_mean_no_such_provider():
    blank = dict.fromkeys(environment("wave"), "")

    assert list(build_providers({**blank, **environment("moov")})) == ["moov"]


def test_a_misspelt_setting_is_named():
    with pytest.raises(ConfigurationError, match="MTN_APIKEY is not a setting of mtn"):
        build_providers({**environment("mtn"), "MTN_APIKEY": "x"})


def test_optional_settings_may_be_empty():
    build_providers({**environment("wave"), "WAVE_SIGNING_SECRET": ""})


@pytest.mark.parametrize("url", ["http://api.wave.com", "api.wave.com", "ftp://x", "https://"])
def test_money_never_travels_without_tls(url):
    with pytest.raises(ConfigurationError, match="WAVE_BASE_URL"):
        build_providers({**environment("wave"), "WAVE_BASE_URL": url})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9101", "http://localhost:9101", "http://sandbox:1"]
)
def test_a_simulator_nearby_needs_no_certificate(url):
    build_providers({**environment("wave"), "WAVE_BASE_URL": url})


def test_every_provider_declares_what_it_is():
    ports = [provider.sandbox_port for provider in PROVIDERS.values()]
    assert len(set(ports)) == len(ports)
    for name, provider in PROVIDERS.items():
        assert provider.name == name
        assert provider.label
        assert provider.docs_url.startswith("https://")
        assert provider.countries
        assert provider.timing.lease_s > provider.timing.total_s


def test_what_is_not_declared_is_not_defined():
    for provider in PROVIDERS.values():
        assert provider.can.pay_out == ("pay_out" in vars(provider))
        assert provider.can.pay_out == ("payout_status" in vars(provider))
        assert provider.can.refund == ("refund" in vars(provider))
        assert provider.can.balance == ("balance" in vars(provider))
        assert provider.can.lists == ("listed" in vars(provider))


def test_shared_files_of_the_room_name_no_provider():
    shared = [
        path
        for path in ROOM.glob("*.py")
        if path.stem.partition("_")[0] not in PROVIDERS
        and path.name not in ("__init__.py", "methods.py")
    ]
    assert len(shared) >= 5
    for path in shared:
        text = path.read_text()
        for name in PROVIDERS:
            assert f'"{name}"' not in text, path.name
            assert f"providers.{name} " not in text, path.name


def test_the_room_is_usable_alone():
    """A fresh interpreter builds every provider and walks FedaPay's objects without a web or a database."""
    program = (
        "import sys, json, shop.providers, shop.providers.methods;"
        "from shop.providers import build_providers, against_sandbox;"
        "built = build_providers(against_sandbox({}, 9100));"
        "assert len(built) == len(shop.providers.PROVIDERS);"
        "assert callable(built['fedapay'].api.events.each);"
        "web = ('flask', 'werkzeug', 'sqlalchemy', 'redis', 'rq', 'blinker', 'jinja2');"
        "print([m for m in web if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
