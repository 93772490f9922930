"""Runs a step in the background. args: jid, limit_s, dir, step (a step as in a batch).

The job is a process of its own that outlives the agent. What becomes of it stands in a file
named after it, which `async_status` reads.
"""

from __future__ import annotations

import _signal
import os

from provision.agent import core, proc
from provision.agent.mods import async_status
from provision.agent.wire import Closed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, NoReturn

    from provision.agent.core import Agent, Args, Context, Result


class _Mute:
    """In the place of the wire: nobody listens to a job."""

    pending = ()
    busy = True

    def say(self, message: Mapping[str, Any]) -> None:
        pass

    def put(self, kind: bytes, body: bytes) -> None:
        pass

    def flush(self) -> None:
        pass

    def flush_if_due(self) -> None:
        pass

    def readable(self) -> bool:
        return False

    def receive(self) -> NoReturn:
        raise Closed()


def main(ctx: Context, args: Args) -> Result:
    step = dict(args["step"])
    ctx.agent.module(step["mod"])  # a job cannot ask the controller for it any more
    path = async_status.path_of(args["jid"], args.get("dir") or "", ctx.environ())
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    async_status.write(path, {"started": 1, "finished": 0, "ansible_job_id": args["jid"]})
    pid = os.fork()
    if pid == 0:
        _detach(ctx.agent, step, path, args)
    os.waitpid(pid, 0)
    return core.changed(
        ansible_job_id=args["jid"], started=1, finished=0, results_file=path, changed=True
    )


def _detach(agent: Agent, step: Dict[str, Any], path: str, args: Args) -> NoReturn:
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        _run(agent, step, path, args)
    except BaseException:
        os._exit(1)
    os._exit(0)


def _run(agent: Agent, step: Dict[str, Any], path: str, args: Args) -> None:
    """The job itself: nothing of the agent's connection is left to it."""
    limit = int(args["limit_s"])

    def too_long(_number: int, _frame: Any) -> None:
        words = "Job reached maximum time limit of %d seconds." % limit
        result = {"failed": True, "msg": words, "child_pid": os.getpid()}
        async_status.write(path, async_status.finished(result, args["jid"]))
        proc.end_all()
        os._exit(1)

    _signal.setitimer(_signal.ITIMER_REAL, 0)
    for number in (1, 15):
        _signal.signal(number, _signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2, agent.wire.fd_in, agent.wire.fd_out):
        os.dup2(null, fd)
    agent.wire = _Mute()  # type: ignore[assignment]
    agent.steps, agent.position = [step], 0
    proc.groups.clear()
    core.staged.clear()
    _signal.signal(_signal.SIGALRM, too_long)
    _signal.setitimer(_signal.ITIMER_REAL, max(1, limit))
    done = agent.run_step(step)
    _signal.setitimer(_signal.ITIMER_REAL, 0)
    async_status.write(path, async_status.finished(_registered(done), args["jid"]))


def _registered(done: Mapping[str, Any]) -> Dict[str, Any]:
    """A step's result as `register` would keep it."""
    result: Dict[str, Any] = {
        "changed": done["status"] == "changed",
        "failed": done["status"] == "failed",
    }
    result.update(done.get("data") or {})
    if done["status"] == "skipped":
        result["skipped"] = True
    if done.get("msg"):
        result.setdefault("msg", done["msg"])
    return result
