"""What is in an archive, and when it is packed anew."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

from tests.actions.harness import ActionHost


def test_members_and_a_changed_file(here: ActionHost, tmp_path: Path) -> None:
    top = tmp_path / "d"
    (top / "e").mkdir(parents=True)
    (top / "e" / "f").write_text("one")
    dest = tmp_path / "o.tgz"
    here.run("archive", path=str(top), dest=str(dest))
    with tarfile.open(dest) as tar:
        assert tar.getnames() == ["d", "d/e", "d/e/f"]
    (top / "e" / "f").write_text("two")
    assert here.run("archive", path=str(top), dest=str(dest)).status == "changed"
    with tarfile.open(dest) as tar:
        stream = tar.extractfile("d/e/f")
        assert stream is not None
        assert stream.read() == b"two"


def test_a_compressed_file(here: ActionHost, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("line\n")
    outcome = here.run("archive", path=str(tmp_path / "log"))
    assert outcome.data["dest"] == str(tmp_path / "log.gz")
    assert gzip.decompress((tmp_path / "log.gz").read_bytes()) == b"line\n"
