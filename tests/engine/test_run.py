"""A run as a whole: what its outputs can do to it."""

from __future__ import annotations

from pathlib import Path

from provision.engine.events import Event, Notice, TaskResult

from tests.engine.support import run_playbook


def test_a_report_that_fails_is_left_out_and_the_run_goes_on(tmp_path: Path) -> None:
    calls: list[Event] = []

    def breaks(event: Event, /) -> None:
        calls.append(event)
        raise OSError("no space left on device")

    text = "- hosts: all\n  tasks: [{debug: {msg: one}}, {debug: {msg: two}}]\n"
    ran = run_playbook(tmp_path, text, hosts=("a", "b"), sinks=[breaks])
    assert len(calls) == 1
    assert ran.summary.exit_code == 0
    assert len([event for event in ran.events if isinstance(event, TaskResult)]) == 4
    notices = [event.msg for event in ran.events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "no space left on device" in notices[0]
