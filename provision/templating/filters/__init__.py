"""Ansible's own filters; Jinja2's are kept beside them. Each module has a table FILTERS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from provision.templating.filters import (
    data,
    dates,
    hashes,
    internal,
    lists,
    mappings,
    numbers,
    paths,
    regex,
    text,
)

__all__ = ["FILTERS"]

FILTERS: Mapping[str, Callable[..., Any]] = {
    **data.FILTERS,
    **dates.FILTERS,
    **hashes.FILTERS,
    **internal.FILTERS,
    **lists.FILTERS,
    **mappings.FILTERS,
    **numbers.FILTERS,
    **paths.FILTERS,
    **regex.FILTERS,
    **text.FILTERS,
}
