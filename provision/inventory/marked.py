"""Values that were no YAML, as if they had been: templates are only found in `Str`."""

from __future__ import annotations

from typing import Any

from provision.errors import Mark
from provision.yamlsource import Map, Seq, Str

__all__ = ["marked"]


def marked(value: Any, mark: Mark | None) -> Any:
    """A copy of plain JSON-like `value` whose strings, dicts and lists carry `mark`."""
    if isinstance(value, str):
        return Str(value, mark)
    if isinstance(value, dict):
        mapping = Map(mark)
        mapping.update((marked(key, mark), marked(item, mark)) for key, item in value.items())
        return mapping
    if isinstance(value, list):
        sequence = Seq(mark)
        sequence.extend(marked(item, mark) for item in value)
        return sequence
    return value
