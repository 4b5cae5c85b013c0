"""Times as people write them at the shell: `30m`, `2h`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import click

_UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400}


class Duration(click.ParamType[timedelta]):
    """An option that takes `30m`, `2h` or `7d`."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read it, or refuse it with the right examples."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([1-9]\d{0,4})([mhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is not a time like 30m, 2h or 7d.", param, ctx)
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
