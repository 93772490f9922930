"""include_vars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost


@pytest.fixture
def project(here: ActionHost) -> Path:
    folder = here.project / "vars"
    (folder / "sites" / "deep").mkdir(parents=True)
    (folder / "one.yml").write_text("a: 1\nb: [x]\n")
    (folder / "list.yml").write_text("- 1\n")
    (folder / "sites" / "20.yml").write_text("rack: 20\nonly20: true\n")
    (folder / "sites" / "10.yaml").write_text("rack: 10\n")
    (folder / "sites" / "deep" / "30.json").write_text('{"rack": 30}')
    (folder / "empty.yml").write_text("")
    return here.project


def values(here: ActionHost, **args: Any) -> dict[str, Any]:
    outcome = here.run("include_vars", **args)
    assert outcome.status == "ok", outcome.msg
    assert outcome.data["ansible_facts"] == outcome.host_vars
    return outcome.host_vars


def test_a_file(here: ActionHost, project: Path) -> None:
    assert values(here, file="one.yml") == {"a": 1, "b": ["x"]}
    assert values(here, file="one.yml", name="into") == {"into": {"a": 1, "b": ["x"]}}
    assert values(here, file="empty.yml") == {}


def test_a_directory_in_order(here: ActionHost, project: Path) -> None:
    assert values(here, dir="sites") == {"rack": 30, "only20": True}
    outcome = here.run("include_vars", dir="sites", depth=1)
    assert outcome.host_vars == {"rack": 20, "only20": True}
    names = [Path(name).name for name in outcome.data["ansible_included_var_files"]]
    assert names == ["10.yaml", "20.yml"]


def test_a_directory_with_filters(here: ActionHost, project: Path) -> None:
    assert values(here, dir="sites", files_matching="^1") == {"rack": 10}
    assert values(here, dir="sites", ignore_files=["20.yml", "30.json"]) == {"rack": 10}
    some = values(here, dir="sites", extensions=["json"], ignore_unknown_extensions=True)
    assert some == {"rack": 30}


def test_an_unknown_extension_fails(here: ActionHost, project: Path) -> None:
    outcome = here.run("include_vars", dir="sites", extensions=["json"])
    assert outcome.status == "failed"
    assert "does not have a valid extension: json" in outcome.data["message"]


def test_merging(here: ActionHost, project: Path) -> None:
    (project / "vars" / "m.yml").write_text("d: {x: 1, n: {p: 1}}\n")
    known = {"d": {"y": 2, "n": {"q": 2}}}
    outcome = here.run("include_vars", file="m.yml", hash_behaviour="merge", variables=known)
    assert outcome.host_vars == {"d": {"y": 2, "n": {"q": 2, "p": 1}, "x": 1}}


@pytest.mark.parametrize(
    ("name", "why"), [("list.yml", "must be stored as a dictionary"), ("no.yml", "no.yml")]
)
def test_what_cannot_be_read_fails_the_task(
    here: ActionHost, project: Path, name: str, why: str
) -> None:
    outcome = here.run("include_vars", file=name)
    assert outcome.status == "failed"
    assert why in outcome.data["message"]


def test_a_file_or_a_directory(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="'file' or 'dir'"):
        here.run("include_vars", file="a", dir="b")
