"""provision env lock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.inprocess import Output, provision
from tests.conda.tinychannel import TinyChannel
from tests.conda.tinyindex import TinyIndex

FILE = """\
name: bert-v1
channels: [tiny]
dependencies:
  - numpy=1.26.4   # pinned
  - pip
  - pip:
    - tool==1.0
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> TinyChannel:
    made = TinyChannel(tmp_path_factory.mktemp("channels") / "tiny")
    made.add("python", "3.11.2", "h1_0")
    for number in ("1.26.3", "1.26.4", "2.0.0"):
        made.add("numpy", number, "py311_0", depends=["python >=3.11,<3.12.0a0"])
    made.add("old", "1.0", depends=["numpy <2"])
    made.add("pip", "25.0", depends=["python"], subdir="noarch")
    made.add("torch", "2.1.1", "cuda_1", depends=["__cuda >=12", "numpy"])
    made.add("torch", "2.1.0", "cpu_0", depends=["numpy"])
    made.index()
    return made


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> TinyIndex:
    made = TinyIndex(tmp_path_factory.mktemp("index") / "simple")
    made.add("tool", "1.0", requires=["helper>=1"])
    made.add("helper", "1.5")
    return made


class Project:
    def __init__(self, root: Path, channel: TinyChannel, wheels: TinyIndex) -> None:
        self.file = root / "bert.yml"
        self.lock = root / "bert.lock.yml"
        self.sources = ["--channel-alias", channel.root.parent.as_uri(), "--index-url", wheels.url]
        self.file.write_text(FILE)

    def run(self, *more: str, file: str = "bert.yml") -> Output:
        return provision("env", "lock", file, *self.sources, *more)


@pytest.fixture
def project(
    tmp_path: Path, channel: TinyChannel, wheels: TinyIndex, monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, channel, wheels)


def test_a_lock_beside_the_file(project: Project) -> None:
    done = project.run()
    assert (done.code, done.err) == (0, "")
    assert done.out == "bert.lock.yml: 3 conda and 2 pip packages for linux-64 (glibc 2.28)\n"
    first = project.lock.read_bytes()
    assert project.run().out == "bert.lock.yml is up to date; --update solves again\n"
    assert project.run("--update").code == 0
    assert project.lock.read_bytes() == first


def test_a_stale_lock_is_told_and_renewed(project: Project) -> None:
    assert project.run("--check").code == 3
    project.run("--platform", "linux-64", "--glibc", "2.31")
    assert project.run("--check").code == 0
    project.file.write_text("# a comment\n" + FILE)
    assert project.run("--check").code == 0
    project.file.write_text(FILE.replace("numpy=1.26.4", "numpy=1.26.3"))
    stale = project.run("--check")
    assert stale.code == 3
    assert stale.out.splitlines()[0] == (
        "bert.lock.yml is stale: numpy=1.26.3 is new; numpy=1.26.4 is gone"
    )
    done = project.run()
    assert done.out == (
        "bert.lock.yml: 3 conda and 2 pip packages for linux-64 (glibc 2.31)\n"
        "  conda numpy: 1.26.4 py311_0 → 1.26.3 py311_0\n"
    )
    told = json.loads(project.run("--check", "--json").out)
    assert told == {"type": "check", "lock": "bert.lock.yml", "fresh": True, "changes": []}


def test_several_platforms_are_several_solves(project: Project) -> None:
    project.file.write_text("channels: [tiny]\ndependencies: [torch]\n")
    done = project.run("--cuda", "none", "--cuda", "12.4", "--glibc", "2.31", "--json")
    assert [(lock["platform"], lock["conda"]) for lock in json.loads(done.out)["locks"]] == [
        ("linux-64", 3), ("linux-64", 3),
    ]  # fmt: skip
    text = project.lock.read_text()
    assert text.count("build: cuda_1") == text.count("build: cpu_0") == 1
    again = project.run("--platform", "linux-aarch64")
    assert again.code == 2  # the channel has nothing for it
    assert "for linux-aarch64" in again.err
    assert project.lock.read_text() == text


def test_other_options_solve_again(project: Project) -> None:
    project.run()
    assert "glibc 2.31" in project.run("--glibc", "2.31").out
    assert "up to date" in project.run("--glibc", "2.31").out
    assert "pip packages" in project.run("--channel-priority", "strict").out


def test_what_cannot_be_fulfilled_is_explained_with_lines(project: Project) -> None:
    project.file.write_text("channels: [tiny]\ndependencies:\n  - numpy=2.0.0\n  - old\n")
    done = project.run()
    assert done.code == 2
    assert "error: nothing fulfils all of the file's specs for linux-64" in done.err
    assert "bert.yml:3:5" in done.err
    assert "bert.yml:4:5" in done.err
    assert "Traceback" not in done.err
    assert not project.lock.exists()
    project.file.write_text("channels: [tiny]\ndependencies:\n  - numpy=1.26.4=py311_7\n")
    assert "there are 2.0.0=py311_0, 1.26.4=py311_0" in project.run().err


def test_other_forms(project: Project) -> None:
    done = project.run("--format", "explicit")
    assert "conda does not install pip packages from such a list" in done.err
    lines = Path("bert.linux-64.txt").read_text().splitlines()
    assert lines[:2] == ["# platform: linux-64", "@EXPLICIT"]
    assert [line for line in lines if line.startswith("# pip tool==1.0 --hash=sha256:")]
    assert not project.lock.exists()
    printed = project.run("--format", "explicit", "-o", "-")
    assert printed.out.splitlines() == lines
    refused = project.run("--format", "pixi")
    assert refused.code == 2  # the index is a directory: nobody else could reach it
    assert "cannot be written in pixi's form" in refused.err


def test_other_inputs(project: Project) -> None:
    project.run("--format", "explicit", "-o", "list.txt")
    done = project.run(file="list.txt")
    assert done.out == "list.lock.yml: 3 conda and 2 pip packages for linux-64\n"
    assert project.run("--check", file="list.txt").code == 0
    Path("requirements.txt").write_text("tool==1.0\n")
    done = project.run("--python", "3.11", "-c", "tiny", file="requirements.txt")
    assert done.out.startswith("requirements.lock.yml: 2 conda and 2 pip packages")
    own = project.run(file="list.lock.yml")
    assert own.code == 2
    assert "a lock already" in own.err


def test_mistakes_of_use(project: Project) -> None:
    assert "cannot read the file" in project.run(file="nope.yml").err
    assert project.run("--mirror", "x").code == 2
    assert project.run("--check", "--format", "pixi").code == 2
