"""The action `firewalld`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Firewalld"]


@dataclass(frozen=True, slots=True)
class Args:
    state: Literal["enabled", "disabled", "present", "absent"] = arg(
        "Whether it is allowed; `present` and `absent` are for zones."
    )
    zone: str | None = arg("The zone; firewalld's default when not said.", default=None)
    service: str | None = arg("A service.", default=None, example="https")
    port: str | None = arg("A port or range.", default=None, example="8080-8090/tcp")
    protocol: str | None = arg("A protocol.", default=None)
    source: str | None = arg("A source of traffic.", default=None)
    interface: str | None = arg("An interface.", default=None)
    rich_rule: str | None = arg("A rule in firewalld's language.", default=None)
    icmp_block: str | None = arg("A kind of ICMP to block.", default=None)
    icmp_block_inversion: bool | None = arg("Block the other kinds of ICMP.", default=None)
    masquerade: bool | None = arg("Masquerade.", default=None)
    forward: bool | None = arg("Forward within the zone.", default=None)
    port_forward: list[dict[str, Any]] | None = arg(
        "Ports to pass on: `port`, `proto`, `toport`, `toaddr`.", default=None
    )
    target: Literal["default", "ACCEPT", "DROP", "%%REJECT%%"] | None = arg(
        "What happens to other traffic of the zone.", default=None
    )
    permanent: bool = arg("In the configuration that is loaded at boot.", default=False)
    immediate: bool = arg(
        "In the firewall that runs, also with `permanent`; without, that alone.", default=False
    )
    offline: bool = arg("Change files where firewalld does not run.", default=False)
    timeout: int = arg("Seconds after which a running change ends; 0: never.", default=0)


_THINGS = (
    "service", "port", "protocol", "source", "interface", "rich_rule", "icmp_block",
)  # fmt: skip
_SWITCHES = ("icmp_block_inversion", "masquerade", "forward")


class Firewalld(Action):
    name = "firewalld"
    summary = "Keep rules of firewalld."
    Args = Args
    check_mode = "asks firewall-cmd; where firewalld does not run: unknown"
    examples = (
        "- firewalld:\n    service: https\n    state: enabled\n    permanent: true\n"
        "    immediate: true\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        words: list[tuple[str, str | None]] = []
        on = args.state in ("enabled", "present")
        for name in _THINGS:
            if getattr(args, name) is not None:
                words.append((name.replace("_", "-"), str(getattr(args, name))))
        for name in _SWITCHES:
            if (said := getattr(args, name)) is not None:
                words.append((name.replace("_", "-"), None))
                on = on if said else not on
        for each in args.port_forward or ():
            words.append(("forward-port", _forward(each)))
        if args.target is not None:
            words.append(("target", args.target))
        if len(words) > 1:
            raise PlaybookError("firewalld: can only operate on one rule at a time")
        if not words and args.zone is None:
            raise PlaybookError("firewalld: nothing to keep: a service, a port, ...")
        if not words and not args.permanent:
            raise PlaybookError("firewalld: a zone is made permanently: permanent: true")
        kind, value = words[0] if words else ("zone", args.zone)
        if kind not in ("zone", "target") and args.state in ("present", "absent"):
            raise PlaybookError("firewalld: state present and absent are for zones and targets")
        if kind == "target" and not args.permanent:
            raise PlaybookError("firewalld: a target is permanent: permanent: true")
        sent = {
            "kind": kind, "value": value, "on": on, "zone": args.zone,
            "permanent": args.permanent, "immediate": args.immediate or not args.permanent,
            "offline": args.offline, "timeout": args.timeout,
        }  # fmt: skip
        if kind in ("zone", "target"):
            sent["immediate"] = False
        return Call("firewalld", sent)


def _forward(said: dict[str, Any]) -> str:
    """port=…:proto=…:toport=…:toaddr=…"""
    if not {"port", "proto"} <= set(said):
        raise PlaybookError("firewalld: port_forward takes port, proto, toport, toaddr")
    keys = [key for key in ("port", "proto", "toport", "toaddr") if said.get(key) is not None]
    return ":".join(f"{key}={said[key]}" for key in keys)


ACTION = Firewalld()
