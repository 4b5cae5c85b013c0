"""Opens and closes alerts: one per episode, told once to staff through the outbox, and in the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import sqlalchemy as sa

from shop import clock
from shop.accounts import service as accounts
from shop.alerts import wording
from shop.alerts.models import Alert, AlertKind
from shop.alerts.readings import all_readings
from shop.alerts.rules import Reading
from shop.db import end_read, insert, retrying, session, transaction
from shop.notices import service as notices
from shop.notices.models import Kind as NoticeKind
from shop.notices.service import Message
from shop.switches import service as switches
from shop.switches.models import Kind

logger = logging.getLogger(__name__)


def look() -> int:
    """Read how providers do, and open or close episodes; give how many changed. Anyone may call it."""
    readings = all_readings()
    end_read()
    return _follow(readings)


@retrying
def _follow(readings: Sequence[Reading]) -> int:
    with transaction():
        open_now = {(alert.kind, alert.subject): alert for alert in _open_alerts()}
        changed = 0
        for reading in readings:
            alert = open_now.pop((reading.kind, reading.subject), None)
            if alert is None:
                changed += reading.wrong and _open(reading)
            elif reading.right:
                changed += _close(alert)
        # Nothing was said of these: a breaker long closed, nothing stuck, a provider unloaded.
        return changed + sum(_close(alert) for alert in open_now.values())


def _open_alerts() -> Sequence[Alert]:
    return session.scalars(sa.select(Alert).where(Alert.closed_at.is_(None))).all()


def open_alerts() -> Sequence[Alert]:
    """List the episodes that go on, oldest first: for staff."""
    return sorted(_open_alerts(), key=lambda alert: alert.id)


def _open(reading: Reading) -> bool:
    staff = accounts.to_alert()
    row = {
        "kind": reading.kind, "subject": reading.subject, "opened_at": clock.now(),
        "closed_at": None, "facts": dict(reading.facts), "told": len(staff),
    }  # fmt: skip
    once = insert(Alert).on_conflict_do_nothing(
        index_elements=["kind", "subject"], index_where=sa.text("closed_at IS NULL")
    )
    alert_id = session.scalar(once.values(row).returning(Alert.id))
    if alert_id is None:
        return False  # another clock was quicker
    said = (alert_id, reading.kind, reading.subject, dict(reading.facts))
    logger.error("alert %d opens: %s of %s, %s", *said)
    if reading.kind is AlertKind.SILENCE:
        reason = "webhooks do not come: asked more often"
        switches.put(reading.subject, Kind.SILENT, by_whom="detector", reason=reason)
    notices.put_all(
        [
            Message(
                f"alert:{alert_id}:{person.id}",
                person.phone,
                NoticeKind.STAFF_ALERT,
                wording.sentence(reading, language=person.language),
            )
            for person in staff
        ]
    )
    return True


def _close(alert: Alert) -> bool:
    alert.closed_at = clock.now()
    logger.info("alert %d is over: %s of %s", alert.id, alert.kind, alert.subject)
    if alert.kind == AlertKind.SILENCE:
        switches.end(alert.subject, Kind.SILENT)
    return True
