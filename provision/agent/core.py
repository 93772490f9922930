"""Frames, batches and the observe → compare → apply → observe loop.

A frame is a 4-byte big-endian length, one kind byte, and that many bytes less one: `J` is a
JSON object, `B` a piece of bulk data (an empty one ends a transfer).

    controller → agent                      agent → controller
    {"type":"batch","id","steps":[…]}       {"type":"hello","protocol","facts"}   once, first
    {"type":"modules","names":[…]} B… B     {"type":"result","i",…}               one a step
    {"type":"stop"}                         {"type":"need","blob"}  then B… B comes back
    {"type":"blob","missing":true}          {"type":"progress","i",…}, {"type":"alive"}
                                            {"type":"data","i","size"} B… B
                                            {"type":"done","id"}

The agent ends when its input does, and ends what it started.
"""

from __future__ import annotations

import _signal
import os
import select
import sys
import time

from provision.agent import proc
from provision.agent.hello import cheap_facts, load_modules
from provision.agent.state import (
    Fail,
    State,
    changed,
    converge,
    failed,
    ok,
    skipped,
    unknown,
)
from provision.agent.wire import Closed, Wire, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Callable,
        Dict,
        Iterator,
        List,
        Mapping,
        NoReturn,
        Optional,
        Sequence,
        Tuple,
    )

    from provision.agent.state import Args, Observed, Result

#: What host halves take from here.
__all__ = [
    "Agent",
    "Args",
    "Closed",
    "Context",
    "Fail",
    "Observed",
    "Result",
    "State",
    "Wire",
    "changed",
    "converge",
    "dumps",
    "failed",
    "loads",
    "ok",
    "serve",
    "skipped",
    "staged",
    "unknown",
]

PROTOCOL = 1
_AHEAD = 64  # blobs asked for before the first has come; few enough to fit into a pipe
_ALIVE_S = 10.0  # silence after which the agent says that it still works


class Context:
    """What a step may use. One for each step; `agent` outlives them."""

    def __init__(self, agent: Agent, step: Mapping[str, Any]) -> None:
        self.agent = agent
        self.index: int = step["i"]
        self.module: str = step["mod"]
        self.check: bool = step.get("check", False)
        self.want_diff: bool = step.get("diff", True)
        self.env: Dict[str, str] = step.get("env") or {}
        limit = self.limit_s = step.get("timeout_s")
        self.deadline: Optional[float] = None if limit is None else time.monotonic() + limit

    def left_s(self) -> Optional[float]:
        """Seconds until this step's deadline; None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def environ(self, extra: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
        """The environment for a program: the login's, the task's, then `extra`."""
        env = dict(os.environ)
        env.update(self.env)
        if extra:
            env.update(extra)
        return env

    def run(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        timeout_s: Optional[float] = None,
        ok: Optional[Sequence[int]] = (0,),
        umask: Optional[int] = None,
        preexec: Optional[Callable[[], None]] = None,
        on_output: Optional[Callable[[int, bytes], None]] = None,
        on_tick: Optional[Callable[[], None]] = None,
    ) -> proc.Completed:
        """Runs a program within the step's deadline.

        `env` adds to the environment. `ok` are the exit codes that are fine, None for all;
        any other one, a program that is missing, or running out of time raises Fail.
        `on_tick` is called about once a second while it runs.
        """
        left = self.left_s()
        if left is not None:
            timeout_s = left if timeout_s is None else min(left, timeout_s)
        self.agent.wire.flush_if_due()
        try:
            done = proc.run(
                argv, stdin, cwd, self.environ(env), timeout_s, umask, preexec, on_output, on_tick
            )
        except OSError as exc:
            raise Fail("cannot run %s: %s" % (argv[0], exc.strerror or exc), rc=127) from None
        data = {"rc": done.rc, "stdout": done.stdout, "stderr": done.stderr, "cmd": list(argv)}
        if done.timed_out:
            if self.left_s() == 0:
                data["timedout"] = {"period": self.limit_s}
            raise Fail("%s did not end within %.0f s" % (argv[0], timeout_s or 0), **data)
        if ok is not None and done.rc not in ok:
            words = (done.stderr.strip() or done.stdout.strip()).splitlines()
            why = ": " + words[-1] if words else ""
            raise Fail("%s ended with %d%s" % (argv[0], done.rc, why), **data)
        return done

    def probe(
        self, argv: Sequence[str], ok: Optional[Sequence[int]] = None, timeout_s: float = 60
    ) -> proc.Completed:
        """Runs a program that only observes, in the C locale."""
        return self.run(argv, env={"LC_ALL": "C"}, ok=ok, timeout_s=timeout_s)

    def progress(self, **what: Any) -> None:
        """Tells the controller how far this step is, e.g. phase="download", done=3, total=9."""
        what.update(type="progress", i=self.index)
        self.agent.wire.say(what)
        self.agent.wire.flush_if_due()

    def receive_blob(self, digest: str) -> Iterator[bytes]:
        """The pieces of the blob whose SHA-256 is `digest`; the caller checks the hash."""
        return self.agent.receive_blob(digest)

    def receive_blobs(self, digests: Sequence[str]) -> Iterator[Tuple[str, Iterator[bytes]]]:
        """Many blobs in their order, asked for ahead: they cost about one round trip together."""
        asked = 0
        for position, digest in enumerate(digests):
            while asked < min(len(digests), position + _AHEAD):
                self.agent.ask_blob(digests[asked])
                asked += 1
            pieces = self.agent.take_blob()
            yield digest, pieces
            for _ in pieces:  # what the caller left
                pass

    def send_data(self, size: int, pieces: Iterator[bytes]) -> None:
        """Sends bulk data that belongs to this step's result."""
        wire = self.agent.wire
        wire.say({"type": "data", "i": self.index, "size": size})
        for piece in pieces:
            wire.put(b"B", piece)
            wire.flush()
        wire.put(b"B", b"")
        wire.flush()

    @property
    def prepared(self) -> Any:
        """What the module's `prepare` observed, renewed when something has changed since."""
        return self.agent.prepared(self)


