"""A root file system under its final name is complete, whatever happens to its builder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from provision.errors import LabError
from provision.lab.mounts import mounts_below
from provision.lab.recipe import recipe_for
from provision.lab.rootfs import ensure_rootfs

BUILD = """
import sys
from pathlib import Path
from provision.lab.recipe import recipe_for
from provision.lab.rootfs import ensure_rootfs
ensure_rootfs(recipe_for("bookworm", python=False), print, cache=Path(sys.argv[1]))
"""


def processes_naming(word: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if word in text and process.parent.name != str(os.getpid()):
            found.append(text)
    return found


def wait_for(condition: str, check: object) -> None:
    assert callable(check)
    for _ in range(600):
        if check():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within a minute: {condition}")


@pytest.mark.lab
@pytest.mark.slow
def test_a_killed_build_leaves_no_process_no_mount_and_nothing_taken_as_done(
    tmp_path: Path,
) -> None:
    recipe = recipe_for("bookworm", python=False)
    builder = subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)])
    staged = tmp_path / f".{recipe.name}.part"
    wait_for("the base system is being unpacked", (staged / "etc").is_dir)
    builder.kill()
    builder.wait()
    wait_for("no process of the build", lambda: not processes_naming(str(tmp_path)))
    assert mounts_below(tmp_path) == []
    assert not (tmp_path / recipe.name).exists()
    said: list[str] = []
    broken = replace(recipe, packages=("no-such-package",))
    with pytest.raises(LabError, match="cannot build a root file system for bookworm") as caught:
        ensure_rootfs(broken, said.append, cache=tmp_path)
    assert "no-such-package" in caught.value.why
    assert not (tmp_path / broken.name).exists()


@pytest.mark.lab
def test_a_release_the_archive_lacks_is_named(tmp_path: Path) -> None:
    recipe = replace(recipe_for("bullseye", python=True), release="jessie")
    with pytest.raises(LabError, match="for jessie") as caught:
        ensure_rootfs(recipe, lambda _: None, cache=tmp_path)
    assert "does not offer jessie" in caught.value.why


def test_a_finished_root_is_taken_as_it_is(tmp_path: Path) -> None:
    recipe = recipe_for("bookworm", python=True)
    (tmp_path / recipe.name).mkdir()
    assert ensure_rootfs(recipe, lambda _: None, cache=tmp_path) == tmp_path / recipe.name
