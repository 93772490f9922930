"""The agent as a process: what it does when things go wrong around it."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.errors import ChannelLost, NoInterpreter
from provision.transport import payload
from provision.transport.link import Link, Step

from tests.actions.harness import PipeChannel


@pytest.fixture
def link() -> Iterator[Link]:
    link = Link(PipeChannel(payload.command([sys.executable])), "here", ["ping", "command"])
    yield link
    link.close()


def run(*argv: str, **more: object) -> dict[str, object]:
    return {"argv": list(argv), **more}


def statuses(link: Link, steps: list[Step]) -> list[tuple[int, str]]:
    return [(said["i"], said["status"]) for said in link.run(steps) if said["type"] == "result"]


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/stat").read_text().split()
        if status[2] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_batch_stops_at_the_first_failure(link: Link) -> None:
    steps = [Step(0, "ping", {}), Step(1, "command", run("false")), Step(2, "ping", {})]
    assert statuses(link, steps) == [(0, "ok"), (1, "failed")]


def test_a_failure_that_is_ignored_does_not_stop_it(link: Link) -> None:
    steps = [Step(0, "command", run("false"), go_on=True), Step(1, "ping", {})]
    assert statuses(link, steps) == [(0, "failed"), (1, "ok")]


def test_a_group_runs_to_its_end_and_nothing_behind_it(link: Link) -> None:
    steps = [
        Step(0, "command", run("false"), group=7),
        Step(1, "command", run("true"), group=7),
        Step(2, "ping", {}),
    ]
    assert statuses(link, steps) == [(0, "failed"), (1, "changed")]


def test_a_defect_is_a_failed_step_with_its_place(link: Link) -> None:
    said = list(link.run([Step(0, "ping", {"data": "crash"})]))
    assert said[0]["status"] == "failed"
    assert "boom" in said[0]["msg"]
    assert "mods.ping" in said[0]["traceback"]
    assert statuses(link, [Step(0, "ping", {})]) == [(0, "ok")]


def test_a_deadline_ends_the_program_and_all_it_started(link: Link, tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pidfile}; wait"
    said = list(link.run([Step(0, "command", run("sh", "-c", script), timeout_s=0.5)]))
    assert "did not end within" in said[0]["msg"]
    assert gone(int(pidfile.read_text()))


def test_programs_end_when_the_controller_is_gone(tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    channel = PipeChannel(payload.command([sys.executable]))
    link = Link(channel, "here", ["command"])
    script = f"echo $$ > {pidfile}; exec sleep 60"
    link.facts()
    step = Step(0, "command", run("sh", "-c", script)).message()
    link._send(link._json({"type": "batch", "id": 1, "steps": [step]}))
    while not pidfile.exists() or not pidfile.read_text().strip():
        time.sleep(0.02)
    channel.close()
    assert gone(int(pidfile.read_text()))


def test_a_terminated_agent_ends_its_programs(tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    channel = PipeChannel(payload.command([sys.executable]))
    link = Link(channel, "here", ["command"])
    link.facts()
    script = f"echo $$ > {pidfile}; exec sleep 60"
    step = Step(0, "command", run("sh", "-c", script)).message()
    link._send(link._json({"type": "batch", "id": 1, "steps": [step]}))
    while not pidfile.exists() or not pidfile.read_text().strip():
        time.sleep(0.02)
    channel.process.send_signal(signal.SIGTERM)
    assert gone(int(pidfile.read_text()))
    link.close()


def test_stop_ends_the_batch_after_the_step_it_is_in(link: Link) -> None:
    seen = []
    for said in link.run([Step(0, "command", run("sleep", "0.3")), Step(1, "ping", {})]):
        seen.append(said["i"])
    assert seen == [0, 1]
    steps = [Step(n, "command", run("sleep", "0.2")) for n in range(10)]
    seen = []
    link.stop()
    for said in link.run(steps):
        seen.append(said["i"])
        if said["i"] == 0:
            link.stop()
    assert 0 < len(seen) < 10


def test_what_a_program_prints_cannot_disturb_the_frames(link: Link) -> None:
    noise = "printf '\\000\\000\\000\\005J{}' ; echo x >&2"
    said = list(link.run([Step(0, "command", run("sh", "-c", noise)), Step(1, "ping", {})]))
    assert [s["status"] for s in said] == ["changed", "ok"]


def test_output_that_is_not_text_survives(link: Link) -> None:
    said = list(link.run([Step(0, "command", run("printf", "\\377\\376"))]))
    text = said[0]["data"]["stdout"]
    assert text.encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_noise_of_a_login_shell_is_dropped() -> None:
    argv = ["/bin/sh", "-c", "echo Welcome to the lab; " + payload.command_line([sys.executable])]
    link = Link(PipeChannel(argv), "here", ["ping"])
    assert statuses(link, [Step(0, "ping", {})]) == [(0, "ok")]
    link.close()


def test_a_host_without_python_is_named() -> None:
    link = Link(PipeChannel(payload.command(["/nowhere/python3"])), "bare", ["ping"])
    with pytest.raises(NoInterpreter, match="no Python on the host"):
        list(link.run([Step(0, "ping", {})]))
    link.close()


def test_an_old_python_says_so(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 'PROVISION-OLD-PYTHON 3.6 /usr/bin/python3'\nexit 126\n")
    old.chmod(0o755)
    link = Link(PipeChannel(payload.command([str(old)])), "old", ["ping"])
    with pytest.raises(NoInterpreter, match=r"Python 3\.6 .* is too old"):
        list(link.run([Step(0, "ping", {})]))
    link.close()


def test_an_agent_that_dies_is_a_lost_channel(link: Link) -> None:
    assert isinstance(link.channel, PipeChannel)
    link.facts()
    link.channel.process.kill()
    with pytest.raises(ChannelLost, match="the agent ended"):
        list(link.run([Step(0, "ping", {})]))


def test_content_comes_when_it_is_needed_and_is_checked(tmp_path: Path) -> None:
    from provision.actions.base import blob_of

    from tests.actions.harness import ActionHost

    project = tmp_path / "project"
    project.mkdir()
    data = os.urandom(3_000_000)
    (project / "big").write_bytes(data)
    host = ActionHost(project)
    target = tmp_path / "there"
    before = host.link.round_trips
    assert host.run("copy", src="big", dest=str(target)).status == "changed"
    assert hashlib.sha256(target.read_bytes()).hexdigest() == blob_of(data).sha256
    assert host.link.round_trips - before == 2
    before = host.link.round_trips
    assert host.run("copy", src="big", dest=str(target)).status == "ok"
    assert host.link.round_trips - before == 1
    host.close()


def test_a_program_that_ends_while_we_send_has_said_why(tmp_path: Path) -> None:
    """The preamble is longer than a pipe: without a reader it cannot be sent to its end."""

    class Broken(PipeChannel):
        def send(self, data: bytes) -> None:
            self.process.wait(10)
            raise ChannelLost("the program ended while sending")

    link = Link(Broken(payload.command(["/nowhere/python3"])), "bare", ["ping"])
    with pytest.raises(NoInterpreter, match="no Python on the host"):
        list(link.run([Step(0, "ping", {})]))
    link.close()
