"""conda_env on this machine: a real solve, real pip, and a `conda` that links tiny packages."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from provision.actions.base import Outcome
from provision.errors import EnvironmentFileError, PlaybookError

from tests.actions.harness import ActionHost
from tests.conda.fakeconda import FakeConda, host_channel
from tests.conda.tinychannel import TinyChannel
from tests.conda.tinyindex import TinyIndex


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> TinyChannel:
    return host_channel(tmp_path_factory.mktemp("channel") / "tiny")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> TinyIndex:
    index = TinyIndex(tmp_path_factory.mktemp("index") / "simple")
    index.add("tool", "1.0", requires=["helper"])
    index.add("helper", "1.5")
    index.add("tool", "2.0", requires=["helper"])
    return index


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of locks for all tests of this file."""
    return tmp_path_factory.mktemp("cache")


class Case:
    """One Miniconda, one environment file."""

    def __init__(self, host: ActionHost, root: Path, channel: TinyChannel, index: TinyIndex):
        self.host = host
        self.conda = FakeConda(root / "miniconda3")
        self.channel = channel
        self.index = index
        self.write("  - data=1.0\n")

    def write(self, dependencies: str, more: str = "") -> None:
        text = f"name: demo\nchannels: [{self.channel.url}]\n{more}dependencies:\n{dependencies}"
        (self.host.project / "demo.yml").write_text(text)

    def run(self, *, check: bool = False, **args: Any) -> Outcome:
        args = {"file": "demo.yml", "conda": str(self.conda.prefix), **args}
        if args.get("state") == "absent":
            del args["file"]
        else:
            args.setdefault("index_url", self.index.url)
        return self.host.run("conda_env", check=check, **args)

    @property
    def prefix(self) -> Path:
        return self.conda.env("demo").resolve()


