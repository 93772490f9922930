"""What the hand-written pages promise."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from docs.generate import DOCS
from docs.sizes import BOUNDS, measured
from provision.engine.events import STATUSES
from provision.playbook import keywords

from tests.cli.inprocess import provision

ROOT = DOCS.parent


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_what_is_sent_weighs_no_more_than_the_page_says(name: str) -> None:
    assert f"| {name} | below {BOUNDS[name]:,} |" in _page("agent.md")
    assert BOUNDS[name] / 3 < measured()[name] < BOUNDS[name]


def test_every_keyword_of_the_language_is_on_its_page() -> None:
    page = _page("playbooks.md")
    known = keywords.PLAY | keywords.HANDLER | keywords.BLOCK | keywords.LOOP_CONTROL
    missing = {word for word in known if f"`{word}`" not in page}
    assert not missing


def test_every_dependency_has_its_reason_and_no_other() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {re.split(r"[<>=\[ ]", name)[0] for name in told["project"]["dependencies"]}
    assert set(re.findall(r"^\| \[([\w-]+)\]", _page("dependencies.md"), re.MULTILINE)) == needed
    for extra in told["project"]["optional-dependencies"]["lab"]:
        assert f"`{re.split(r'[<>=]', extra)[0]}`" in _page("dependencies.md")


def test_every_status_is_explained() -> None:
    page = _page("errors.md")
    assert all(f"| {status} | " in page for status in STATUSES)


@pytest.mark.parametrize(
    "task", ["tempalte: {src: a.j2, dest: /etc/a}", "file: {path: /etc/a, state: direktory}"]
)
def test_errors_look_as_the_page_shows_them(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yml").write_text(f"- hosts: all\n  tasks:\n    - name: config\n      {task}\n")
    done = provision("apply", "site.yml", "-i", "gpu01,")
    assert (done.code, done.out) == (2, "")
    assert f"```\n{done.err}```" in _page("errors.md")


def test_no_page_names_a_place_of_one_machine() -> None:
    for path in DOCS.rglob("*.md"):
        assert not re.search(r"/root/|/home/|/work/", path.read_text(encoding="utf-8")), path


def test_the_index_names_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", _page("README.md")))
    assert linked | {"README.md"} == {path.name for path in DOCS.glob("*.md")}
