"""The cases in `cases/*.yml`; its README says how they read."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from provision.actions.base import Outcome
from provision.errors import ProvisionError

from tests.actions.harness import ActionHost

CASES = Path(__file__).parent / "cases"
KEYS = {
    "case", "given", "project", "args", "vars", "status", "check", "again", "msg", "diff",
    "data", "after", "root",
}  # fmt: skip


def _cases() -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*.yml")):
        for case in yaml.safe_load(path.read_text()):
            assert set(case) <= KEYS, f"{path.name}: {set(case) - KEYS}"
            found.append(pytest.param(path.stem, case, id=f"{path.stem}: {case['case']}"))
    return found


def _placed(value: Any, top: Path) -> Any:
    """`value` with `@/` replaced."""
    if isinstance(value, str):
        return value.replace("@/", f"{top}/")
    if isinstance(value, list):
        return [_placed(item, top) for item in value]
    if isinstance(value, dict):
        return {_placed(key, top): _placed(item, top) for key, item in value.items()}
    return value


def _build(top: Path, files: dict[str, Any]) -> None:
    late = []
    for name, said in files.items():
        path = top / name
        entry = said if isinstance(said, dict) else {"content": said}
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif "link" in entry:
            path.symlink_to(entry["link"])
        elif "same" in entry:
            path.hardlink_to(top / entry["same"])
        else:
            path.write_bytes(entry.get("content", "").encode())
            path.chmod(0o644)
        if "mode" in entry:
            late.append((path, int(entry["mode"], 8)))
    for path, mode in late:
        path.chmod(mode)


def _listing(top: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        found[name + "/" if path.is_dir() and not path.is_symlink() else name] = path
    return found


def _snapshot(top: Path) -> list[Any]:
    """Everything about a tree that a check must leave alone."""
    seen = []
    for name, path in _listing(top).items():
        info = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
        seen.append((name, info.st_ino, info.st_mode, info.st_uid, info.st_mtime_ns, content))
    return seen


def _assert_there(top: Path, wanted: dict[str, Any]) -> None:
    here = _listing(top)
    for name in list(here):
        if name.endswith("/") and any(w.startswith(name) for w in wanted):
            wanted = {name: {}, **wanted}
    assert sorted(here) == sorted(wanted)
    for name, said in wanted.items():
        entry = said if isinstance(said, dict) else {"content": said}
        path = here[name]
        if "content" in entry:
            assert path.read_bytes().decode() == entry["content"], name
        if "like" in entry:
            assert re.search(entry["like"], path.read_text()), name
        if "link" in entry:
            assert str(path.readlink()) == entry["link"], name
        if "same" in entry:
            assert path.stat().st_ino == (top / entry["same"]).stat().st_ino, name
        if "mode" in entry:
            assert f"{stat.S_IMODE(path.stat().st_mode):04o}" == entry["mode"], name


def _run(here: ActionHost, action: str, case: dict[str, Any], check: bool) -> Outcome:
    try:
        return here.run(action, check=check, variables=case.get("vars"), **case["args"])
    except ProvisionError as exc:  # a mistake seen before anything is sent
        return Outcome("failed", str(exc))


def _diff(outcome: Outcome) -> dict[str, list[Any]]:
    return {entry["key"]: [entry["before"], entry["after"]] for entry in outcome.diff}


@pytest.mark.parametrize(("action", "case"), _cases())
def test_case(here: ActionHost, tmp_path: Path, action: str, case: dict[str, Any]) -> None:
    if case.get("root") and os.geteuid() != 0:
        pytest.skip("needs root")
    top = tmp_path / "host"
    top.mkdir()
    case = _placed(case, top)
    _build(top, case.get("given", {}))
    _build(here.project, case.get("project", {}))
    before = _snapshot(top)
    checked = _run(here, action, case, check=True)
    assert _snapshot(top) == before, "the check changed something"
    outcome = _run(here, action, case, check=False)
    assert outcome.status == case["status"], f"{outcome.msg} {outcome.traceback}"
    assert checked.status == case.get("check", outcome.status), checked.msg
    assert re.search(case.get("msg", ""), outcome.msg)
    if case["status"] == "changed":
        assert _diff(checked) == _diff(outcome)
        assert "diff" not in case or _diff(outcome) == case["diff"]
    else:
        assert _snapshot(top) == before or "after" in case
    for key, value in case.get("data", {}).items():
        assert outcome.data.get(key) == value, key
    _assert_there(top, case.get("after", case.get("given", {})))
    if case["status"] != "failed":
        kept = _snapshot(top)
        again = _run(here, action, case, check=False)
        assert again.status == case.get("again", "ok"), f"{again.msg} {again.diff}"
        assert again.status != "ok" or _snapshot(top) == kept
    assert not list(top.rglob("*.provision-tmp"))
    shutil.rmtree(top, ignore_errors=True)
