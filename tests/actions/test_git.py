"""git on this machine: repositories made with git itself, asked for through file:// addresses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost

_ENV = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


def git(folder: Path, *words: str) -> str:
    argv = ["git", "-c", "protocol.file.allow=always", *words]
    done = subprocess.run(argv, cwd=folder, env=_ENV, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    (folder / "f").write_text(text)
    git(folder, "add", "f")
    git(folder, "commit", "-q", "-m", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three commits on main; tag v1 (annotated) at the first, branch dev from the second."""
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "one")
    git(folder, "tag", "-a", "v1", "-m", "v1")
    commit(folder, "two")
    git(folder, "branch", "dev")
    commit(folder, "three")
    return folder


@pytest.fixture
def task(source: Path, tmp_path: Path) -> dict[str, Any]:
    return {"repo": f"file://{source}", "dest": str(tmp_path / "new" / "out")}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "out"


def test_a_clone_and_an_update(
    here: ActionHost, source: Path, task: dict[str, Any], out: Path
) -> None:
    head = git(source, "rev-parse", "main")
    assert converges(here, "git", **task) == {"commit": (None, head)}
    assert git(out, "symbolic-ref", "--short", "HEAD") == "main"
    new = commit(source, "four")
    (out / "untracked").write_text("stays")
    outcome = here.run("git", **task)
    assert (outcome.data["before"], outcome.data["after"]) == (head, new)
    assert (out / "f").read_text() == "four"
    assert (out / "untracked").read_text() == "stays"


@pytest.mark.parametrize("version", ["v1", "dev", "HEAD", "main"])
def test_versions_by_name(
    here: ActionHost, source: Path, task: dict[str, Any], out: Path, version: str
) -> None:
    wanted = git(source, "rev-parse", f"{version}^{{commit}}")
    diff = converges(here, "git", **task, version=version, depth=1)
    assert diff == {"commit": (None, wanted)}
    assert git(out, "rev-parse", "HEAD") == wanted
    assert git(out, "rev-list", "--count", "HEAD") == "1"


def test_a_commit_and_a_short_one(
    here: ActionHost, source: Path, task: dict[str, Any], out: Path
) -> None:
    second = git(source, "rev-parse", "main~1")
    converges(here, "git", **task, version=second)
    assert git(out, "rev-parse", "HEAD") == second
    first = git(source, "rev-parse", "v1^{commit}")
    converges(here, "git", **task, version=first[:10])
    assert git(out, "rev-parse", "HEAD") == first


def test_from_one_version_to_another_and_back(
    here: ActionHost, source: Path, task: dict[str, Any], out: Path
) -> None:
    for version in ("v1", "dev", "main", "v1"):
        converges(here, "git", **task, version=version)
        assert git(out, "rev-parse", "HEAD") == git(source, "rev-parse", f"{version}^{{commit}}")


def test_a_branch_that_was_rewritten(
    here: ActionHost, source: Path, task: dict[str, Any], out: Path
) -> None:
    here.run("git", **task, version="main")
    git(source, "reset", "-q", "--hard", "main~2")
    new = commit(source, "other")
    converges(here, "git", **task, version="main")
    assert git(out, "rev-parse", "HEAD") == new


def test_local_changes_stop_it_unless_forced(
    here: ActionHost, task: dict[str, Any], out: Path
) -> None:
    here.run("git", **task)
    (out / "f").write_text("mine")
    for check in (True, False):
        outcome = here.run("git", check=check, **task)
        assert outcome.status == "failed"
        assert "Local modifications exist in the destination" in outcome.msg
    assert (out / "f").read_text() == "mine"
    assert converges(here, "git", **task, force=True) == {"modified": (True, False)}
    assert (out / "f").read_text() == "three"


def test_without_update_it_is_left_alone(
    here: ActionHost, source: Path, task: dict[str, Any]
) -> None:
    here.run("git", **task, version="v1")
    commit(source, "four")
    outcome = here.run("git", **task, update=False)
    assert outcome.status == "ok"
    assert outcome.data["after"] == git(source, "rev-parse", "v1^{commit}")


def test_without_clone_it_only_asks(
    here: ActionHost, source: Path, task: dict[str, Any], out: Path
) -> None:
    outcome = here.run("git", **task, clone=False)
    assert outcome.status == "changed"
    assert outcome.data["after"] == git(source, "rev-parse", "main")
    assert not out.exists()


def test_another_address(
    here: ActionHost, source: Path, task: dict[str, Any], tmp_path: Path
) -> None:
    here.run("git", **task)
    moved = tmp_path / "moved"
    source.rename(moved)
    diff = converges(here, "git", repo=f"file://{moved}", dest=task["dest"])
    assert diff == {"url": (task["repo"], f"file://{moved}")}


def test_bare(here: ActionHost, source: Path, task: dict[str, Any], out: Path) -> None:
    converges(here, "git", **task, bare=True)
    assert (out / "HEAD").exists()
    new = commit(source, "four")
    converges(here, "git", **task, bare=True)
    assert git(out, "rev-parse", "main") == new


def test_submodules(
    here: ActionHost,
    source: Path,
    task: dict[str, Any],
    tmp_path: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sub = tmp_path / "sub"
    sub.mkdir()
    git(sub, "init", "-q", "-b", "main")
    commit(sub, "sub one")
    git(source, "submodule", "add", "-q", f"file://{sub}", "parts/sub")
    commit(source, "with sub")
    config = tmp_path / "gitconfig"
    config.write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    host = ActionHost(here.project)
    try:
        converges(host, "git", **task)
        assert (out / "parts/sub/f").read_text() == "sub one"
        new = commit(sub, "sub two")
        git(source / "parts/sub", "pull", "-q", "origin", "main")
        git(source, "add", "parts/sub")
        git(source, "commit", "-q", "-m", "newer sub")
        converges(host, "git", **task)
        assert git(out / "parts/sub", "rev-parse", "HEAD") == new
    finally:
        host.close()


def test_what_is_not_there(here: ActionHost, task: dict[str, Any], out: Path) -> None:
    outcome = here.run("git", **task, version="nowhere")
    assert outcome.status == "failed"
    assert "has no branch, tag or commit nowhere" in outcome.msg
    out.mkdir(parents=True)
    (out / "x").write_text("")
    outcome = here.run("git", **task)
    assert outcome.status == "failed"
    assert "holds no git repository" in outcome.msg


def test_a_host_without_git(here: ActionHost, task: dict[str, Any]) -> None:
    outcome = here.run("git", **task, executable="/none/git", check=True)
    assert outcome.status == "unknown"
    outcome = here.run("git", **task, executable="/none/git")
    assert outcome.status == "failed"
    assert "Failed to find required executable" in outcome.msg


def test_a_password_is_not_shown(here: ActionHost, out: Path) -> None:
    repo = "https://alice:geheim@127.0.0.1:1/x.git"
    outcome = here.run("git", repo=repo, dest=str(out))
    assert outcome.status == "failed"
    assert "geheim" not in f"{outcome.msg}{outcome.data}"


def test_options_cannot_be_smuggled_in(here: ActionHost, out: Path) -> None:
    with pytest.raises(PlaybookError, match="cannot be a repo"):
        here.run("git", repo="--upload-pack=x", dest=str(out))