def _trace(exc: BaseException) -> str:
    """Where a defect is. `traceback` cannot read code whose line tables were left behind."""
    lines = []
    tb = exc.__traceback__
    while tb is not None:
        code = tb.tb_frame.f_code
        lines.append("%s:%s in %s" % (code.co_filename, tb.tb_lineno, code.co_name))
        tb = tb.tb_next
    return "\n".join(lines)


class Agent:
    """Serves batches until the input ends."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.steps: List[Mapping[str, Any]] = []
        self.position = 0
        self.cache: Dict[str, Any] = {}
        self.stopping = False
        self.owed = 0  # blobs asked for that have not come to their end

    # -- what steps use ---------------------------------------------------------------

    def module(self, name: str) -> Any:
        full = "provision.agent.mods." + name
        if full not in sys.modules:
            __import__(full)
        return sys.modules[full]

    def prepared(self, ctx: Context) -> Any:
        name = ctx.module
        if name not in self.cache:
            todo = [s["args"] for s in self.steps[self.position :] if s["mod"] == name]
            self.cache[name] = self.module(name).prepare(ctx, todo)
        return self.cache[name]

    def receive_blob(self, digest: str) -> Iterator[bytes]:
        self.ask_blob(digest)
        yield from self.take_blob()

    def ask_blob(self, digest: str) -> None:
        self.wire.say({"type": "need", "blob": digest})
        self.owed += 1

    def take_blob(self) -> Iterator[bytes]:
        """The pieces of the blob that was asked for longest ago."""
        self.wire.flush()
        while True:
            kind, body = self.wire.receive()
            if kind == b"B":
                if not body:
                    self.owed -= 1
                    return
                yield body
                continue
            message = loads(body.decode())
            if message["type"] == "stop":
                self.stopping = True
            elif message["type"] == "blob" and message.get("missing"):
                self.owed -= 1
                raise Fail("the controller does not have content that this step needs")

    def drop_blobs(self) -> None:
        """Reads away what a step asked for and did not take, a full disk being why."""
        while self.owed:
            try:
                for _ in self.take_blob():
                    pass
            except Fail:
                pass

    # -- the loop ---------------------------------------------------------------------

    def run_step(self, step: Mapping[str, Any]) -> Result:
        started = time.monotonic()
        try:
            ctx = Context(self, step)
            result: Result = self.module(step["mod"]).main(ctx, step["args"])
        except Fail as exc:
            data = dict(exc.data)
            result = {
                "status": "failed",
                "msg": exc.msg,
                "diff": data.pop("diff", []),
                "data": data,
            }
        except Closed:
            raise
        except OSError as exc:
            where = ": " + os.fsdecode(exc.filename) if exc.filename else ""
            result = failed("%s%s" % (exc.strerror or exc, where), errno=exc.errno)
        except Exception as exc:
            words = "%s: %s" % (type(exc).__name__, exc)
            result = failed("a defect in %s: %s" % (step["mod"], words))
            result["traceback"] = _trace(exc)
        if self.owed:
            self.drop_blobs()
        if result["status"] == "changed" and not step.get("check"):
            self.cache.clear()
        result["type"] = "result"
        result["i"] = step["i"]
        result["t"] = round(time.monotonic() - started, 6)
        return result

    def run_batch(self, batch: Mapping[str, Any]) -> None:
        """Steps in order up to the first failure that is not to be ignored.

        The other steps of the failed one's group (a loop's items) still run.
        """
        self.steps = batch["steps"]
        self.cache.clear()
        last_group: Any = None
        for position, step in enumerate(self.steps):
            if self.stopping or (last_group is not None and step.get("g") != last_group):
                break
            self.position = position
            result = self.run_step(step)
            self.wire.say(result)
            self.wire.flush_if_due()
            if result["status"] == "failed" and not step.get("go_on"):
                last_group = step.get("g")
                if last_group is None:
                    break
            if position + 1 < len(self.steps):
                self.look_for_stop()
        self.steps = []
        self.wire.say({"type": "done", "id": batch["id"]})
        self.wire.flush()

    def look_for_stop(self) -> None:
        while self.wire.readable():
            kind, body = self.wire.receive()
            if kind == b"J" and loads(body.decode())["type"] == "stop":
                self.stopping = True

    def serve(self) -> None:
        self.wire.say({"type": "hello", "protocol": PROTOCOL, "facts": cheap_facts()})
        while True:
            if self.wire.pending and not self.wire.readable():
                self.wire.flush()  # a controller that waits for the first reply before it goes on
            kind, body = self.wire.receive()
            message = loads(body.decode("utf-8", "surrogatepass")) if kind == b"J" else {}
            what = message.get("type")
            if what == "batch":
                self.stopping = False
                self.run_batch(message)
            elif what == "modules":
                packed = []
                while True:
                    kind, body = self.wire.receive()
                    if not body:
                        break
                    packed.append(body)
                load_modules(b"".join(packed))


def _watch(wire: Wire) -> None:
    """A timer that notices, also in the middle of a step, that the controller is gone."""
    hung_up = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0x2000)

    def tick(_number: int, _frame: Any) -> None:
        poll = select.poll()
        poll.register(wire.fd_in, hung_up)
        if any(event & hung_up for _, event in poll.poll(0)):
            end(1)
        if not wire.busy:
            if not wire.pending and time.monotonic() - wire.sent_at > _ALIVE_S:
                wire.say({"type": "alive"})
            try:
                wire.flush_if_due()
            except Closed:
                end(1)

    _signal.signal(_signal.SIGALRM, tick)
    _signal.setitimer(_signal.ITIMER_REAL, 1.0, 1.0)


staged: Dict[str, int] = {}  # files being written, removed when the agent ends early


def end(code: int) -> NoReturn:
    """Ends the agent, what it started, and what it has half-written."""
    for path in list(staged):
        try:
            os.unlink(path)
        except OSError:
            pass
    proc.end_all()
    os._exit(code)


def serve(fd_in: int = 0, fd_out: int = 1) -> NoReturn:
    """Runs the agent on this process's standard input and output."""
    # A step's program must never read the frames or write among them.
    wire_in, wire_out = os.dup(fd_in), os.dup(fd_out)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    wire = Wire(wire_in, wire_out)
    for number in (1, 15):  # SIGHUP, SIGTERM
        _signal.signal(number, lambda *_: end(1))
    _watch(wire)
    try:
        Agent(wire).serve()
    except Closed:
        end(0)
    end(1)
