"""What the pages have in common."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["MADE", "cell", "page"]

MADE = "<!-- Made by `make docs`; change the code instead. -->"


def page(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def cell(text: str) -> str:
    """Text for one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
