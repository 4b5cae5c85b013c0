"""When something is wrong enough to tell, and when it is well again: pure, with room between the two.

A reading says `wrong` to open an episode, `right` to close one, neither to leave things as they are:
between the two thresholds nothing flutters, and a small sample opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shop.alerts.models import AlertKind

#: Attempts, or announced payments, below which a share means nothing.
LEAST: Final = 20
#: Points above the threshold at which a method counts as well again.
MARGIN: Final = 2
#: Of a hundred verified payments, how many must have been announced by a webhook.
ANNOUNCED_PERCENT: Final = 50
ANNOUNCED_AGAIN_PERCENT: Final = 75


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at one thing said."""

    kind: AlertKind
    subject: str
    wrong: bool
    right: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


def success(method: str, *, successes: int, ended: int, percent: int) -> Reading:
    """Judge a method by its latest ended attempts: wrong below `percent`, right above two points more.

    No attempt at all in the window closes an episode: there is nothing left to be told about.
    """
    enough = ended >= LEAST
    return Reading(
        AlertKind.SUCCESS,
        method,
        wrong=enough and successes * 100 < percent * ended,
        right=ended == 0 or (enough and successes * 100 > (percent + MARGIN) * ended),
        facts={"successes": successes, "ended": ended, "percent": percent},
    )


def silence(provider: str, *, announced: int, verified: int) -> Reading:
    """Judge a provider's webhooks by its latest verified payments."""
    enough = verified >= LEAST
    return Reading(
        AlertKind.SILENCE,
        provider,
        wrong=enough and announced * 100 < ANNOUNCED_PERCENT * verified,
        right=verified == 0 or (enough and announced * 100 >= ANNOUNCED_AGAIN_PERCENT * verified),
        facts={"announced": announced, "verified": verified},
    )


def breaker(operation: str, *, resting: bool) -> Reading:
    """Judge an operation that rests, or rested a moment ago: only a long calm ends an episode."""
    return Reading(AlertKind.BREAKER, operation, wrong=resting, right=False)


def stuck(provider: str, *, attempts: int) -> Reading:
    """Judge a provider by its attempts whose fate nobody knows."""
    facts = {"attempts": attempts}
    return Reading(AlertKind.STUCK, provider, wrong=attempts > 0, right=attempts == 0, facts=facts)
