"""Settings, read once from the environment: each says its name, its default and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shop.errors import ConfigurationError

#: Never a real secret: refused as soon as the site leaves this machine.
DEVELOPMENT_KEY = "development-only"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decides. Build it with `from_environment`; everything is checked there."""

    live: bool
    """True when real providers are called (PROVIDERS_MODE=live)."""
    secret_key: str
    data_dir: Path
    database_url: str
    redis_url: str | None
    public_url: str
    """Where browsers and providers reach us; callback addresses are built from this only."""
    sandbox_port: int
    providers: tuple[str, ...]
    """Names of the providers to load; empty means all."""
    environment: Mapping[str, str] = field(repr=False)
    """Everything that was set: each provider reads what carries its own prefix."""
    sms_url: str | None = None
    """Where login codes and notices are sent; the sandbox's phones in development."""
    site_name: str = "Cauri"
    proxy_hops: int = 0
    """How many reverse proxies of ours stand before the web server; their word on the client is taken."""
    commission_bp: int = 500
    """Our part of a seller's sale, in basis points; frozen on each order line."""
    approve_first: int = 3
    """How many first products of a new shop wait for staff; 0 lets everything be for sale at once."""
    explore_percent: int = 5
    """Of a hundred pay forms, how many offer another provider than the best, so that each stays known."""
    alert_percent: int = 95
    """Staff are told when fewer of a method's attempts succeed."""

    @property
    def https(self) -> bool:
        """Say whether browsers reach us over TLS: cookies are then Secure."""
        return self.public_url.startswith("https://")

    @property
    def sqlite(self) -> bool:
        """Say whether the embedded database is used."""
        return self.database_url.startswith("sqlite")


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check every setting.

    Raises `ConfigurationError` with one sentence naming the variable to mend.
    """
    env = os.environ if environ is None else environ
    live = _choice(env, "PROVIDERS_MODE", ("sandbox", "live")) == "live"
    data_dir = Path(env.get("DATA_DIR") or "data").resolve()
    host, port = env.get("HOST") or "127.0.0.1", _port(env, "PORT", 5000)
    settings = Settings(
        live=live,
        secret_key=env.get("SECRET_KEY") or _kept_key(data_dir) or DEVELOPMENT_KEY,
        data_dir=data_dir,
        database_url=_database_url(env, data_dir),
        redis_url=env.get("REDIS_URL") or None,
        public_url=(env.get("PUBLIC_URL") or f"http://{host}:{port}").rstrip("/"),
        sandbox_port=_port(env, "SANDBOX_PORT", 9100),
        providers=tuple(p.strip() for p in env.get("PROVIDERS", "").split(",") if p.strip()),
        environment=dict(env),
        sms_url=env.get("SMS_URL") or _sandbox_sms(env, live=live),
        site_name=env.get("SITE_NAME") or "Cauri",
        proxy_hops=_whole(env, "PROXY_HOPS", 0, 0, 5),
        commission_bp=_whole(env, "COMMISSION_BP", 500, 0, 5_000),
        approve_first=_whole(env, "APPROVE_FIRST", 3, 0, 50),
        explore_percent=_whole(env, "EXPLORE_PERCENT", 5, 0, 50),
        alert_percent=_whole(env, "ALERT_PERCENT", 95, 1, 97),
    )
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    if not settings.public_url.startswith(("http://", "https://")):
        raise ConfigurationError("PUBLIC_URL must begin with http:// or https://.")
    if not settings.live:
        return
    if settings.sqlite:
        raise ConfigurationError(
            "PROVIDERS_MODE=live needs PostgreSQL: set DATABASE_URL to a postgresql:// address (SQLite is"
            " for trying the shop, not for real money)."
        )
    if settings.secret_key == DEVELOPMENT_KEY or len(settings.secret_key) < 32:
        raise ConfigurationError(
            "PROVIDERS_MODE=live needs SECRET_KEY: at least 32 random characters."
        )
    if not settings.https:
        raise ConfigurationError("PROVIDERS_MODE=live needs PUBLIC_URL to begin with https://.")


def _kept_key(data_dir: Path) -> str:
    """Read the key that `./run` made here: a command typed beside it then sees the same secrets."""
    kept = data_dir / "secret-key"
    return kept.read_text().strip() if kept.is_file() else ""


def _database_url(env: Mapping[str, str], data_dir: Path) -> str:
    url = env.get("DATABASE_URL") or f"sqlite:///{data_dir / 'cauri.db'}"
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    if not url.startswith(("sqlite:", "postgresql+psycopg:")):
        raise ConfigurationError("DATABASE_URL must be a sqlite:/// or postgresql:// address.")
    return url


def _sandbox_sms(env: Mapping[str, str], *, live: bool) -> str | None:
    return None if live else f"http://127.0.0.1:{_port(env, 'SANDBOX_PORT', 9100)}/sms/messages"


def _choice(env: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    value = env.get(name) or words[0]
    if value not in words:
        raise ConfigurationError(f"{name} must be one of {', '.join(words)}, not {value!r}.")
    return value


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ConfigurationError(
            f"{name} must be a whole number from {low} to {high}, not {text!r}."
        )
    return int(text)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    return _whole(env, name, default, 1, 65_535)
