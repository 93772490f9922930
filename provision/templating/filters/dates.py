"""Filters on times."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FILTERS"]


def to_datetime(text: str, format: str = "%Y-%m-%d %H:%M:%S") -> datetime.datetime:  # noqa: A002
    return datetime.datetime.strptime(text, format)  # noqa: DTZ007


def strftime(format: str, second: Any = None, utc: bool = False) -> str:  # noqa: A002
    """The time `second` (seconds since 1970), or now, in the given format."""
    if second is not None:
        try:
            second = float(second)
        except (TypeError, ValueError) as exc:
            raise ValueError(f"Invalid value for epoch value ({second!r})") from exc
    moment = time.gmtime(second) if utc else time.localtime(second)
    return time.strftime(format, moment)


FILTERS: Mapping[str, Callable[..., Any]] = {"strftime": strftime, "to_datetime": to_datetime}
