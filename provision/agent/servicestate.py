"""A model service as a state: files, account, unit, process, health."""

from __future__ import annotations

import os
import time

from provision.agent import activation, core, fs, servicelook, serviceplace, servicerun
from provision.agent.core import Fail
from provision.agent.hostlock import HostLock
from provision.agent.perms import Perms
from provision.agent.servicefiles import Files, Paths, Seen
from provision.agent.serviceorigin import OLDER, Origin
from provision.agent.servicetext import environment_text, unit_text
from provision.agent.treestate import Tree
from provision.agent.units import ENABLED, FIXED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed

_APP = "app/"
_TOP = "/"  # the working directory's key in a Tree
_FOLDER = "working directory"


class ServiceState(core.State):
    """Everything about a service that is to run, or is to stand ready stopped.

    `process` tells whether what runs was started from what lies on the disk now (`Origin`).
    """

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.paths = Paths(args["name"])
        self.files = Files(args, self.paths)
        self.tree = self._tree()
        self.run = servicerun.Runner(ctx, args)
        self.prefix, self.built = serviceplace.prefix_of(ctx, args)
        self.origin = Origin(self.paths.record, self.files, self.tree)
        self.scripted: Optional[Dict[str, str]] = None
        self.look: Any = None
        self.warnings: List[str] = []
        self.applied = False

    def _tree(self) -> Tree:
        sent = self.args["app"]

        def fetch(wanted: Dict[str, str]) -> Iterator[Tuple[str, Iterable[bytes]]]:
            return self.ctx.receive_blobs(list(wanted))

        args = {**sent, "directory_mode": "0755"}
        perms = Perms(self.ctx, {"owner": "root", "group": "root"})
        return Tree(self.ctx, args, self.args["working_directory"], perms, fetch)

    # -- observing --------------------------------------------------------------------

    def observe(self) -> Dict[str, Any]:
        unit = self.paths.unit
        prepared = {} if self.applied else self.ctx.prepared
        self.look = prepared.get(unit) or servicelook.look(self.ctx, [self.args])[unit]
        self.origin.read()
        self.scripted = None
        app = self.tree.observe()
        files = self.files.observe()
        self.secret = tuple(self.files.kept)
        self.origin.find(self.look, files, app)
        seen: Dict[str, Any] = {
            "user": self.args["user"] if fs.exists_user(self.args["user"]) else None,
            "group": self._group(),
            _FOLDER: app.pop(_TOP),
        }
        seen.update({_APP + key: value for key, value in app.items()})
        seen.update(files)
        seen["enabled"] = self._enabled()
        seen["loaded"] = self.origin.loaded(self.look)
        seen["active"] = self.look.state
        if self.look.listening is not None:
            seen["port"] = "listening" if self.look.listening else "closed"
        seen["health"] = self.look.health
        seen["activation"] = self.origin.activation.get("inputs")
        if self.look.runs:
            seen["process"] = self.origin.process(self._wanted_parts())
        return seen

    def _group(self) -> Optional[str]:
        from provision.agent import accounts

        group = self.args.get("group")
        return group if group and accounts.gid_of(group) is not None else None

    def _enabled(self) -> bool:
        state = self.look.file_state
        return bool(self.args.get("enabled")) if state in FIXED else state in ENABLED

    def _wanted_parts(self) -> Dict[str, str]:
        files: Dict[str, Any] = {"unit": self.unit(), "environment": self.environment()}
        files.update(self.files.secret_hashes())
        return self.origin.parts(files, self.origin.manifest())

    # -- what is wanted ---------------------------------------------------------------

    def unit(self) -> str:
        return unit_text(self.args["unit_text"], self.prefix)

    def environment(self) -> str:
        variables: Dict[str, str] = {}
        if self.args.get("env"):
            variables = activation.plain(self.prefix, self.args["env"])
            variables.update(self._scripted())
        for key, value in self.args["environment"].items():
            variables[key] = value.replace("@PREFIX@", self.prefix)
        return environment_text(variables)

    def _scripted(self) -> Dict[str, str]:
        """What activation scripts set, as it was found when they were run last."""
        if self.scripted is None:
            self.scripted = self.origin.activation.get("variables") or {}
        return self.scripted

    def desired(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        app = {key[len(_APP) :]: v for key, v in observed.items() if key.startswith(_APP)}
        app[_TOP] = observed[_FOLDER]
        tree = self.tree.desired(app)
        wanted: Dict[str, Any] = {"user": args["user"]}
        if args.get("group"):
            wanted["group"] = args["group"]
        self._check_accounts(observed)
        wanted[_FOLDER] = tree.pop(_TOP)
        wanted.update({_APP + key: value for key, value in tree.items() if self._matters(key, app)})
        wanted.update(self.files.desired(observed, self.unit(), self.environment()))
        if args.get("env") and self.built:
            wanted["activation"] = activation.inputs(self.prefix) or None
        if args.get("enabled") is not None:
            wanted["enabled"] = args["enabled"]
        if args["state"] == "stopped":
            wanted["active"] = "inactive"
            return wanted
        if observed["unit permissions"] == wanted.get("unit permissions", ""):
            wanted["loaded"] = "current"  # else it is written, and read again anyway
        wanted["active"] = "active"
        if self.look.runs:
            wanted["process"] = "current"
            if observed["process"] == "current" and args.get("health") and args.get("port"):
                wanted["port"] = "listening"
                if observed.get("port") == "listening":
                    wanted["health"] = "ok"
        return wanted

    def _matters(self, key: str, app: Observed) -> bool:
        """Owner and mode of a file that is written anyway come with its content."""
        name, colon, _ = key.rpartition(": ")
        entry = self.tree.files.get(name) if colon else None
        return entry is None or app.get(name) == entry.sha256

    def _check_accounts(self, observed: Observed) -> None:
        from provision.agent import accounts

        args = self.args
        missing = []
        if observed["user"] is None and not args["create_user"]:
            missing.append("user %s" % args["user"])
        if args.get("group") and observed["group"] is None and not args["create_user"]:
            missing.append("group %s" % args["group"])
        missing += ["group %s" % g for g in args["groups"] if accounts.gid_of(g) is None]
        if missing and not self.ctx.check:
            raise Fail("there is no %s on the host" % " and no ".join(missing))
        for what in missing:
            self.warn("there is no %s on the host yet" % what)

    def warn(self, words: str) -> None:
        if words not in self.warnings:
            self.warnings.append(words)

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key.startswith(_APP):
            entry = self.tree.difference(key[len(_APP) :], before, after)
            entry["key"] = key
            return entry
        return {"key": key, "before": before, "after": after}

    # -- applying ---------------------------------------------------------------------

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        self.applied = True
        lock = "/run/provision/service-%s.lock" % self.args["name"]
        with HostLock(self.ctx, lock, "the service " + self.args["name"]):
            observed = self.observe()  # whoever held the lock may have done it
            wanted = self.desired(observed)
            self._change(observed, wanted, [k for k in wanted if observed.get(k) != wanted[k]])

    def _change(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        starts = self.args["state"] != "stopped" and not self.look.runs
        if starts:
            self.run.require_port()
        todo = list(changes)
        self.origin.remember(self.look)
        serviceplace.make_accounts(self.ctx, self.args, observed)
        self._write_app(observed, wanted, todo)
        self._activate()
        final = dict(wanted, environment=self.environment())
        if final["environment"] != observed["environment"] and "environment" not in todo:
            todo.append("environment")
        self.files.write(final, todo)
        self._write_unit(final, todo)
        if self.args["state"] == "stopped":
            if self.look.state != "inactive":
                self.run.stop()
            return
        self._start(todo)

    def _write_app(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        def own(values: Observed) -> Dict[str, Any]:
            found = {k[len(_APP) :]: v for k, v in values.items() if k.startswith(_APP)}
            found[_TOP] = values[_FOLDER]
            return found

        todo = [key[len(_APP) :] for key in changes if key.startswith(_APP)]
        if _FOLDER in changes:
            todo.append(_TOP)
        if todo:
            self.tree.apply(own(observed), own(wanted), todo)

    def _activate(self) -> None:
        """Runs activation scripts when there are some that have not been run as they are."""
        if not self.args.get("env"):
            return
        inputs = activation.inputs(self.prefix)
        if inputs == self.origin.activation.get("inputs"):
            return
        found: Dict[str, str] = {}
        if inputs:
            become = serviceplace.becomes(self.args["user"], self.args.get("group"))
            found = activation.run_scripts(self.ctx, self.prefix, self.args["env"], become)
        self.scripted = found
        self.origin.save(activation={"inputs": inputs, "variables": found})

    def _write_unit(self, wanted: Observed, changes: Sequence[str]) -> None:
        if "unit" in changes:
            self.files.write_unit(wanted["unit"])
        if "enabled" in changes:
            self.run.enable(bool(wanted["enabled"]))
        again = {"unit", "unit permissions", "loaded", "overrides", "enabled"} & set(changes)
        if again or self.origin.running.get("unit") == OLDER:
            self.run.reload()
            self.origin.save(file=Seen(self.paths.unit_file).identity)

    def _start(self, changes: Sequence[str]) -> None:
        parts = self._wanted_parts()
        restart = self.look.runs and self.origin.process(parts) != "current"
        if self.look.runs and not restart and {"port", "health"} & set(changes):
            age = time.time() - self.look.started
            restart = not self.run.recovers(self.look, age)
        if restart:
            self.run.restart()
        elif not self.look.runs:
            self.run.start(self.look)
        else:
            return
        started = servicelook.look(self.ctx, [self.args], health=False)[self.paths.unit]
        self.origin.save(invocation=started.invocation, parts=parts)
        self.run.wait(started)

    def again(self) -> None:
        """Restarts what runs as it should."""
        self.run.restart()
        started = servicelook.look(self.ctx, [self.args], health=False)[self.paths.unit]
        self.origin.save(invocation=started.invocation)
        self.run.wait(started)

    # -- answering --------------------------------------------------------------------

    def data(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        values: Dict[str, Any] = {
            "name": args["name"],
            "unit": self.paths.unit,
            "state": self.look.state,
            "pid": self.look.pid,
            "restarted": self.run.restarted,
            "prefix": self.prefix or None,
        }
        if args.get("port"):
            values["port"] = args["port"]
            values["url"] = args["url"]
        if os.path.basename(self.prefix):
            values["generation"] = os.path.basename(self.prefix)
        return values
