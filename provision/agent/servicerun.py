"""Starting, stopping and waiting for a model service."""

from __future__ import annotations

import time

from provision.agent import httpcheck, portowner, sdbus, servicelook, units
from provision.agent.core import Fail
from provision.agent.mods.systemd import reload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from provision.agent.core import Args, Context
    from provision.agent.servicelook import Look

_LINES = 20  # of the journal, in an error
_FIRST_S, _SETTLE_S = 0.05, 1.0
_TRIES = 3  # more requests to a service that did not answer, before it is restarted
_MANAGER = sdbus.SYSTEMD + ".Manager"


class Runner:
    """Jobs of one service's unit. Failures come with the journal's last lines."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.unit: str = args["unit"]
        self.restarted = False

    def require_port(self) -> None:
        if not self.args.get("port"):
            return
        bind = httpcheck.local_address(self.args["bind"])
        owner = portowner.taken(self.args["bind"], self.args["port"])
        if owner:
            raise Fail("port %d on %s is taken by %s" % (self.args["port"], bind, owner))

    # -- jobs -------------------------------------------------------------------------

    def start(self, look: Look) -> None:
        if look.state == "failed":
            self.reset()
        self._job("restart" if look.state in ("restarting", "activating") else "start")

    def restart(self) -> None:
        self._job("restart")
        self.restarted = True

    def stop(self) -> None:
        self._job("stop")
        self.reset()

    def _job(self, verb: str) -> None:
        try:
            how = units.job(verb, self.unit, "system", self.ctx.left_s())
        except sdbus.BusError:
            done = self.ctx.run(["systemctl", verb, "--", self.unit], ok=None)
            how = "done" if done.rc == 0 else " ".join(done.stderr.split())
        if how != "done" and not (verb == "stop" and how == "canceled"):
            raise self.failure("cannot %s %s: %s" % (verb, self.unit, self._why(how)))

    def _why(self, how: str) -> str:
        words = {
            "failed": "it ended at once",
            "timeout": "it took too long",
            "dependency": "a unit that it needs did not start",
        }
        return words.get(how, how)

    def reset(self) -> None:
        """Forgets failures, and that it was started too often."""
        self._manager("ResetFailedUnit", "reset-failed")

    def _manager(self, member: str, verb: str) -> None:
        try:
            with sdbus.manager() as bus:
                bus.ask([sdbus.Call(sdbus.MANAGER, _MANAGER, member, "s", self.unit)])
        except sdbus.BusError:
            self.ctx.run(["systemctl", verb, "--", self.unit], ok=None)

    def enable(self, wanted: bool) -> None:
        verb = "enable" if wanted else "disable"
        try:
            if units.change_files(verb, self.unit, "system", True):
                return
        except sdbus.BusError:
            pass
        self.ctx.run(["systemctl", verb, "--force", "--no-reload", "--", self.unit])

    def reload(self) -> None:
        reload(self.ctx, "system")

    # -- waiting ----------------------------------------------------------------------

    def recovers(self, look: Look, age_s: float) -> bool:
        """Whether a process that did not answer does so within what is left of its time, and
        in any case within some requests more: it may just be busy."""
        health = self.args["health"]
        left = max(float(health["timeout_s"]) - age_s, _TRIES * float(health["request_timeout_s"]))
        return self._answers(look, left) == httpcheck.OK

    def wait(self, look: Look) -> None:
        """Until it answers. Raises Fail when it does not, at once when it has ended."""
        if not self.args.get("health") or not self.args.get("port"):
            self._settles(look)
            return
        limit = float(self.args["health"]["timeout_s"])
        said = self._answers(look, limit)
        if said != httpcheck.OK:
            words = "%s did not become healthy within %g s: %s" % (self.unit, limit, said)
            raise self.failure(words)

    def _answers(self, look: Look, limit_s: float) -> str:
        deadline = time.monotonic() + limit_s
        pause = _FIRST_S
        what = "waiting for " + self.args["url"]
        while True:
            self._require_alive(look)
            left = deadline - time.monotonic()
            one = servicelook.probe(self.args, max(left, 0.1))
            httpcheck.run([one])
            if one.result == httpcheck.OK:
                self._require_alive(look)
                return httpcheck.OK
            left = deadline - time.monotonic()
            if left <= 0:
                return str(one.result)
            self.ctx.progress(phase=what, done=round(limit_s - left, 1), total=limit_s, unit="s")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, float(self.args["health"]["interval_s"]))

    def _settles(self, look: Look) -> None:
        deadline = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline:
            time.sleep(_SETTLE_S / 5)
            self._require_alive(look)

    def _require_alive(self, started: Look) -> None:
        now = servicelook.look(self.ctx, [self.args], health=False)[self.unit]
        if now.dead or (now.runs and now.invocation != started.invocation):
            words = "%s ended while it was starting" % self.unit
            if now.result not in ("", "success"):
                words += ", result %s" % now.result
            raise self.failure(words)

    def failure(self, words: str) -> Fail:
        tail = units.journal_tail(self.ctx, self.unit, lines=_LINES)
        data: Any = {"unit": self.unit, "journal": tail.splitlines()}
        return Fail(words + ("\n" + tail if tail else ""), **data)
