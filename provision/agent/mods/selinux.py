"""State and policy of SELinux, in the kernel and at boot.

args: state, policy, configfile, update_kernel_param.
"""

from __future__ import annotations

import os

from provision.agent import edits, programs
from provision.agent.core import Fail
from provision.agent.edits import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_ENFORCE = "/sys/fs/selinux/enforce"
_RUNNING = {"1": "enforcing", "0": "permissive"}


class Selinux(Edit):
    """content of the file; running: the kernel's state where it can be switched."""

    def __init__(self, ctx: Context, args: Args) -> None:
        Edit.__init__(self, ctx, {"path": args["configfile"]})
        self.task = args
        self.state: str = args["state"]

    def observe(self) -> Dict[str, Any]:
        seen = Edit.observe(self)
        try:
            with open(_ENFORCE, encoding="ascii") as stream:
                seen["running"] = _RUNNING.get(stream.read().strip(), "disabled")
        except OSError:
            seen["running"] = "disabled"
        if self.task.get("update_kernel_param"):
            program = programs.need(self.ctx, "grubby")
            done = self.ctx.probe([program, "--info=ALL"], ok=(0,))
            lines = [x for x in done.stdout.splitlines() if x.startswith("args=")]
            off = [line for line in lines if "selinux=0" in line.strip('"').split('"')[-1].split()]
            mixed = bool(off) and len(off) != len(lines)
            seen["kernel"] = "mixed" if mixed else "disabled" if off else "enabled"
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted = Edit.desired(self, observed)
        if observed["running"] != "disabled":
            # an end of SELinux needs a boot; until then it lets everything pass
            wanted["running"] = "permissive" if self.state == "disabled" else self.state
        if "kernel" in observed:
            wanted["kernel"] = "disabled" if self.state == "disabled" else "enabled"
        return wanted

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = [line.decode("utf-8", "surrogateescape") for line in edits.lines_of(old)]
        wanted = {"SELINUX": self.state}
        if self.task.get("policy"):
            wanted["SELINUXTYPE"] = self.task["policy"]
        for key, value in wanted.items():
            places = [at for at, line in enumerate(lines) if line.startswith(key + "=")]
            if not places:
                if lines and not lines[-1].endswith("\n"):
                    lines[-1] += "\n"
                lines.append("%s=%s\n" % (key, value))
            for at in places:
                if lines[at].strip() != "%s=%s" % (key, value):
                    lines[at] = "%s=%s\n" % (key, value)
        return "".join(lines).encode("utf-8", "surrogateescape")

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        policy = self.task.get("policy")
        if policy and not os.path.isdir(os.path.join(os.path.dirname(self.path), policy)):
            raise Fail("Policy %s does not exist in %s" % (policy, os.path.dirname(self.path)))
        if "content" in changes:
            Edit.apply(self, observed, wanted, ["content"])
        if "running" in changes:
            number = "1" if wanted["running"] == "enforcing" else "0"
            try:
                with open(_ENFORCE, "w", encoding="ascii") as stream:
                    stream.write(number)
            except OSError as exc:
                words = "cannot switch SELinux to %s: %s" % (wanted["running"], exc.strerror)
                raise Fail(words) from None
        if "kernel" in changes:
            how = "--args" if wanted["kernel"] == "disabled" else "--remove-args"
            program = programs.need(self.ctx, "grubby")
            self.ctx.run([program, "--update-kernel=ALL", how, "selinux=0"])

    def data(self, observed: Observed) -> Dict[str, Any]:
        on, off = observed.get("running") != "disabled", self.state == "disabled"
        needed = on == off
        return {
            "configfile": self.said,
            "policy": self.task.get("policy"),
            "state": self.state,
            "reboot_required": needed,
        }


def main(ctx: Context, args: Args) -> Result:
    result = programs.settle(ctx, Selinux(ctx, args))
    if result["data"].get("reboot_required"):
        result["msg"] = "SELinux will be %s after a reboot" % (
            "disabled" if args["state"] == "disabled" else "enabled"
        )
    return result
