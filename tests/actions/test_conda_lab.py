"""miniconda and conda_env on a real host of the lab, installed from its mirror."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from provision.actions.base import Outcome
from provision.actions.miniconda import Args, bootstrap
from provision.conda.bootstrap import bootstrap_command, bootstrap_result, bootstrap_script
from provision.errors import ChannelLost
from provision.lab.remote import ssh_arguments
from provision.transport import payload

from tests.actions.harness import TestContext
from tests.actions.labhost import LabActionHost
from tests.labfixture import LabHostFactory, TestLab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ROOT = "/opt/provision-test-conda"
PREFIX = f"{ROOT}/miniconda3"
ENVS = f"{PREFIX}/envs"
RELEASE = {"version": "26.7.1-1", "python": "py311"}
SMALL = "  - prefix-demo=1.0\n  - six=1.16.0\n"
WITH_PIP = "  - python=3.11.2\n  - pip\n  - six=1.16.0\n  - pip:\n    - idna==3.10\n"


class Site:
    """One host, its Miniconda, and an environment file `demo.yml`."""

    def __init__(
        self,
        lab: TestLab,
        project: Path,
        name: str = "",
        interpreters: tuple[str, ...] = payload.INTERPRETERS,
    ) -> None:
        self.mirror = lab.state.mirror_url
        self.host = LabActionHost(lab, name or lab.hosts[-1].name, project, interpreters)
        self.project = project
        self.write(SMALL)

    def write(self, dependencies: str) -> None:
        (self.project / "demo.yml").write_text(
            f"name: demo\nchannels:\n  - conda-forge\ndependencies:\n{dependencies}"
            "prefix: /home/somebody/envs/demo\n"
        )

    def miniconda(self, **args: Any) -> Outcome:
        mirror = {"mirror": f"{self.mirror}/miniconda", "channel_alias": f"{self.mirror}/conda"}
        return self.host.run("miniconda", prefix=PREFIX, **{**RELEASE, **mirror, **args})

    def env(self, **args: Any) -> Outcome:
        mirror = {
            "channel_alias": f"{self.mirror}/conda",
            "index_url": f"{self.mirror}/pypi/simple/",
        }
        return self.host.run("conda_env", file="demo.yml", conda=PREFIX, **{**mirror, **args})

    def current(self) -> str:
        return self.host.sh(f"readlink -f {ENVS}/demo").strip()

    def generations(self) -> list[str]:
        return self.host.sh(f"ls {ENVS}/.generations 2>/dev/null || true").split()

    def clean(self) -> None:
        """No environments; the package cache stays."""
        self.host.sh(f"rm -rf {ENVS}; mkdir -p {ENVS}")


@pytest.fixture(scope="module")
def site(lab: TestLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        if not lab.state.mirror_port:
            pytest.skip("the lab has no mirror")
        made = Site(lab, tmp_path_factory.mktemp("project"))
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{made.mirror}/status").close()
        made.host.sh(f"rm -rf {ROOT}")
        yield made
        made.host.sh(f"rm -rf {ROOT}")
        made.host.close()


@pytest.fixture
def ready(site: Site) -> Site:
    """With Miniconda, without environments."""
    assert site.miniconda().status in ("ok", "changed")
    site.clean()
    site.write(SMALL)
    return site


def test_miniconda_is_installed_and_then_left_alone(site: Site) -> None:
    site.host.sh(f"rm -rf {ROOT}")
    assert site.miniconda().status == "changed"
    assert "26.7.1" in site.host.sh(f"{PREFIX}/bin/conda --version")
    assert "conda-forge" in site.host.sh(f"{PREFIX}/bin/conda config --show channels")
    again = site.miniconda()
    assert (again.status, again.diff) == ("ok", [])


def test_miniconda_is_upgraded(site: Site) -> None:
    site.host.sh(f"rm -rf {ROOT}")
    assert site.miniconda(version="24.11.1-0").data["version"] == "24.11.1"
    done = site.miniconda()
    assert done.status == "changed", done.msg
    assert "26.7.1" in site.host.sh(f"{PREFIX}/bin/conda --version")
    assert site.miniconda(version="24.11.1-0").status == "ok"


def test_a_corrupt_prefix_is_repaired_with_its_environments(ready: Site) -> None:
    ready.env()
    kept = ready.current()
    ready.host.sh(
        f"rm {PREFIX}/bin/conda; echo '{{' >$(ls {PREFIX}/conda-meta/pyyaml-*.json);"
        f"rm -r {PREFIX}/lib/python3.11/site-packages/yaml"
    )
    assert ready.miniconda().status == "changed"
    assert ready.host.sh(f"{PREFIX}/bin/conda --version").strip()
    assert ready.current() == kept
    assert ready.miniconda(check_level="files").status == "ok"
    assert ready.env().status == "ok"


def test_a_half_made_prefix_is_made_anew(site: Site) -> None:
    site.host.sh(f"rm -rf {ROOT}; mkdir -p {PREFIX}/pkgs/python-3.11.2")
    assert site.miniconda().status == "changed"
    assert site.miniconda().status == "ok"


def test_an_environment_is_built_and_runs(ready: Site) -> None:
    ready.write(WITH_PIP)
    done = ready.env(verify="python -c 'import idna, six'")
    assert done.status == "changed", done.msg
    told = ready.host.sh(f"{ENVS}/demo/bin/python -c 'import idna; print(idna.__version__)'")
    assert told == "3.10\n"
    listed = ready.host.sh(f"{PREFIX}/bin/conda list -n demo")
    assert "six" in listed
    assert "idna" in listed
    again = ready.env()
    assert (again.status, again.diff) == ("ok", [])
    assert ready.env(check_level="hashes").status == "ok"
    note = json.loads(ready.host.sh(f"cat {ENVS}/demo/conda-meta/provision.record"))
    assert note["lock"]["pip"][0]["name"] == "idna"


def test_an_environment_under_an_older_conda(site: Site) -> None:
    site.host.sh(f"rm -rf {ROOT}")
    site.miniconda(version="24.11.1-0")
    site.write(SMALL)
    assert site.env().status == "changed"
    assert site.env().status == "ok"


def test_removed_and_foreign_packages_are_named_and_repaired(ready: Site) -> None:
    ready.write(WITH_PIP)
    ready.env()
    pip = f"{ENVS}/demo/bin/python -m pip --disable-pip-version-check"
    ready.host.sh(f"{PREFIX}/bin/conda remove -y -n demo --force six && {pip} uninstall -qy idna")
    seen = ready.host.run(
        "conda_env",
        check=True,
        file="demo.yml",
        conda=PREFIX,
        channel_alias=f"{ready.mirror}/conda",
        index_url=f"{ready.mirror}/pypi/simple/",
    )
    assert {(d["key"], d["kind"]) for d in seen.diff} == {
        ("conda:six", "missing"),
        ("pip:idna", "missing"),
    }
    damaged = ready.current()
    assert ready.env().status == "changed"
    assert ready.current() == f"{damaged}-r2"
    assert ready.env().status == "ok"


def test_a_pip_failure_leaves_the_old_generation(ready: Site) -> None:
    ready.env()
    old = ready.current()
    ready.write(WITH_PIP)
    done = ready.env(verify="false")
    assert done.status == "failed"
    assert ready.current() == old
    names = [name for name in ready.generations() if not name.startswith(".")]
    assert names == [old.rpartition("/")[2]]


@pytest.mark.parametrize(
    "fault", [{"corrupt": True}, {"truncate": 300}, {"status": 404}, {"status": 500, "count": 1}]
)
def test_a_bad_download_leaves_the_old_generation(ready: Site, fault: dict[str, Any]) -> None:
    ready.env()
    old = ready.current()
    ready.write("  - prefix-demo=2.0\n")
    ready.host.sh(f"rm -rf {PREFIX}/pkgs/prefix-demo-2.0*")
    rule = {"path_regex": r"/prefix-demo-2\.0-.*(conda|bz2)$", **fault}
    faults = ready.host.lab.handle.layout.directory / "faults.json"
    faults.write_text(json.dumps([rule]))
    try:
        done = ready.env()
    finally:
        faults.unlink()
    if "count" in fault:  # a server's hiccup is tried again
        assert done.status == "changed", done.msg
        return
    assert done.status == "failed"
    assert "prefix-demo" in done.msg
    assert ready.current() == old
    assert len([name for name in ready.generations() if not name.startswith(".")]) == 1
    assert ready.env().status == "changed"


def _kill_when_it_links(site: Site, whom: str) -> threading.Thread:
    """Kills `conda` or its parent, the agent, as soon as conda runs, or what `whom` waits for."""
    line = (
        f"for i in $(seq 600); do p=$(pgrep -of '{PREFIX}/bin/[c]onda create'); "
        f'if [ -n "$p" ]; then {whom}; exit 0; fi; sleep 0.05; done; exit 1'
    )
    thread = threading.Thread(target=lambda: site.host.sh(line))
    thread.start()
    return thread


def test_a_killed_conda_is_a_failure_and_the_next_run_finishes(ready: Site) -> None:
    records = (f"{ENVS}/.generations/{name}/conda-meta/*.json" for name in ("*", ".*"))
    first_record = f"ls {' '.join(records)}"
    waiting = f"until {first_record} 2>/dev/null | grep -q json; do sleep 0.005; done"
    killer = _kill_when_it_links(ready, f"{waiting}; kill -9 $p")
    done = ready.env()
    killer.join()
    assert done.status == "failed"
    assert ready.host.sh(f"ls {ENVS}").split() == []
    assert ready.env().status == "changed"
    assert ready.env().status == "ok"


def test_a_killed_agent_is_survived_by_nothing_half_made(ready: Site) -> None:
    ready.env()
    old = ready.current()
    ready.write(WITH_PIP)
    killer = _kill_when_it_links(ready, "kill -9 $(ps -o ppid= -p $p)")
    with pytest.raises(ChannelLost):
        ready.env()
    killer.join()
    assert ready.current() == old
    ready.host.connect()
    assert ready.env().status == "changed"
    assert ready.env().status == "ok"
    names = [name for name in ready.generations() if not name.startswith(".")]
    assert len(names) == 2


def test_a_lost_controller_takes_conda_along(ready: Site) -> None:
    ready.write(WITH_PIP)
    thread = threading.Thread(target=lambda: _quietly(ready))
    thread.start()
    busy = f"pgrep -f '{PREFIX}/bin/[c]onda create' || true"
    deadline = time.monotonic() + 60
    while not ready.host.sh(busy) and time.monotonic() < deadline:
        time.sleep(0.05)
    ready.host.link.channel.process.kill()  # type: ignore[attr-defined]
    thread.join()
    deadline = time.monotonic() + 20
    while ready.host.sh(busy) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ready.host.sh(busy) == ""
    assert ready.host.sh(f"ls {ENVS}").split() == []
    ready.host.connect()
    assert ready.env().status == "changed"


def _quietly(site: Site) -> None:
    with contextlib.suppress(ChannelLost):
        site.env()


def test_two_builds_of_one_environment_wait_for_each_other(ready: Site) -> None:
    other = LabActionHost(ready.host.lab, ready.host.name, ready.project)
    other.made = ready.host.made
    ready.env(check_level="records")  # solved once for both
    ready.clean()
    outcomes: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(
            other.run(
                "conda_env",
                file="demo.yml",
                conda=PREFIX,
                channel_alias=f"{ready.mirror}/conda",
                index_url=f"{ready.mirror}/pypi/simple/",
            )
        )
    )
    thread.start()
    outcomes.append(ready.env())
    thread.join()
    other.close()
    assert {outcome.status for outcome in outcomes} <= {"changed", "ok"}, outcomes
    names = [name for name in ready.generations() if not name.startswith(".")]
    assert len(names) == 1


@pytest.mark.parametrize("release", ["bullseye", "trixie"])
def test_other_releases(
    release: str, lab_host: LabHostFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lab, host = lab_host(release=release)
    other = Site(lab, tmp_path, host.name)
    other.host.sh(f"rm -rf {ROOT}")
    other.write(WITH_PIP)
    for want in ("changed", "ok"):
        assert other.miniconda().status == want
        assert other.env().status == want
    other.host.sh(f"rm -rf {ROOT}")
    other.host.close()


def test_a_host_without_python(
    lab_host: LabHostFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lab, host = lab_host(python=False)
    other = Site(lab, tmp_path, host.name, (f"{PREFIX}/bin/python",))
    other.host.sh(f"rm -rf {ROOT}")
    release = Args(
        version="26.7.1-1",
        python="py311",
        prefix=PREFIX,
        mirror=f"{other.mirror}/miniconda",
        channel_alias=f"{other.mirror}/conda",
    )
    installer = Path(tmp_path / "installer.sh")
    name = "Miniconda3-py311_26.7.1-1-Linux-x86_64.sh"
    installer.write_bytes(urllib.request.urlopen(f"{other.mirror}/miniconda/{name}").read())
    request, _ = bootstrap(release, TestContext(other.host, False, {}))
    sent = dataclasses.replace(
        request,
        from_stdin=True,
        sha256={"x86_64": hashlib.sha256(installer.read_bytes()).hexdigest()},
    )
    for want in ("changed", "ok"):
        script = bootstrap_script(sent)
        command = bootstrap_command(script)
        done = subprocess.run(
            ssh_arguments(lab.handle, host.name, login="root", command=command),
            input=script.encode() + installer.read_bytes(),
            capture_output=True,
            timeout=120,
            check=True,
        )
        result = bootstrap_result(done.stdout)
        assert (result.status, result.python) == (want, f"{PREFIX}/bin/python")
    other.host.connect()
    assert other.miniconda().status == "ok"  # nothing is left for the agent to set
    for want in ("changed", "ok"):
        assert other.env().status == want
    other.host.sh(f"rm -rf {ROOT}")
    other.host.close()
