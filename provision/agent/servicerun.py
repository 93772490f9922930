"""Starting, stopping and waiting for a model service."""

from __future__ import annotations

import os
import time

from provision.agent import core, fs, httpcheck, portowner, sdbus, servicelook, units
from provision.agent.core import Fail
from provision.agent.mods.systemd import reload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Tuple

    from provision.agent.core import Args, Context, Observed
    from provision.agent.servicelook import Look

_LINES = 20  # of the journal, in an error
_FIRST_S, _SETTLE_S = 0.05, 1.0
_MANAGER = sdbus.SYSTEMD + ".Manager"
_SHELLS = ("/usr/sbin/nologin", "/sbin/nologin", "/usr/bin/false", "/bin/false")


def prefix_of(ctx: Context, args: Args) -> Tuple[str, bool]:
    """The real prefix of the service's environment, and whether it is there.

    In a check, an earlier step may be about to build it. Raises Fail.
    """
    env = args.get("env")
    if not env:
        return "", True
    link = args["envs_dir"] + "/" + env
    prefix = os.path.realpath(link)
    there = os.path.isdir(os.path.join(prefix, "conda-meta"))
    if ctx.check:
        promised = _promised(ctx, args, os.path.basename(prefix) if there else "")
        if promised:
            return promised, False
    if there:
        return prefix, True
    if ctx.check:
        return link, False
    raise Fail(
        "there is no environment %s in %s" % (env, args["envs_dir"]),
        _hint="the action `conda_env` builds it",
    )


def _promised(ctx: Context, args: Args, current: str) -> str:
    """The generation that an earlier step of this batch would build instead of the current."""
    found = ""
    for step in ctx.agent.steps[: ctx.agent.position]:
        said = step["args"]
        mine = (said.get("name"), said.get("envs_dir")) == (args["env"], args["envs_dir"])
        if step["mod"] == "conda_env" and mine and said.get("generation"):
            generation = said["generation"]
            same = current == generation or current.startswith(generation + "-r")
            found = "" if same else "%s/.generations/%s" % (args["envs_dir"], generation)
    return found


def require_program(args: Args, prefix: str) -> None:
    """Raises Fail when the environment lacks what the service is to run."""
    program = args.get("program")
    if program and not os.access("%s/bin/%s" % (prefix, program), os.X_OK):
        raise Fail(
            "the environment %s has no program %s" % (args["env"], program),
            _hint="say a program outside of it with its whole path",
        )


def make_accounts(ctx: Context, args: Args, observed: Observed) -> None:
    group = args.get("group")
    user = args["user"]
    if group and observed["group"] is None and group != user:
        ctx.run(["groupadd", "--system", "--", group])
    if observed["user"] is not None:
        return
    argv = ["useradd", "--system", "--no-create-home", "--home-dir", args["home"]]
    argv += ["--shell", next((path for path in _SHELLS if os.path.exists(path)), "/bin/false")]
    argv += ["--comment", "Model service %s" % args["name"]]
    from provision.agent import accounts

    if group and group != user:
        argv += ["--gid", group]
    elif accounts.gid_of(user, numbers=False) is not None:
        argv += ["--gid", user]
    else:
        argv += ["--user-group"]
    ctx.run([*argv, "--", user])


def becomes(user: str, group: Optional[str]) -> Optional[Callable[[], None]]:
    """Lets a program run as the service's user. None when nobody can be left behind."""
    if os.geteuid() != 0:
        return None
    import pwd

    uid = fs.uid_of(user)
    gid = fs.gid_of(group) if group else pwd.getpwuid(uid).pw_gid

    def become() -> None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)

    return become


def verified(ctx: Context, name: str, text: str) -> List[str]:
    """What systemd finds odd about a unit before it is put in place. Raises Fail when it
    rejects it."""
    import tempfile

    folder = tempfile.mkdtemp(prefix="provision-", dir="/run")
    path = "%s/%s.service" % (folder, name)
    core.staged[path] = -1
    try:
        fs.write_file(path, text.encode("utf-8", "surrogateescape"), 0o600)
        done = ctx.run(["systemd-analyze", "verify", path], env={"LC_ALL": "C"}, ok=None)
    except Fail as exc:
        if exc.data.get("rc") == 127:
            return []  # a small system without it
        raise
    finally:
        core.staged.pop(path, None)
        fs.remove_tree(folder)
    said = [line for line in done.stderr.splitlines() if "%s.service" % name in line]
    told = [line.replace(folder + "/", "").strip() for line in said]
    if done.rc != 0:
        raise Fail(
            "systemd rejects the unit: " + ("; ".join(told) or done.stderr.strip()),
            stderr=done.stderr,
        )
    return told


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
        """Whether a process that does not answer does so within what is left of its time."""
        left = float(self.args["health"]["timeout_s"]) - age_s
        return left > 0 and self._answers(look, left) == httpcheck.OK

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
