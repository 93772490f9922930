"""The main job, end to end, on every kind of host at once: Debian bookworm, trixie, bullseye and
a host without any Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from provision.lab import Lab, UpRequest

from tests.labfixture import TestLab, demand_lab

ROOT = Path(__file__).parents[1]
PROVISION = Path(sys.executable).with_name("provision")
SITE = ROOT / "playbooks/site.yml"

pytestmark = [pytest.mark.lab, pytest.mark.slow]


class Job:
    """The main job on one mixed lab."""

    def __init__(self, lab: TestLab) -> None:
        self.lab = lab
        self.hosts = [host.name for host in lab.hosts]

    def run(self, *args: str) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and task events."""
        argv = [str(PROVISION), *args, str(SITE), "-i", str(ROOT / "inventories/lab.yml"), "--json"]
        done = subprocess.run(
            argv,
            env={**os.environ, "PROVISION_LAB_DIR": str(self.lab.handle.layout.directory)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert events, done.stderr
        notices = [event["msg"] for event in events if event["type"] == "notice"]
        assert not notices, "\n".join(notices)
        return done.returncode, [event for event in events if event["type"] == "task"]

    def ask(self, host: str) -> tuple[str, str]:
        """What the two services answer."""
        language = self.lab.run(
            host,
            "curl -fsS --get --data-urlencode 'text=Où est la salle des machines ?'"
            " http://127.0.0.1:8001/identify",
        )
        kind = self.lab.run(
            host,
            "curl -fsS --data-binary @- http://127.0.0.1:8002/identify",
            stdin='#!/bin/sh\nset -eu\nfor f in *; do echo "$f"; done\n',
        )
        return json.loads(language.stdout)["language"], json.loads(kind.stdout)["label"]


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    demand_lab()
    base = Path(tempfile.mkdtemp(prefix="provision-main-"))
    handle = Lab(base / "lab")
    request = UpRequest(
        hosts=4, releases=("bookworm", "trixie", "bullseye"), without_python=("gpu04",)
    )
    try:
        job = Job(TestLab(handle, handle.up(request)))
        code, tasks = job.run("apply")
        troubles = [task for task in tasks if task["status"] not in ("ok", "changed")]
        assert code == 0, json.dumps(troubles, indent=1)
        yield job
    finally:
        handle.down()


def test_every_kind_of_host_is_there(job: Job) -> None:
    kinds = {(host.release, host.python) for host in job.lab.hosts}
    assert kinds == {
        ("bookworm", True),
        ("trixie", True),
        ("bullseye", True),
        ("bookworm", False),
    }


def test_a_second_run_changes_nothing(job: Job) -> None:
    code, tasks = job.run("apply")
    assert code == 0
    assert [t for t in tasks if t["status"] != "ok"] == []
    assert len(tasks) == 5 * len(job.hosts)


def test_both_services_answer_on_every_host(job: Job) -> None:
    assert {host: job.ask(host) for host in job.hosts} == dict.fromkeys(job.hosts, ("fr", "shell"))


def test_the_environments_cannot_share_one_python(job: Job) -> None:
    for host in job.hosts:
        code = "import numpy; print(numpy.__version__.split('.')[0])"
        environments = ("speech-langid-v1", "file-type-v1")
        pythons = [f"/opt/miniconda3/envs/{name}/bin/python" for name in environments]
        versions = [job.lab.run(host, [p, "-c", code]).stdout.strip() for p in pythons]
        assert versions == ["1", "2"]


def test_a_plan_after_the_job_has_nothing_to_do(job: Job) -> None:
    code, _ = job.run("plan")
    assert code == 0


def test_drift_names_what_was_tampered_with_and_apply_repairs_it(job: Job) -> None:
    for victim in job.hosts[1:]:
        job.lab.run(
            victim,
            "sed -i 's/^Restart=.*/Restart=no/' /etc/systemd/system/langid.service;"
            "/opt/miniconda3/envs/speech-langid-v1/bin/python -m pip uninstall -q -y h11"
            " --root-user-action=ignore; systemctl stop filetype",
        )
    code, tasks = job.run("drift")
    assert code == 3
    drifted = {
        (task["host"], task["task"]): {entry["key"] for entry in task["diff"]}
        for task in tasks
        if task["status"] != "ok"
    }
    expected = {}
    for victim in job.hosts[1:]:
        expected[victim, "environment for language identification"] = {"pip:h11"}
        expected[victim, "language identification"] = {"unit"}
        expected[victim, "file types"] = {"active"}
    assert drifted == expected
    assert job.run("apply")[0] == 0
    for victim in job.hosts:
        assert job.ask(victim) == ("fr", "shell")
    assert job.run("drift")[0] == 0
