"""Writes the pages that come from the code: `python -m docs.generate`, or `make docs`.

docs/actions/NAME.md for each action and their index, docs/cli.md from the commands,
docs/templating.md. A page whose action is gone is removed. Nothing else under docs/ is touched.
"""

from __future__ import annotations

from pathlib import Path

from docs.pages.actions import action_pages
from docs.pages.commands import command_pages
from docs.pages.templating import templating_pages

__all__ = ["DOCS", "main", "pages"]

DOCS = Path(__file__).parent


def pages() -> dict[Path, str]:
    """Every generated page, by its path under docs/."""
    return {**action_pages(), **command_pages(), **templating_pages()}


def main() -> None:
    wanted = pages()
    folder = DOCS / "actions"
    folder.mkdir(exist_ok=True)
    for stray in folder.glob("*.md"):
        if stray.relative_to(DOCS) not in wanted:
            stray.unlink()
    for path, text in wanted.items():
        (DOCS / path).write_text(text, encoding="utf-8")
    print(f"{len(wanted)} pages")


if __name__ == "__main__":
    main()
