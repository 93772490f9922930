"""Runs one action for real: its controller half here, its host half in a local agent.

host = ActionHost(tmp_path)
host.run("file", path="/…", state="directory")        # an Outcome
host.run("file", check=True, path="/…")
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.actions import action
from provision.actions.base import Action, Blob, Call, Outcome
from provision.errors import ChannelLost, Mark, PlaybookError
from provision.transport import payload
from provision.transport.link import Link, Step
from provision.yamlsource import load_file

if TYPE_CHECKING:
    from provision.templating.scope import Scope
    from provision.templating.templar import Templar

__all__ = ["ActionHost", "PipeChannel", "TestContext"]


class PipeChannel:
    """A local process as a channel."""

    def __init__(self, argv: list[str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe)

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ChannelLost("the program ended while sending") from None

    def send_eof(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def recv(self, limit: int, timeout_s: float | None) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        if not ready:
            raise TimeoutError
        return os.read(self.process.stdout.fileno(), limit)

    def stderr(self, timeout_s: float = 0.0) -> bytes:
        assert self.process.stderr is not None
        ready, _, _ = select.select([self.process.stderr], [], [], timeout_s)
        return os.read(self.process.stderr.fileno(), 65536) if ready else b""

    def exit_status(self, timeout_s: float | None) -> int:
        return self.process.wait(timeout_s)

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # what was sent to a dead program
                    stream.close()
        self.process.wait(10)


class TestContext:
    """An ActionContext without an engine: files come from one directory."""

    __test__ = False

    def __init__(self, host: ActionHost, check: bool, variables: Mapping[str, Any]) -> None:
        self._owner = host
        self.host = "here"
        self.check = check
        self.diff = True
        self.become_user: str | None = None
        self.environment: Mapping[str, str] = {}
        self.vars: Mapping[str, Any] = variables
        self.secrets: list[str] = []
        self.place: Mark | None = None

    def facts(self) -> Mapping[str, Any]:
        return self._owner.link.facts()

    def find(self, kind: str, name: str) -> Path:
        for place in (Path(name), self._owner.project / kind / name, self._owner.project / name):
            if place.exists() and (
                place.is_absolute() or place.is_relative_to(self._owner.project)
            ):
                return place
        raise PlaybookError(f"no {kind} file {name!r}")

    def render_template(
        self,
        path: Path,
        variables: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        templar, scope = self._scope(variables)
        return templar.template_file(path, scope, **(options or {}))

    def read_yaml(self, path: Path) -> Any:
        return load_file(path)

    def decrypted(self, path: Path, data: bytes) -> bytes:
        raise PlaybookError(f"{path} is a vault file, and there is no password")

    def _scope(self, variables: Mapping[str, Any] | None = None) -> tuple[Templar, Scope]:
        from provision.templating.scope import Scope
        from provision.templating.templar import Templar

        templar = Templar(search_path=[self._owner.project])
        return templar, Scope([self.vars, *([variables] if variables else [])], templar=templar)

    def evaluate(self, expression: str) -> Any:
        templar, scope = self._scope()
        return templar.evaluate(expression, scope)

    def condition(self, value: object) -> bool:
        templar, scope = self._scope()
        return templar.condition(value, scope)

    def progress(self, phase: str, done: float = 0, total: float = 0, unit: str = "") -> None:
        pass

    def shared(self, key: object, make: Callable[[], Any]) -> Any:
        if key not in self._owner.made:
            self._owner.made[key] = make()
        return self._owner.made[key]

    def secret(self, value: str) -> None:
        self.secrets.append(value)


class ActionHost:
    """This machine as a host, with one agent. `project` holds files/, templates/.

    `argv` starts the agent elsewhere, through ssh for instance.
    """

    def __init__(
        self, project: Path, python: str = sys.executable, argv: list[str] | None = None
    ) -> None:
        self.project = project
        self.made: dict[object, Any] = {}
        self.link = Link(PipeChannel(argv or payload.command([python])), "here")

    def close(self) -> None:
        self.link.close()

    def run(
        self,
        name: str,
        /,
        *,
        check: bool = False,
        variables: Mapping[str, Any] | None = None,
        **args: Any,
    ) -> Outcome:
        """Runs an action as a task would."""
        acts = action(name)
        parsed = acts.parse(args)
        ctx = TestContext(self, check, variables or {})
        return self._finish(acts, acts.plan(parsed, ctx), ctx)

    def _finish(self, acts: Action, planned: Any, ctx: TestContext) -> Outcome:
        if isinstance(planned, Outcome):
            return planned
        if isinstance(planned, Call):
            return self._call(planned, ctx)
        try:
            call = next(planned)
            while True:
                call = planned.send(self._call(call, ctx))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome

    def _call(self, call: Call, ctx: TestContext) -> Outcome:
        blobs: dict[str, Blob] = {blob.sha256: blob for blob in call.blobs}
        check = ctx.check if call.check is None else call.check
        step = Step(0, call.mod, call.args, check=check, timeout_s=call.timeout_s)

        def on_data(_index: int, size: int, pieces: Any) -> None:
            if call.receive is not None:
                call.receive(size, pieces)

        result: dict[str, Any] = {}
        for said in self.link.run(
            [step], blobs=lambda d: blobs[d].open() if d in blobs else None, on_data=on_data
        ):
            if said["type"] == "result":
                result = said
        outcome = Outcome(
            status=result["status"],
            msg=result.get("msg", ""),
            diff=result.get("diff", []),
            data=result.get("data", {}),
            facts=result.get("facts", {}),
            traceback=result.get("traceback", ""),
            warnings=list(result.get("data", {}).get("warnings", ())),
        )
        return call.finish(outcome) if call.finish else outcome
