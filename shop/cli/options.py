"""Options that several commands share, read the same way everywhere."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime
from typing import Any, Final

import click

from shop import clock

_UNITS_S: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"(\d{1,4})([mhdw])")


class Moment(click.ParamType[datetime]):
    """A moment: `30m`, `2h`, `7d`, `4w` ago, or ISO 8601 (UTC unless it says otherwise)."""

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the words."""
        if isinstance(value, datetime):
            return value
        ago = _AGO.fullmatch(value)
        if ago:
            return clock.after(-int(ago[1]) * _UNITS_S[ago[2]])
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither like 7d nor an ISO 8601 moment", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


MOMENT: Final = Moment()

since_option = click.option("--since", type=MOMENT, help="From: 2h, 7d, or ISO 8601.")
until_option = click.option("--until", type=MOMENT, help="Before: 2h, 7d, or ISO 8601.")
provider_option = click.option("--provider", help="Only this provider.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Rows at most."
)
cursor_option = click.option("--cursor", type=int, help="Go on where the last page ended.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
name_option = click.option("--as", "name", required=True, help="Your name: who decides.")
reason_option = click.option("--reason", required=True, help="Why; kept for ever.")


def machine_account() -> str:
    """Name the account of this machine that runs the command; `?` where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "?"
