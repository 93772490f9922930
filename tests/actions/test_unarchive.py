"""unarchive: formats, comparison, and what it refuses."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from provision.actions.base import Outcome
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost

FILES = {"tool/bin/run": (b"#!/bin/sh\n", 0o755), "tool/README": (b"read me\n", 0o644)}


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **more: Any) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o644, 1_700_000_000
    info.uid, info.gid = os.geteuid(), os.getegid()
    for key, value in more.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def tar(path: Path, mode: str = "w:gz", files: dict[str, tuple[bytes, int]] = FILES) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        add(archive, "tool", type=tarfile.DIRTYPE, mode=0o755)
        for name, (data, bits) in files.items():
            add(archive, name, data, mode=bits)
        add(archive, "tool/current", type=tarfile.SYMTYPE, linkname="README")
        add(archive, "tool/same", type=tarfile.LNKTYPE, linkname="tool/README")
    return path


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    path = tmp_path / "dest"
    path.mkdir()
    return path


def unpack(here: ActionHost, src: Path | str, dest: Path, **more: Any) -> Outcome:
    """A check, the run, and a second run that must find nothing to do."""
    args = {"src": str(src), "dest": str(dest), **more}
    before = sorted(dest.rglob("*"))
    checked = here.run("unarchive", check=True, **args)
    assert sorted(dest.rglob("*")) == before
    outcome = here.run("unarchive", **args)
    assert outcome.status == checked.status, (outcome.msg, checked.msg)
    assert outcome.diff == checked.diff
    if outcome.status == "changed":
        again = here.run("unarchive", **args)
        assert again.status == "ok", again.diff
    assert not list(dest.rglob("*.provision-tmp"))
    return outcome


def assert_unpacked(dest: Path) -> None:
    for name, (data, bits) in FILES.items():
        assert (dest / name).read_bytes() == data
        assert stat.S_IMODE((dest / name).stat().st_mode) == bits
    assert (dest / "tool/current").readlink() == Path("README")
    assert (dest / "tool/same").samefile(dest / "tool/README")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_of_the_host(here: ActionHost, tmp_path: Path, dest: Path, mode: str) -> None:
    archive = tar(tmp_path / "any-name", mode)
    outcome = unpack(here, archive, dest, remote_src=True, list_files=True)
    assert outcome.status == "changed"
    assert_unpacked(dest)
    assert (dest / "tool/README").stat().st_mtime == 1_700_000_000
    assert outcome.data["files"][:2] == ["tool/", "tool/bin/run"]
    assert outcome.data["handler"] in (
        "TarArchive", "TgzArchive", "TarBzipArchive", "TarXzArchive",
    )  # fmt: skip


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the program zstd")
def test_zstd(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tar", "w")
    subprocess.run(["zstd", "-q", str(archive)], check=True)
    assert unpack(here, f"{archive}.zst", dest, remote_src=True).status == "changed"
    assert_unpacked(dest)


def test_tar_of_the_controller(here: ActionHost, dest: Path) -> None:
    (here.project / "files").mkdir()
    tar(here.project / "files" / "tool.tgz")
    assert unpack(here, "tool.tgz", dest).status == "changed"
    assert_unpacked(dest)


def test_content_of_the_controller_travels_only_when_needed(here: ActionHost, dest: Path) -> None:
    tar(here.project / "tool.tgz")
    trips = []
    for _ in range(2):
        before = here.link.round_trips
        here.run("unarchive", src="tool.tgz", dest=str(dest))
        trips.append(here.link.round_trips - before)
    assert trips == [2, 1]


def test_an_archive_of_many_members(here: ActionHost, dest: Path) -> None:
    files = {f"tool/{number}": (b"%d" % number, 0o644) for number in range(500)}
    tar(here.project / "many.tar", "w", {**FILES, **files})
    outcome = unpack(here, "many.tar", dest)
    assert len(list((dest / "tool").iterdir())) == 504
    assert outcome.diff[-1]["key"] == "…"


def test_zip(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        run = zipfile.ZipInfo("tool/run", (2024, 1, 2, 3, 4, 6))
        run.external_attr = (stat.S_IFREG | 0o755) << 16
        run.create_system = 3
        archive.writestr(run, "#!/bin/sh\n")
        plain = zipfile.ZipInfo("tool/plain", (2024, 1, 2, 3, 4, 6))
        plain.create_system = 0
        archive.writestr(plain, "text")
        link = zipfile.ZipInfo("tool/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        link.create_system = 3
        archive.writestr(link, "run")
    outcome = unpack(here, path, dest, remote_src=True)
    assert (outcome.status, outcome.data["handler"]) == ("changed", "ZipArchive")
    assert stat.S_IMODE((dest / "tool/run").stat().st_mode) == 0o755
    assert (dest / "tool/plain").read_text() == "text"
    assert (dest / "tool/link").readlink() == Path("run")


def test_only_what_differs_is_written(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    unpack(here, archive, dest, remote_src=True)
    run = (dest / "tool/bin/run").stat().st_ino
    (dest / "tool/README").write_text("mine!!!\n")
    (dest / "tool/own").write_text("stays")
    outcome = unpack(here, archive, dest, remote_src=True)
    assert [e["key"] for e in outcome.diff if ":" not in e["key"]] == ["tool/README"]
    assert_unpacked(dest)
    assert (dest / "tool/own").read_text() == "stays"
    assert (dest / "tool/bin/run").stat().st_ino == run


def test_a_changed_mode_is_restored(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    unpack(here, archive, dest, remote_src=True)
    (dest / "tool/bin/run").chmod(0o600)
    outcome = unpack(here, archive, dest, remote_src=True)
    assert outcome.diff == [{"key": "tool/bin/run: mode", "before": "0600", "after": "0755"}]


def test_a_mode_for_all(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    unpack(here, archive, dest, remote_src=True, mode="u+rwX,go=")
    assert stat.S_IMODE((dest / "tool").stat().st_mode) == 0o700
    assert stat.S_IMODE((dest / "tool/README").stat().st_mode) == 0o600
    assert stat.S_IMODE((dest / "tool/bin/run").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_owners(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "d/f", b"x", uid=4321, gid=4322)
        add(archive, "d/known", b"x", uname="daemon", gname="daemon", uid=4321)
    unpack(here, path, dest, remote_src=True)
    assert ((dest / "d/f").stat().st_uid, (dest / "d/f").stat().st_gid) == (4321, 4322)
    assert (dest / "d/known").stat().st_uid == 1
    assert (dest / "d").stat().st_uid == 0
    unpack(here, path, dest, remote_src=True, owner="5000", group="5001")
    assert {p.stat().st_uid for p in dest.rglob("*")} == {5000}
    shutil.rmtree(dest / "d")
    unpack(here, path, dest, remote_src=True, extra_opts=["--no-same-owner"])
    assert (dest / "d/f").stat().st_uid == 0


def test_leading_directories_are_dropped(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    unpack(here, archive, dest, remote_src=True, extra_opts=["--strip-components=1"])
    assert sorted(p.name for p in dest.iterdir()) == ["README", "bin", "current", "same"]


def test_some_members(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    unpack(here, archive, dest, remote_src=True, exclude=["*.sh", "bin", "same", "current"])
    assert sorted(p.name for p in dest.rglob("*")) == ["README", "tool"]
    unpack(here, archive, dest, remote_src=True, include=["tool/bin"])
    assert (dest / "tool/bin/run").exists()


def test_newer_files_stay(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    (dest / "tool").mkdir()
    (dest / "tool/README").write_text("newer")
    unpack(here, archive, dest, remote_src=True, keep_newer=True)
    assert (dest / "tool/README").read_text() == "newer"
    os.utime(dest / "tool/README", (1, 1))
    unpack(here, archive, dest, remote_src=True, keep_newer=True)
    assert (dest / "tool/README").read_text() == "read me\n"


def test_nothing_to_do_when_it_was_created(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    outcome = here.run("unarchive", src="/no", dest="/no", remote_src=True, creates=str(dest))
    assert outcome.status == "ok"
    assert outcome.msg == f"skipped, since {dest} exists"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"name": "../evil", "data": b"x"}, "would be written outside dest"),
        ({"name": "a/../../evil", "data": b"x"}, "would be written outside dest"),
        ({"name": "l", "type": tarfile.SYMTYPE, "linkname": "/etc"}, "leads out of dest"),
        ({"name": "l", "type": tarfile.SYMTYPE, "linkname": "a/../../x"}, "leads out of dest"),
        ({"name": "l", "type": tarfile.LNKTYPE, "linkname": "../x"}, "outside dest"),
        ({"name": "n", "type": tarfile.CHRTYPE}, "is a device or a pipe"),
        ({"name": "n", "type": tarfile.FIFOTYPE}, "is a device or a pipe"),
    ],
)
@pytest.mark.parametrize("remote", [True, False])
def test_what_would_escape_is_refused(
    here: ActionHost, tmp_path: Path, dest: Path, more: dict[str, Any], why: str, remote: bool
) -> None:
    path = tmp_path / "project" / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "good", b"x")
        add(archive, **more)
    if remote:
        outcome = here.run("unarchive", src=str(path), dest=str(dest), remote_src=True)
        assert outcome.status == "failed"
        assert why in outcome.msg
    else:
        with pytest.raises(PlaybookError, match=why):
            here.run("unarchive", src="a.tar", dest=str(dest))
    assert list(dest.iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_absolute_names_lose_their_slash(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "/abs/f", b"x")
    unpack(here, path, dest, remote_src=True)
    assert (dest / "abs/f").read_text() == "x"


def test_absolute_links_when_asked_for(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "l", type=tarfile.SYMTYPE, linkname="/etc/hostname")
    unpack(here, path, dest, remote_src=True, extra_opts=["--absolute-names"])
    assert (dest / "l").readlink() == Path("/etc/hostname")


def test_absolute_links_that_stay_in_dest(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "l", type=tarfile.SYMTYPE, linkname=f"{dest}/f")
    assert unpack(here, path, dest, remote_src=True).status == "changed"


def test_a_link_in_dest_does_not_lead_out(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (dest / "tool").symlink_to(outside)
    archive = tar(tmp_path / "a.tgz")
    outcome = here.run("unarchive", src=str(archive), dest=str(dest), remote_src=True)
    assert outcome.status == "failed"
    assert "outside dest, through a link" in outcome.msg
    assert list(outside.iterdir()) == []


def test_an_archives_own_link_cannot_be_written_through(
    here: ActionHost, tmp_path: Path, dest: Path
) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "l", type=tarfile.SYMTYPE, linkname="/tmp")
        add(archive, "l/evil", b"x")
    opts = ["--absolute-names"]
    outcome = here.run("unarchive", src=str(path), dest=str(dest), remote_src=True, extra_opts=opts)
    assert outcome.status == "failed"
    assert not Path("/tmp/evil").exists()


def test_damage_is_told(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    archive.write_bytes(archive.read_bytes()[:-40])
    outcome = here.run("unarchive", src=str(archive), dest=str(dest), remote_src=True)
    assert outcome.status == "failed"
    assert str(archive) in outcome.msg
    assert not outcome.traceback
    archive.write_text("no archive at all")
    outcome = here.run("unarchive", src=str(archive), dest=str(dest), remote_src=True)
    assert "Failed to find handler" in outcome.msg


def test_places_that_are_not_there(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    archive = tar(tmp_path / "a.tgz")
    args = {"src": str(archive), "dest": str(tmp_path / "no")}
    outcome = here.run("unarchive", remote_src=True, **args)  # type: ignore[arg-type]
    assert (outcome.status, "does not exist" in outcome.msg) == ("failed", True)
    checked = here.run("unarchive", check=True, remote_src=True, **args)  # type: ignore[arg-type]
    assert checked.status == "unknown"
    (tmp_path / "file").write_text("")
    outcome = here.run("unarchive", src=str(archive), dest=str(tmp_path / "file"), remote_src=True)
    assert "is not a directory" in outcome.msg
    outcome = here.run("unarchive", src=str(tmp_path / "x"), dest=str(dest), remote_src=True)
    assert f"Source '{tmp_path}/x' does not exist" in outcome.msg


def test_options_that_are_not_understood(here: ActionHost, dest: Path) -> None:
    tar(here.project / "a.tgz")
    with pytest.raises(PlaybookError, match="extra_opts: --transform is not supported"):
        here.run("unarchive", src="a.tgz", dest=str(dest), extra_opts=["--transform"])
    with pytest.raises(PlaybookError, match="mutually exclusive"):
        here.run("unarchive", src="a.tgz", dest=str(dest), include=["a"], exclude=["b"])


def test_old_times_of_zip(here: ActionHost, tmp_path: Path, dest: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("f", (2020, 5, 6, 7, 8, 10)), "x")
    unpack(here, path, dest, remote_src=True)
    assert time.localtime((dest / "f").stat().st_mtime)[:5] == (2020, 5, 6, 7, 8)
