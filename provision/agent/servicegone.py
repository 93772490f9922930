"""The end of a model service."""

from __future__ import annotations

import os

from provision.agent import core, fs, servicelook, servicerun
from provision.agent.core import Fail
from provision.agent.servicefiles import Paths
from provision.agent.units import ENABLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed

_STATE = ("/var/lib/models/", "/var/cache/models/")


class GoneState(core.State):
    """Nothing runs, and none of its files is there; its user stays. With `purge` its working
    directory, state and cache go too."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.paths = Paths(args["name"])
        self.applied = False
        self.look: Any = None

    def _places(self) -> Dict[str, str]:
        paths = self.paths
        found = {"unit": paths.unit_file, "environment": paths.folder, "record": paths.record}
        if self.args["purge"]:
            found["working directory"] = self.args["working_directory"]
            found["state directory"] = _STATE[0] + paths.name
            found["cache directory"] = _STATE[1] + paths.name
        return found

    def observe(self) -> Dict[str, Any]:
        unit = self.paths.unit
        prepared = {} if self.applied else self.ctx.prepared
        self.look = prepared.get(unit) or servicelook.look(self.ctx, [self.args], False)[unit]
        seen: Dict[str, Any] = {key: _there(path) for key, path in self._places().items()}
        seen["overrides"] = self.paths.overrides() or None
        foreign = seen["unit"] is None and bool(self.paths.vendor_unit())
        seen["active"] = "inactive" if foreign else self.look.state
        seen["enabled"] = not foreign and self.look.file_state in ENABLED
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {"active": "inactive", "enabled": False}
        wanted.update(dict.fromkeys(self._places()))
        wanted["overrides"] = None
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        self.applied = True
        places = self._places()
        for key in ("working directory", "state directory", "cache directory"):
            if key in changes:
                _require_removable(places[key])
        run = servicerun.Runner(self.ctx, self.args)
        if "active" in changes:
            run.stop()
        if "enabled" in changes:
            run.enable(False)
        self.paths.remove_overrides()
        for key, path in places.items():
            if key in changes:
                try:
                    fs.remove_tree(path)
                except OSError as exc:
                    raise fs.cannot("remove", path, exc) from None
        run.reload()
        run.reset()

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"name": self.args["name"], "unit": self.paths.unit, "state": "absent"}


def _there(path: str) -> Any:
    return fs.kind_of(fs.lstat(path))


def _require_removable(path: str) -> None:
    """A slip in a playbook must not cost somebody's home or a mounted disk."""
    real = os.path.realpath(path)
    if real.count("/") < 2 or os.path.ismount(real) or os.path.dirname(real) in ("/home", "/usr"):
        raise Fail("%s is not removed: it does not look like one service's directory" % path)