@pytest.fixture
def case(
    here: ActionHost,
    tmp_path: Path,
    channel: TinyChannel,
    wheels: TinyIndex,
    solved: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Case:
    monkeypatch.setenv("XDG_CACHE_HOME", str(solved))
    return Case(here, tmp_path, channel, wheels)


PIP = "  - python\n  - data=1.0\n  - pip:\n    - tool==1.0\n"


def test_it_is_built_and_then_left_alone(case: Case) -> None:
    first = case.run()
    assert first.status == "changed", first.msg
    assert case.conda.env("demo").is_symlink()
    assert (case.prefix / "share/data.txt").read_text() == "1.0"
    assert first.data["generation"] == case.prefix.name
    assert case.prefix.parent.name == ".generations"
    calls = len(case.conda.calls())
    second = case.run()
    assert (second.status, second.diff) == ("ok", [])
    assert len(case.conda.calls()) == calls


def test_check_mode_touches_nothing(case: Case) -> None:
    outcome = case.run(check=True)
    assert outcome.status == "changed"
    assert outcome.diff[0]["before"] is None
    assert not (case.conda.prefix / "envs").exists()
    assert case.conda.calls() == []


def test_a_changed_file_makes_a_new_generation_and_keeps_the_old(case: Case) -> None:
    case.run()
    old = case.prefix
    case.write("  - data=2.0\n")
    assert case.run(check=True).diff == [
        {"key": "conda:data", "kind": "version", "before": "1.0 h0_0", "after": "2.0 h0_0"}
    ]
    assert case.prefix == old
    outcome = case.run()
    assert outcome.status == "changed", outcome.msg
    assert (case.prefix / "share/data.txt").read_text() == "2.0"
    assert (old / "share/data.txt").read_text() == "1.0"
    built = len(case.conda.calls())
    case.write("  - data=1.0\n")
    assert case.run().status == "changed"
    assert case.prefix == old
    assert len(case.conda.calls()) == built  # the way back costs nothing


def test_pip_packages_come_with_hashes_and_are_seen(case: Case) -> None:
    case.write(PIP)
    outcome = case.run()
    assert outcome.status == "changed", outcome.msg
    shown = subprocess.run(
        [case.conda.env("demo") / "bin/python", "-c", "import tool; print(tool.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "1.0\n"
    assert case.run().status == "ok"
    lock = json.loads((case.prefix / "conda-meta/provision.record").read_text())["lock"]
    assert [p["name"] for p in lock["pip"]] == ["helper", "tool"]


def test_drift_names_the_packages_and_is_repaired(case: Case) -> None:
    case.write(PIP)
    case.run()
    damaged = case.prefix
    next((damaged / "conda-meta").glob("data-*.json")).unlink()
    pip = [str(damaged / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "uninstall", "-qy", "helper"], check=True)
    subprocess.run(
        [*pip, "install", "-q", "--no-deps", "--index-url", case.index.url, "tool==2.0"],
        check=True,
    )
    seen = case.run(check=True)
    assert seen.status == "changed"
    assert {(d["key"], d["kind"], d["before"], d["after"]) for d in seen.diff} == {
        ("conda:data", "missing", None, "1.0 h0_0"),
        ("pip:helper", "missing", None, "1.5"),
        ("pip:tool", "version", "2.0", "1.0"),
    }
    assert case.run().status == "changed"
    assert case.prefix.name == damaged.name + "-r2"
    assert not damaged.exists()  # nobody would want to go back to it
    assert case.run().status == "ok"


def test_a_foreign_package_is_drift(case: Case) -> None:
    case.run()
    (case.prefix / "conda-meta/extra-1-0.json").write_text(
        json.dumps({"name": "extra", "version": "1", "build": "0", "files": []})
    )
    diff = case.run(check=True).diff
    assert [(d["key"], d["kind"]) for d in diff] == [("conda:extra", "extra")]


def test_a_damaged_record_is_drift(case: Case) -> None:
    case.run()
    next((case.prefix / "conda-meta").glob("data-*.json")).write_text("{")
    keys = {d["key"] for d in case.run(check=True).diff}
    assert keys == {"conda:data", "files"}


def test_missing_and_changed_files_are_found_when_asked_for(case: Case) -> None:
    case.run()
    (case.prefix / "share/more.txt").unlink()
    (case.prefix / "share/data.txt").write_text("9.9")
    assert case.run(check=True).status == "ok"
    files = case.run(check=True, check_level="files")
    assert "share/more.txt" in files.diff[0]["before"]
    hashes = case.run(check=True, check_level="hashes")
    assert "share/data.txt" in hashes.diff[0]["before"]


def test_a_broken_interpreter_is_repaired(case: Case) -> None:
    case.write(PIP)
    case.run()
    (case.prefix / "bin/python").unlink()
    assert "bin/python" in {d["key"] for d in case.run(check=True).diff}
    assert case.run().status == "changed"
    assert case.run().status == "ok"


def test_a_failed_build_leaves_the_old_one_and_no_rest(case: Case) -> None:
    case.run()
    old = case.prefix
    case.write("  - data=2.0\n  - python\n")
    case.conda.behave(fail="link")
    outcome = case.run()
    assert outcome.status == "failed"
    assert "linking went wrong" in outcome.msg
    assert "python" in outcome.msg or "data" in outcome.msg
    assert case.prefix == old
    assert case.conda.generations("demo") == [old.name]
    case.conda.behave()
    assert case.run().status == "changed"


def test_an_exit_code_of_zero_is_not_believed(case: Case) -> None:
    case.conda.behave(fail="link", quietly=True)
    outcome = case.run()
    assert outcome.status == "failed"
    assert "said it was done" in outcome.msg
    assert not case.conda.env("demo").is_symlink()


def test_a_bad_exit_code_with_everything_there_is_a_warning(case: Case) -> None:
    case.conda.behave(rc=134)
    outcome = case.run()
    assert outcome.status == "changed"
    assert outcome.data["warnings"] == ["conda ended with 134, but everything is there"]


def test_a_pip_step_that_fails_leaves_the_old_generation(case: Case, tmp_path: Path) -> None:
    case.run()
    old = case.prefix
    index = TinyIndex(tmp_path / "index")
    wheel = index.add("fresh", "1.0")
    case.write("  - python\n  - pip:\n    - fresh==1.0\n")
    case.index = index
    assert case.run(check=True).status == "changed"
    wheel.write_bytes(wheel.read_bytes() + b"tampered")
    outcome = case.run()
    assert outcome.status == "failed"
    assert "fresh" in outcome.msg
    assert case.prefix == old
    assert case.conda.generations("demo") == [old.name]


def test_a_failing_verify_command_keeps_the_name_where_it_was(case: Case) -> None:
    case.write("  - python\n")
    outcome = case.run(verify="python -c 'raise SystemExit(7)'")
    assert outcome.status == "failed"
    assert "verify command ended with 7" in outcome.msg
    assert not case.conda.env("demo").exists()
    assert case.run(verify=["python", "-c", "pass"]).status == "changed"


def test_a_killed_build_is_taken_up(case: Case) -> None:
    case.conda.behave(sleep=60)
    sleeping = case.conda.prefix / "sleeping"

    def kill() -> None:
        while not sleeping.exists() or not sleeping.read_text():
            time.sleep(0.02)
        os.kill(int(sleeping.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = case.run()
    killer.join()
    assert outcome.status == "failed"
    assert not case.conda.env("demo").exists()
    case.conda.behave()
    assert case.run().status == "changed"
    assert len(case.conda.generations("demo")) == 1


def test_what_a_dead_agent_left_is_replaced(case: Case) -> None:
    case.run()
    done = case.prefix
    case.conda.env("demo").unlink()
    (done / "conda-meta/provision.record").unlink()  # as if the end came before the note
    next((done / "conda-meta").glob("*.json")).unlink()
    assert case.run().status == "changed"
    assert case.conda.generations("demo") == [done.name]
    assert case.run().status == "ok"


def test_an_environment_of_plain_conda_is_moved_aside(case: Case) -> None:
    plain = case.conda.env("demo")
    (plain / "conda-meta").mkdir(parents=True)
    (plain / "conda-meta/history").write_text("")
    (plain / "mine").write_text("keep me")
    outcome = case.run()
    assert outcome.status == "changed", outcome.msg
    assert plain.is_symlink()
    foreign = [g for g in case.conda.generations("demo") if "-foreign-" in g]
    assert len(foreign) == 1
    kept = case.conda.prefix / "envs/.generations" / foreign[0] / "mine"
    assert kept.read_text() == "keep me"
    assert case.run().status == "ok"


def test_a_move_that_was_cut_short_loses_nothing(case: Case) -> None:
    stranded = case.conda.prefix / "envs/.demo.provision-link"
    stranded.mkdir(parents=True)
    (stranded / "mine").write_text("keep me")
    assert case.run().status == "changed"
    (foreign,) = [g for g in case.conda.generations("demo") if "-foreign-" in g]
    assert (case.conda.prefix / "envs/.generations" / foreign / "mine").exists()
    assert not stranded.exists()


def test_old_generations_are_collected_but_not_those_in_use(case: Case) -> None:
    case.write("  - python\n  - data=1.0\n")
    case.run(keep=0)
    used = case.prefix
    program = [str(used / "bin/python"), "-c", "import time; print(1, flush=True); time.sleep(60)"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        case.write("  - python\n  - data=2.0\n")
        case.run(keep=0)
        assert used.exists()
        process.kill()
    case.write("  - python\n")
    case.run(keep=0)
    assert case.conda.generations("demo") == [case.prefix.name]


def test_variables_are_set_and_watched(case: Case) -> None:
    case.write("  - data=1.0\n", "variables:\n  MODEL_HOME: /srv/models\n")
    case.run()
    state = json.loads((case.prefix / "conda-meta/state").read_text())
    assert state["env_vars"] == {"MODEL_HOME": "/srv/models"}
    (case.prefix / "conda-meta/state").write_text('{"env_vars": {}}')
    outcome = case.run(check=True)
    assert [d["key"] for d in outcome.diff] == ["variable MODEL_HOME"]
    assert "/srv/models" not in json.dumps(outcome.diff)


def test_mode_is_set_and_kept(case: Case) -> None:
    case.run(mode="0750")
    assert case.prefix.stat().st_mode & 0o777 == 0o750
    case.prefix.chmod(0o700)
    outcome = case.run(mode="0750")
    assert [d["key"] for d in outcome.diff] == ["mode"]
    assert case.run(mode="0750").status == "ok"


def test_absent(case: Case) -> None:
    case.run()
    assert case.run(state="absent", name="demo", check=True).status == "changed"
    assert case.conda.env("demo").exists()
    assert case.run(state="absent", name="demo").status == "changed"
    assert not case.conda.env("demo").is_symlink()
    assert case.conda.generations("demo") == []
    assert case.run(state="absent", name="demo").status == "ok"


def test_force_builds_again(case: Case) -> None:
    case.run()
    first = case.prefix
    assert case.run(force=True).status == "changed"
    assert case.prefix == first.with_name(first.name + "-r2")
    assert case.run().status == "ok"


@pytest.fixture
def served(channel: TinyChannel) -> Iterator[str]:
    """The channel behind HTTP, for who has the token."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            token, self.path = self.path[:9], self.path[8:]
            if token != "/t/tk-77/":
                self.send_error(401)
            else:
                super().do_GET()

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    handler = partial(Handler, directory=str(channel.root.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/t/tk-77/{channel.root.name}"
        server.shutdown()
        thread.join()


def test_a_mirror_and_its_token_stay_out_of_the_records(case: Case, served: str) -> None:
    (case.host.project / "demo.yml").write_text(
        "name: demo\nchannels: [forge]\ndependencies: [data=1.0]\n"
    )
    source: dict[str, Any] = {
        "channel_alias": "https://alias.example",
        "mirrors": {"forge": served},
    }
    outcome = case.run(**source)
    assert outcome.status == "changed", outcome.msg
    record = json.loads(next((case.prefix / "conda-meta").glob("data-*.json")).read_text())
    assert record["url"] == "https://alias.example/forge/linux-64/data-1.0-h0_0.tar.bz2"
    for path in (case.prefix / "conda-meta").iterdir():
        assert "tk-77" not in path.read_text(), path
    assert not any("tk-77" in word for call in case.conda.calls() for word in call)
    assert case.run(**source).status == "ok"


def test_an_older_conda_gets_the_hashes_it_understands(case: Case) -> None:
    (case.conda.prefix / "conda-meta/conda-26.7.1-0.json").rename(
        case.conda.prefix / "conda-meta/conda-24.1.0-0.json"
    )
    assert case.run().status == "changed"
    explicit = (case.conda.prefix / "explicit.txt").read_text()
    assert re.search(r"\.tar\.bz2#[0-9a-f]{32}$", explicit, re.M)
    assert case.run().status == "ok"  # its records know no SHA-256: that is no difference


def test_without_conda_the_hint_is_miniconda(case: Case) -> None:
    (case.conda.prefix / "bin/conda").unlink()
    outcome = case.run()
    assert outcome.status == "failed"
    assert "`miniconda`" in outcome.msg


@pytest.mark.parametrize("name", ["base", "a/b", "a b", ".x"])
def test_names_that_cannot_be(case: Case, name: str) -> None:
    with pytest.raises(PlaybookError, match="cannot be an environment's name"):
        case.run(name=name)


def test_an_impossible_file_is_an_input_error(case: Case) -> None:
    case.write("  - data=3.0\n")
    with pytest.raises(EnvironmentFileError, match=r"no channel has data=3\.0"):
        case.run()


def test_default_channels_are_refused_without_a_word(case: Case) -> None:
    with pytest.raises(EnvironmentFileError, match="terms of service"):
        case.run(channels=["defaults"])


def test_the_name_may_differ_from_the_files(case: Case) -> None:
    assert case.run(name="other").data["path"].endswith("/envs/other")
