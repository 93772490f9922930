"""A host's environments: told, gone back to, collected."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from provision.agent.generations import name_of
from provision.errors import PlaybookError

from tests.actions.conftest import here
from tests.actions.test_conda_env import PIP, Case, case, channel, solved, wheels

__all__ = ["case", "channel", "here", "solved", "wheels"]  # fixtures


def ask(case: Case, what: str, *, check: bool = False, **args: Any) -> Any:
    conda = str(case.conda.prefix)
    return case.host.run("conda_envs", check=check, what=what, conda=conda, **args)


def backdate(case: Case, generation: str, by_s: float) -> None:
    """Makes a generation older."""
    path = case.conda.prefix / "envs/.generations" / generation / "conda-meta/provision.record"
    note = json.loads(path.read_text())
    path.write_text(json.dumps({**note, "built": note["built"] - by_s}))


@pytest.fixture
def two(case: Case) -> Case:
    """data 1.0, then 2.0."""
    case.run()
    backdate(case, case.prefix.name, 3600)
    case.write("  - data=2.0\n")
    case.run()
    return case


def test_environments_of_a_host(case: Case) -> None:
    case.write(PIP)
    case.run()
    plain = case.conda.env("plain/conda-meta")
    plain.mkdir(parents=True)
    (plain / "history").touch()
    case.conda.env("broken").symlink_to("nowhere")
    found = {env["name"]: env for env in ask(case, "list").data["envs"]}
    demo = found["demo"]
    assert (demo["kind"], demo["generation"], demo["packages"]) == (
        "generation", case.prefix.name, 5,
    )  # fmt: skip
    assert demo["python"].startswith("3.")
    assert found["plain"]["kind"] == "conda"
    assert found["broken"]["kind"] == "broken"
    assert len(case.conda.calls()) == 2  # those of the build


def test_history_tells_what_changed(two: Case) -> None:
    newest, oldest = ask(two, "history", name="demo").data["generations"]
    assert (newest["current"], oldest["current"]) == (True, False)
    assert newest["changes"] == [
        {"key": "conda:data", "kind": "version", "before": "1.0 h0_0", "after": "2.0 h0_0"}
    ]
    assert oldest["changes"] == []
    assert newest["built"] > oldest["built"]


def test_rollback_leads_back_at_once_and_forth_again(two: Case) -> None:
    newest = two.prefix.name
    asked = ask(two, "rollback", check=True, name="demo")
    assert asked.status == "changed"
    assert two.prefix.name == newest
    calls = len(two.conda.calls())
    done = ask(two, "rollback", name="demo")
    assert done.status == "changed"
    assert (two.prefix / "share/data.txt").read_text() == "1.0"
    assert done.data["packages"][0]["after"] == "1.0 h0_0"
    assert len(two.conda.calls()) == calls
    assert ask(two, "rollback", name="demo").status == "failed"  # there is nothing older
    forth = ask(two, "rollback", name="demo", to=newest.rpartition("-")[2])
    assert forth.status == "changed"
    assert two.prefix.name == newest
    assert ask(two, "rollback", name="demo", to=newest).status == "ok"


def test_a_damaged_generation_is_nothing_to_go_back_to(two: Case) -> None:
    newest = two.prefix.name
    older = next(name for name in two.conda.generations("demo") if name != newest)
    file = two.conda.prefix / "envs/.generations" / older / "share/data.txt"
    file.unlink()
    done = ask(two, "rollback", name="demo")
    assert done.status == "failed"
    assert "is damaged: 1 files missing: share/data.txt" in done.msg
    assert two.prefix.name == newest


def test_rollback_says_what_it_cannot(two: Case) -> None:
    assert "no generation nope" in ask(two, "rollback", name="demo", to="nope").msg
    assert "no environment nope" in ask(two, "rollback", name="nope").msg
    with pytest.raises(PlaybookError, match="needs 'name'"):
        ask(two, "rollback")


def test_gc_leaves_the_current_one_and_what_keep_says(two: Case) -> None:
    half = two.conda.prefix / "envs/.generations/demo-0123456789ab/lib"
    half.mkdir(parents=True)
    (half / "x").write_bytes(b"x" * 9000)
    gone = "demo-0123456789ab"
    asked = ask(two, "gc", check=True)
    assert [item["generation"] for item in asked.data["removed"]] == [gone]
    assert asked.data["freed"] >= 9000
    assert half.exists()
    assert ask(two, "gc").status == "changed"
    assert not half.exists()
    assert ask(two, "gc").status == "ok"
    kept = ask(two, "gc", keep=0, name="other")
    assert kept.status == "ok"
    assert ask(two, "gc", keep=0).status == "changed"
    assert two.conda.generations("demo") == [two.prefix.name]


def test_gc_takes_generations_whose_name_is_gone(two: Case) -> None:
    two.conda.env("demo").unlink()
    assert ask(two, "gc").status == "changed"
    assert two.conda.generations("demo") == []


def test_gc_leaves_what_a_process_uses(two: Case) -> None:
    older = next(n for n in two.conda.generations("demo") if n != two.prefix.name)
    folder = two.conda.prefix / "envs/.generations" / older
    pid = os.fork()
    if not pid:
        os.chdir(folder)
        os.read(os.pipe()[0], 1)
        os._exit(0)
    try:
        _wait_for(Path(f"/proc/{pid}/cwd"), folder)
        done = ask(two, "gc", keep=0)
        assert (done.status, done.data["used"]) == ("ok", [older])
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _wait_for(link: Path, target: Path) -> None:
    while os.readlink(link) != str(target):
        os.sched_yield()


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("demo-0123456789ab", "demo"),
        ("my-demo-v1-0123456789ab-r2", "my-demo-v1"),
        ("demo-foreign-1732280000", "demo"),
        ("demo-r2", ""),
        (".demo.lock", ""),
        ("0123456789ab", ""),
    ],
)
def test_names_of_generations(entry: str, name: str) -> None:
    assert name_of(entry) == name


def test_all_that_is_known_of_one(case: Case) -> None:
    case.write(PIP)
    case.run()
    site = next(case.prefix.glob("lib/python3*/site-packages"))
    told = ask(case, "read", name="demo", check_level="hashes", whole=True).data["env"]
    assert told["changed"] == {}
    assert told["unowned"] == []
    assert {dist["name"] for dist in told["pip"]} == {"tool", "helper"}
    assert told["note"]["lock"]["requested_pip"] == ["tool==1.0"]
    (site / "tool/__init__.py").write_text("patched = True\n")
    (site / "helper/__init__.py").unlink()
    (case.prefix / "share/data.txt").write_text("edited")
    (site / "own.py").write_text("x = 1\n")
    (site / "__pycache__").mkdir(exist_ok=True)
    (site / "__pycache__/own.cpython-311.pyc").touch()
    told = ask(case, "read", name="demo", check_level="hashes", whole=True).data["env"]
    base = str(site.relative_to(case.prefix))
    assert {path: bool(digest) for path, digest in told["changed"].items()} == {
        f"{base}/tool/__init__.py": True,
        f"{base}/helper/__init__.py": False,
        "share/data.txt": True,
    }
    assert told["unowned"] == [f"{base}/own.py"]
    assert set(ask(case, "read", name="demo", check_level="files").data["env"]["changed"]) == {
        f"{base}/helper/__init__.py"
    }


def test_an_environment_is_found_by_name_generation_or_path(case: Case) -> None:
    case.run()
    for name in ("demo", case.prefix.name, str(case.prefix), str(case.conda.env("demo"))):
        assert ask(case, "read", name=name).data["env"]["prefix"] == str(case.prefix)
    assert "no environment nope" in ask(case, "read", name="nope").msg
    assert "is no environment" in ask(case, "read", name="/tmp").msg


def test_where_environments_from_the_index_are_and_from_elsewhere(case: Case) -> None:
    case.write(PIP)
    case.run()
    dist = next(case.prefix.glob("lib/python3*/site-packages/tool-*.dist-info"))
    direct = {"url": "https://git.example/tool", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    (dist / "direct_url.json").write_text(json.dumps(direct))
    told = ask(case, "read", name="demo", whole=True).data["env"]
    tool = next(d for d in told["pip"] if d["name"] == "tool")
    assert (tool["source"], tool["direct"]) == ("git+https://git.example/tool@abc", direct)
    assert tool["requested"]
