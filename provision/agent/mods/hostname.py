"""The host's name."""

from __future__ import annotations

import os

from provision.agent import core, fs
from provision.agent.factsystem import platform, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed, Result

FILE = "/etc/hostname"


class Name(core.State):
    """`now` is the kernel's name, `boot` the one in the file."""

    def __init__(self, name: str) -> None:
        self.name = name

    def observe(self) -> Dict[str, Any]:
        lines = [line for line in read(FILE).splitlines() if line and not line.startswith("#")]
        return {"now": os.uname().nodename, "boot": lines[0].strip() if lines else None}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        return {"now": self.name, "boot": self.name}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "boot" in changes:
            fs.write_file(FILE, self.name.encode() + b"\n", 0o644)
        if "now" in changes:
            import _socket

            _socket.sethostname(self.name)

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"name": self.name}


def main(ctx: Context, args: Args) -> Result:
    """args: name."""
    result = core.converge(ctx, Name(args["name"]))
    known = platform(ctx, {})
    result["facts"] = {
        "ansible_" + key: known[key] for key in ("hostname", "nodename", "fqdn", "domain")
    }
    if ctx.check:
        short, _, domain = args["name"].partition(".")
        result["facts"].update(ansible_hostname=short, ansible_nodename=args["name"])
        result["facts"].update(ansible_domain=domain)
    return result
