"""Keyed hashes: what is kept in the database opens nothing without the site's own key."""

from __future__ import annotations

import hashlib
import hmac

from flask import current_app


def keyed(purpose: str, text: str) -> str:
    """Hash a text for one purpose with the site's key."""
    key: str = current_app.config["SETTINGS"].secret_key
    return hmac.new(key.encode(), f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


def hashed_token(token: str) -> str:
    """Hash a token that is random enough to need no key."""
    return hashlib.sha256(token.encode()).hexdigest()
