"""npm itself, with packages made here: nothing is fetched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")


def package(folder: Path, name: str, version: str, **more: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version, **more}))
    return folder


@needs_npm
def test_what_a_project_asks_for(here: ActionHost, tmp_path: Path) -> None:
    package(tmp_path / "tool", "tool", "1.2.3")
    app = package(tmp_path / "app", "app", "1.0.0", dependencies={"tool": "file:../tool"})
    diff = converges(here, "npm", path=str(app), no_bin_links=True)
    assert diff == {"missing": (["tool"], [])}
    assert (app / "node_modules/tool/package.json").exists()
    assert here.run("npm", path=str(app), name="tool", version="1.2.3").status == "ok"
    assert here.run("npm", path=str(app), name="tool", version="2", check=True).status == "changed"
    converges(here, "npm", path=str(app), name="tool", state="absent")
    assert not (app / "node_modules/tool").exists()


@needs_npm
def test_a_project_that_is_not_there_yet(here: ActionHost, tmp_path: Path) -> None:
    assert here.run("npm", path=str(tmp_path / "x"), check=True).status == "unknown"


def test_a_place_is_needed(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="path must be specified"):
        here.run("npm", name="x")
