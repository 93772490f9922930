"""From what a host tells of an environment to the files that rebuild it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from provision.conda.capture import Capture, capture
from provision.conda.envfile import parse_environment
from provision.conda.forms import read_locks
from provision.conda.history import channels_asked, requested
from provision.conda.locked import check_fresh
from provision.conda.locking import Locking

from tests.conda.tinychannel import TinyChannel
from tests.conda.tinyindex import TinyIndex

HISTORY = """\
==> 2024-05-01 10:00:00 <==
# cmd: /opt/conda/bin/conda create -n demo -c https://h.example/t/tk-1/team -c forge python=3.11
# update specs: ['python=3.11', 'numpy>=1.26', 'old']
==> 2024-05-02 10:00:00 <==
# cmd: conda remove old
# remove specs: ['old']
==> 2024-05-03 10:00:00 <==
# install specs: ["team::six"]
# neutered specs: ['numpy=1.26']
"""


def test_what_was_asked_for_over_time() -> None:
    there = ["python", "numpy", "six", "libffi"]
    assert [spec.text for spec in requested(HISTORY, there)] == [
        "numpy=1.26", "python=3.11", "team::six",
    ]  # fmt: skip
    assert channels_asked(HISTORY) == ["https://h.example/team", "forge"]
    old = "# update specs: python=3.6,numpy >=1.16,<2,six\n"
    assert [spec.name for spec in requested(old, there)] == ["numpy", "python", "six"]


def test_an_explicit_list_asks_for_nothing_in_particular() -> None:
    text = "# update specs: ['f/linux-64::python==3.11.2=h1_0', 'f/noarch::six==1.16=py_0']\n"
    assert requested(text, ["python", "six"]) == []
    assert requested("# update specs: ['https://h.example/linux-64/a-1-0.conda']\n", ["a"]) == []


def record(tiny: TinyChannel, name: str, version: str, build: str, **more: Any) -> dict[str, Any]:
    url = f"{tiny.url}/linux-64/{name}-{version}-{build}.tar.bz2"
    return {"name": name, "version": version, "build": build, "subdir": "linux-64", "url": url,
            "depends": [], **more}  # fmt: skip


def taken(records: list[dict[str, Any]], index: TinyIndex, cache: Path, **more: Any) -> Capture:
    env = {
        "name": "demo", "records": records, "pip": [], "history": HISTORY, "changed": {},
        "facts": {"machine": "x86_64", "libc": "glibc 2.36", "kernel": "6.1"}, **more,
    }  # fmt: skip
    return capture(env, {"os": "Debian"}, Locking([], index_url=index.url, cache=cache))


def test_what_does_not_travel_is_named(tiny: TinyChannel, index: TinyIndex, cache: Path) -> None:
    pip = [
        {"name": "mine", "version": "0.1", "source": "editable file:///home/lena/mine",
         "direct": {"url": "file:///home/lena/mine", "dir_info": {"editable": True}}},
        {"name": "git-made", "version": "1.0", "source": "git+https://g.example/x@abc",
         "direct": {"url": "https://g.example/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}}},
        {"name": "wheel", "version": "2.0", "source": "file:///tmp/wheel-2.0-py3-none-any.whl",
         "direct": {"url": "file:///tmp/wheel-2.0-py3-none-any.whl", "archive_info": {}}},
    ]  # fmt: skip
    local = record(tiny, "numpy", "1.26.4", "py311_0")
    found = taken(
        [local], index, cache, pip=pip, changed={"lib/x.py": None}, unowned=["lib/own.py"],
        variables={"HF_TOKEN": "not-a-real-one-but-long", "MODE": "fast"},
    )  # fmt: skip
    assert [(item.manager, item.name) for item in found.unavailable] == [
        ("conda", "numpy"), ("pip", "mine"), ("pip", "git-made"), ("pip", "wheel"),
    ]  # fmt: skip
    report = json.loads(found.files("h:demo", "/p")["capture.json"])
    assert report["changed_files"] == ["lib/x.py"]
    assert report["unowned_files"] == ["lib/own.py"]
    assert report["left_out_variables"] == ["HF_TOKEN"]
    whole = "".join(found.files("h:demo", "/p").values())
    assert "not-a-real-one" not in whole
    file = parse_environment(found.file, "environment.yml")
    assert dict(file.variables) == {"MODE": "fast"}
    assert [line.text for line in file.pip] == ["git-made @ git+https://g.example/x@abc"]


def test_file_and_lock_belong_together(
    tiny: TinyChannel, index: TinyIndex, cache: Path, tmp_path: Path
) -> None:
    found = taken([record(tiny, "numpy", "1.26.4", "py311_0")], index, cache)
    for name, text in found.files("h:demo", "/p").items():
        (tmp_path / name).write_text(text)
    file = parse_environment(found.file, str(tmp_path / "environment.yml"))
    check_fresh(read_locks(tmp_path / "environment.lock.yml"), file)
    assert [spec.text for spec in file.conda] == ["numpy=1.26"]
