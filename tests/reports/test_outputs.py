from __future__ import annotations

from provision.engine.events import Notice, RunStarted, TaskResult
from provision.reports.outputs import Outputs

from tests.reports.scripted import Stream


def test_every_line_stands_behind_its_host() -> None:
    stream = Stream()
    sink = Outputs(stream)
    sink(RunStarted("apply", [], ["gpu1", "gpu10"]))
    sink(TaskResult(host="gpu1", status="changed", data={"stdout": "a\n\x1b[2Jb\n", "rc": 0}))
    sink(Notice("warning", "slow clock", "gpu1"))
    sink(TaskResult(host="gpu10", status="failed", data={"stderr": "no", "rc": 3}, hint="look"))
    sink(TaskResult(host="gpu1", status="unreachable", msg="refused"))
    sink(TaskResult(host="gpu1", status="ok", data={"rc": 0}))
    sink(TaskResult(host="gpu1", status="ok", msg="fine", data={"size": 3}))
    sink.close()
    assert stream.text().splitlines() == [
        "gpu1  │ a",
        "gpu1  │ \\x1b[2Jb",
        "warning: gpu1: slow clock",
        "gpu10 │ no",
        "gpu10 │ failed: exit status 3",
        "gpu10 │ hint: look",
        "gpu1  │ unreachable: refused",
        'gpu1  │ ok: fine {"size": 3}',
    ]
