"""What the file actions do beyond one case: facts of stat, temporary files."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.actions.harness import ActionHost


def test_stat_tells_everything_of_a_file(here: ActionHost, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("hello world")
    path.chmod(0o4640)
    found = here.run("stat", path=str(path)).data["stat"]
    info = path.stat()
    assert found["exists"] is True
    assert (found["mode"], found["size"], found["isreg"], found["isdir"]) == (
        "4640", 11, True, False,
    )  # fmt: skip
    assert found["checksum"] == "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"
    assert (found["inode"], found["mtime"]) == (info.st_ino, info.st_mtime)
    assert (found["isuid"], found["rusr"], found["wgrp"], found["roth"]) == (
        True,
        True,
        False,
        False,
    )
    assert found["mimetype"] == "text/plain"
    assert isinstance(found["attributes"], list)


def test_stat_of_nothing_and_of_links(here: ActionHost, tmp_path: Path) -> None:
    assert here.run("stat", path=str(tmp_path / "no")).data["stat"] == {"exists": False}
    (tmp_path / "f").write_text("x")
    link = tmp_path / "l"
    link.symlink_to("f")
    found = here.run("stat", path=str(link)).data["stat"]
    assert (found["islnk"], found["lnk_target"]) == (True, "f")
    assert found["lnk_source"] == str(tmp_path / "f")
    assert "checksum" not in found
    assert here.run("stat", path=str(link), follow=True).data["stat"]["isreg"] is True


def test_stat_with_another_algorithm(here: ActionHost, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x")
    found = here.run("stat", path=str(path), checksum_algorithm="md5", get_mime=False)
    assert found.data["stat"]["checksum"] == "9dd4e461268c8034f5c8564e155c67a6"
    assert "mimetype" not in found.data["stat"]


def test_tempfile_makes_a_private_file(here: ActionHost, tmp_path: Path) -> None:
    outcome = here.run("tempfile", path=str(tmp_path), suffix=".x")
    path = Path(outcome.data["path"])
    assert outcome.status == "changed"
    assert path.is_file()
    assert path.name.startswith("ansible.")
    assert path.name.endswith(".x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_tempfile_in_a_check_makes_nothing(here: ActionHost, tmp_path: Path) -> None:
    outcome = here.run("tempfile", check=True, path=str(tmp_path), state="directory")
    assert outcome.status == "changed"
    assert outcome.data["path"].startswith(str(tmp_path))
    assert os.listdir(tmp_path) == ["project"]


def test_tempfile_refuses_paths_in_names(here: ActionHost, tmp_path: Path) -> None:
    outcome = here.run("tempfile", path=str(tmp_path), prefix="../x")
    assert outcome.status == "failed"
    assert "prefix must be a valid file name component" in outcome.msg


def _has_flags(path: Path) -> bool:
    return (
        shutil.which("lsattr") is not None
        and not subprocess.run(
            ["lsattr", "-d", str(path)], capture_output=True, check=False
        ).returncode
    )


def test_flags_are_set_as_chattr_would(here: ActionHost, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x")
    if not _has_flags(path):
        pytest.skip("the file system has no flags, or lsattr is missing")

    def shown() -> str:
        done = subprocess.run(
            ["lsattr", "-d", str(path)], capture_output=True, text=True, check=True
        )
        return done.stdout.split()[0].replace("-", "")

    plain = shown()
    outcome = here.run("file", path=str(path), attributes="+A")
    assert outcome.status == "changed"
    assert sorted(shown()) == sorted(plain + "A")
    assert here.run("file", path=str(path), attributes="+A").status == "ok"
    assert "A" in here.run("stat", path=str(path)).data["stat"]["attr_flags"]
    assert here.run("file", path=str(path), attributes="-A").status == "changed"
    assert shown() == plain
    assert here.run("file", path=str(path), attributes="").status == "ok"


def test_a_flag_that_is_none(here: ActionHost, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    outcome = here.run("file", path=str(tmp_path / "f"), attributes="+!")
    assert outcome.status == "failed"
    assert "there is no flag '!'" in outcome.msg
