"""A helper that writes a tree of files and loads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from provision.inventory import Inventory, load_inventory

Write = Callable[[dict[str, str]], Path]
Load = Callable[..., Inventory]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files given as path: text (dedented); the directory they are in."""

    def do(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return tmp_path

    return do


@pytest.fixture
def load(write: Write) -> Load:
    """Load one inventory from its text; `name` decides the format as a file name does."""

    def do(text: str, name: str = "hosts") -> Inventory:
        return load_inventory([str(write({name: text}) / name)])

    return do
