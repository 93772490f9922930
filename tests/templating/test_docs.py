"""What the pages promise about filters and tests."""

from __future__ import annotations

from pathlib import Path

from provision.templating import Templar

PAGE = Path(__file__).parents[2] / "docs" / "templating.md"


def test_names_with_their_collection() -> None:
    tables = Templar().tables
    for name in ("combine", "to_nice_yaml", "regex_replace", "upper", "default"):
        assert tables.filters[f"ansible.builtin.{name}"] is tables.filters[name]
    for name in ("version", "changed", "defined", "search"):
        assert tables.tests[f"ansible.builtin.{name}"] is tables.tests[name]
