"""fetch: from a host to the controller."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from provision.actions.base import Outcome
from provision.actions.content.receiving import Receiver
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "conf"
    path.parent.mkdir()
    path.write_text("text\n")
    return path


def run(here: ActionHost, **args: Any) -> Outcome:
    return here.run("fetch", variables={"playbook_dir": str(here.project)}, **args)


def test_a_file_comes_under_host_and_path(here: ActionHost, remote: Path) -> None:
    outcome = run(here, src=str(remote), dest="got")
    local = here.project / "got" / "here" / str(remote).lstrip("/")
    assert outcome.status == "changed"
    assert local.read_text() == "text\n"
    assert outcome.data["dest"] == str(local)
    assert outcome.data["checksum"] == hashlib.sha1(b"text\n").hexdigest()
    assert run(here, src=str(remote), dest="got").status == "ok"


def test_another_content_replaces_the_copy(here: ActionHost, remote: Path) -> None:
    run(here, src=str(remote), dest="got/", flat=True)
    remote.write_text("x" * 3_000_000)
    checked = run(here, src=str(remote), dest="got/", flat=True, check=True)
    outcome = run(here, src=str(remote), dest="got/", flat=True)
    assert (checked.status, outcome.status) == ("changed", "changed")
    assert checked.diff == outcome.diff
    assert (here.project / "got" / "conf").stat().st_size == 3_000_000
    assert [path.name for path in (here.project / "got").iterdir()] == ["conf"]


def test_a_missing_file(here: ActionHost, tmp_path: Path) -> None:
    outcome = run(here, src=str(tmp_path / "no"), dest="got")
    assert outcome.status == "failed"
    assert "the remote file does not exist" in outcome.msg
    quiet = run(here, src=str(tmp_path / "no"), dest="got", fail_on_missing=False)
    assert quiet.status == "ok"
    assert quiet.msg.endswith("ignored")
    assert not (here.project / "got").exists()


def test_a_directory_cannot_be_fetched(here: ActionHost, remote: Path) -> None:
    outcome = run(here, src=str(remote.parent), dest="got")
    assert outcome.status == "failed"
    assert "is a directory" in outcome.msg


def test_flat_needs_a_slash_for_directories(here: ActionHost, remote: Path) -> None:
    with pytest.raises(PlaybookError, match="dest is an existing directory"):
        run(here, src=str(remote), dest=str(here.project), flat=True)


def test_a_path_cannot_lead_out_of_dest(here: ActionHost, remote: Path) -> None:
    outcome = run(here, src=f"/../..{remote}", dest="got")
    assert outcome.status == "changed"
    assert outcome.data["dest"].startswith(str(here.project / "got" / "here"))


def test_the_home_directory_is_the_hosts(here: ActionHost) -> None:
    outcome = run(here, src="~/no-such-file-here", dest="got")
    assert outcome.status == "failed"
    assert "~" not in outcome.msg


def test_src_and_dest_are_required(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="src and dest are required"):
        run(here, src="/etc/passwd")


def test_damaged_content_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    receiver = Receiver(path)
    receiver.receive(3, iter([b"new"]))
    outcome = receiver.finish(Outcome("changed", data={"sha256": "0" * 64}))
    assert outcome.status == "failed"
    assert "damaged" in outcome.msg
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lost_connection_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Any:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Receiver(tmp_path / "f").receive(8, broken())
    assert list(tmp_path.iterdir()) == []
