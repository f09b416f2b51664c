"""From `90`, `30s`, `5m` or `1h` on the command line to seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    _Type = click.ParamType[float]  # later versions of click have it generic
else:
    _Type = click.ParamType

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LONGEST = 7 * 24 * 3600


class Duration(_Type):
    """Seconds as a float, at least `least` of them and at most a week."""

    name = "duration"

    def __init__(self, least: float = 0.001) -> None:
        self._least = least

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not isinstance(value, str):
            return float(value)
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", value.strip())
        if found is None:
            self.fail(f"'{value}' is not a time such as 90, 30s, 5m or 1h", param, ctx)
        seconds = float(found[1]) * _SECONDS[found[2]]
        if not self._least <= seconds <= _LONGEST:
            self.fail(f"'{value}' is too {'short' if seconds < self._least else 'long'}", param, ctx)
        return seconds
