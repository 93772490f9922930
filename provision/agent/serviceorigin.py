"""What the process of a service was started from.

Whoever starts a service here records, beside the start's invocation ID, a hash of each thing
that the process got. What somebody else has started is judged by the times of the files and by
the unit's hash in the process. So a restart that was needed and did not happen is seen later,
whatever ended the run that should have done it.
"""

from __future__ import annotations

import os
import stat

from provision.agent import fs
from provision.agent.core import dumps, loads
from provision.agent.servicefiles import RECORDS, private_folder, put
from provision.agent.servicelook import process_stamp
from provision.agent.servicetext import stamp_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from provision.agent.core import Observed
    from provision.agent.servicefiles import Files
    from provision.agent.servicelook import Look
    from provision.agent.treestate import Tree

OLDER = "older"
PARTS = ("unit", "environment", "secrets", "app", "overrides")
_CLOCK_S = 0.01  # the file system's clock ticks this coarsely


class Origin:
    """`running` has a hash for each of PARTS, or `older`; it is empty when nothing runs."""

    def __init__(self, path: str, files: Files, tree: Tree) -> None:
        self.path = path
        self.files = files
        self.tree = tree
        self.record: Dict[str, Any] = {}
        self.running: Dict[str, str] = {}

    # -- the record -------------------------------------------------------------------

    def read(self) -> None:
        self.record = read_record(self.path)

    def save(self, **values: Any) -> None:
        self.record.update(values)
        for folder, mode in ((os.path.dirname(RECORDS), 0o755), (RECORDS, 0o700)):
            private_folder(folder, mode)
        put(self.path, dumps(self.record), 0o600)

    @property
    def activation(self) -> Dict[str, Any]:
        """`inputs` and `variables` of the activation scripts' last run."""
        found = self.record.get("activation")
        return found if isinstance(found, dict) else {}

    def remember(self, look: Look) -> None:
        """Keeps what the process was started from before its files are touched: whatever
        happens from here on, the next run knows that it has to be started again."""
        if self.running and self.record.get("invocation") != look.invocation:
            self.save(invocation=look.invocation, parts=self.running)

    # -- comparing --------------------------------------------------------------------

    def parts(self, files: Observed, app: Observed) -> Dict[str, str]:
        """A hash for each thing that a process gets at its start."""
        return {
            "unit": _digest({"": files.get("unit")}),
            "environment": _digest({"": files.get("environment")}),
            "secrets": _digest({key: files.get(key) for key in self.files.kept if files.get(key)}),
            "app": _digest({key: app.get(key) for key in self.manifest()}),
            "overrides": _digest({"": files.get("overrides")}),
        }

    def manifest(self) -> Dict[str, Any]:
        """The application's files as they should be, as `Tree.observe` tells them."""
        found: Dict[str, Any] = {name: "-> " + to for name, to in self.tree.links.items()}
        found.update({name: entry.sha256 for name, entry in self.tree.files.items()})
        return found

    def find(self, look: Look, files: Observed, app: Observed) -> None:
        """Finds out what runs, from what lies there now."""
        self.running = {}
        if not look.runs:
            return
        kept = self.record.get("parts")
        if self.record.get("invocation") == look.invocation and isinstance(kept, dict):
            self.running = {key: str(kept.get(key)) for key in PARTS}
            return
        self.running = self.parts(files, app)
        since = look.started - _CLOCK_S
        for key, changed_at in self._changed_at().items():
            if changed_at > since:
                self.running[key] = OLDER
        stamp = process_stamp(look.pid)
        if stamp and stamp != stamp_of(self.files.unit.text or ""):
            self.running["unit"] = OLDER

    def _changed_at(self) -> Dict[str, float]:
        app = [e.info.st_ctime for e in self.tree.files.values() if e.info is not None]
        return {
            "unit": self.files.unit.changed_at,
            "environment": self.files.environment.changed_at,
            "secrets": max([0.0, *(seen.changed_at for seen in self.files.kept.values())]),
            "app": max([0.0, *app]),
        }

    def process(self, wanted: Dict[str, str]) -> str:
        """`current`, or what the process has an older one of."""
        older = [key for key in PARTS if self.running.get(key) != wanted[key]]
        return "older " + ", ".join(older) if older else "current"

    def loaded(self, look: Look) -> str:
        """Whether the manager knows the unit file that lies there. It looks at modification
        times alone, which a restored copy sets back; so what was read is recorded."""
        file = self.files.unit
        same = not look.stale_unit and look.load_state not in ("not-found", "masked")
        if same and file.text is not None and look.loaded_stamp != stamp_of(file.text):
            same = False
        if same and self.record.get("file", file.identity) != file.identity:
            same = look.loaded_at > file.changed_at
        return "current" if same else "an older unit"


def _digest(values: Dict[str, Any]) -> str:
    text = dumps(sorted((key, value) for key, value in values.items()))
    return fs.sha256_bytes(text.encode("utf-8", "surrogatepass"))


def read_record(path: str) -> Dict[str, Any]:
    """{} when there is none that can be read, or somebody else could have written it."""
    info = fs.lstat(path)
    if info is None or not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
        return {}
    try:
        found = loads(fs.read_bytes(path).decode("utf-8"))
    except Exception:  # the C scanner raises StopIteration, ValueError...
        return {}
    return found if isinstance(found, dict) else {}
