"""Codes by SMS that prove a number: asked for, limited, checked once.

Whether the number belongs to somebody is never looked at here, so nothing here can tell.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from shop import clock
from shop.accounts.models import SignInCode
from shop.accounts.refusals import TooManyCodes, TooSoon
from shop.accounts.secrets import keyed
from shop.db import is_postgres, retrying, session, transaction
from shop.notices import messages
from shop.notices import service as notices
from shop.notices.models import Kind

LIFE_S: Final = 600
TRIES: Final = 5
#: Seconds to wait before the 2nd code, the 3rd, and every later one.
WAITS_S: Final = (60, 120)
PER_DAY: Final = 5
#: Codes asked for from one network address in an hour: a cybercafe, not a machine.
PER_ASKER: Final = 20


@retrying
def send(phone: str, *, asker: str, language: str) -> None:
    """Put a code in the outbox for this number. Raises `TooSoon` or `TooManyCodes`."""
    asker_hash = keyed("asker", asker)
    with transaction():
        _queue_up(phone, asker_hash)
        _check_limits(phone, asker_hash)
        code = f"{secrets.randbelow(1_000_000):06d}"
        row = SignInCode(
            phone=phone,
            code_hash=keyed("code", phone + code),
            asker_hash=asker_hash,
            created_at=clock.now(),
            expires_at=clock.after(LIFE_S),
        )
        session.add(row)
        session.flush()
        text = messages.sign_in_code(code, language=language)
        notices.put(f"sign-in-code:{row.id}", phone, Kind.SIGN_IN_CODE, text)


def _queue_up(phone: str, asker_hash: str) -> None:
    """Make those who count the same rows wait for one another; SQLite's writers already do."""
    if is_postgres():
        for name in sorted((phone, asker_hash)):
            session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))


def _check_limits(phone: str, asker_hash: str) -> None:
    if _asked(SignInCode.asker_hash == asker_hash, timedelta(hours=1))[0] >= PER_ASKER:
        raise TooManyCodes
    count, latest = _asked(SignInCode.phone == phone, timedelta(days=1))
    if count >= PER_DAY:
        raise TooManyCodes
    if count == 0 or latest is None:
        return
    wait = timedelta(seconds=WAITS_S[min(count, len(WAITS_S)) - 1])
    left = latest + wait - clock.now()
    if left > timedelta(0):
        raise TooSoon(int(left.total_seconds()) + 1)


def _asked(condition: sa.ColumnElement[bool], within: timedelta):  # type: ignore[no-untyped-def]
    query = sa.select(sa.func.count(SignInCode.id), sa.func.max(SignInCode.created_at))
    return session.execute(
        query.where(condition, SignInCode.created_at > clock.now() - within)
    ).one()


@retrying
def check(phone: str, typed: str) -> bool:
    """Say whether this is the number's latest code, still fresh; a good code is used up by it."""
    with transaction():
        code = session.scalar(
            sa.select(SignInCode)
            .where(SignInCode.phone == phone)
            .order_by(SignInCode.id.desc())
            .limit(1)
            .with_for_update()
        )
        if code is None or code.used_at or code.tries >= TRIES or code.expires_at <= clock.now():
            return False
        code.tries += 1
        if not hmac.compare_digest(code.code_hash, keyed("code", phone + typed)):
            return False
        code.used_at = clock.now()
        return True
