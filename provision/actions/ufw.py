"""The action `ufw`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Ufw"]

_DIRECTIONS = {"incoming": "in", "outgoing": "out"}


@dataclass(frozen=True, slots=True)
class Args:
    state: Literal["enabled", "disabled", "reloaded", "reset"] | None = arg(
        "Whether the firewall works; `reloaded` and `reset` always act.", default=None
    )
    default: Literal["allow", "deny", "reject"] | None = arg(
        "What happens to traffic no rule speaks of, in `direction`.",
        default=None,
        aliases=("policy",),
    )
    logging: Literal["on", "off", "low", "medium", "high", "full"] | None = arg(
        "What is logged.", default=None, aliases=("loglevel",)
    )
    rule: Literal["allow", "deny", "limit", "reject"] | None = arg("A rule.", default=None)
    delete: bool = arg("Remove the rule.", default=False)
    direction: Literal["in", "incoming", "out", "outgoing", "routed"] | None = arg(
        "Which way.", default=None
    )
    proto: Literal["any", "tcp", "udp", "ipv6", "esp", "ah", "gre", "igmp", "vrrp"] | None = arg(
        "Protocol.", default=None, aliases=("protocol",)
    )
    from_ip: str = arg("Source.", default="any", aliases=("from", "src"))
    from_port: str | int | None = arg("Port of the source.", default=None)
    to_ip: str = arg("Destination.", default="any", aliases=("dest", "to"))
    to_port: str | int | None = arg(
        "Port of the destination: one, `60000:61000`, `80,443`.", default=None, aliases=("port",)
    )
    name: str | None = arg("Application profile.", default=None, aliases=("app",))
    interface: str | None = arg("Interface, in `direction`.", default=None, aliases=("if",))
    interface_in: str | None = arg("Interface in.", default=None, aliases=("if_in",))
    interface_out: str | None = arg("Interface out.", default=None, aliases=("if_out",))
    log: bool = arg("Log what the rule matches.", default=False)
    route: bool = arg("A rule for traffic that is passed on.", default=False)
    comment: str | None = arg("Comment of the rule.", default=None)
    insert: int | None = arg("The rule's number.", default=None)
    insert_relative_to: Literal["zero", "first-ipv4", "last-ipv4", "first-ipv6", "last-ipv6"] = arg(
        "From where `insert` counts.", default="zero"
    )


class Ufw(Action):
    name = "ufw"
    summary = "Keep the rules of ufw, the uncomplicated firewall."
    Args = Args
    check_mode = "predicts with ufw's own dry run; a host without ufw: unknown"
    notes = (
        "Policy, logging, rule and state of one task are set in this order. Returns `commands`. "
        "Allow ssh before `state: enabled`, or the host is out of reach."
    )
    examples = (
        "- ufw:\n    rule: allow\n    port: '22'\n    proto: tcp\n"
        "- ufw:\n    state: enabled\n    policy: deny\n    direction: incoming\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not (args.state or args.default or args.logging or args.rule):
            raise PlaybookError("ufw: one of state, default, logging, rule is needed")
        if args.interface and (args.interface_in or args.interface_out):
            raise PlaybookError("ufw: interface excludes interface_in and interface_out")
        if args.rule and args.interface and args.direction not in (
            "in", "out", "incoming", "outgoing"
        ):  # fmt: skip
            raise PlaybookError("ufw: direction must be in or out when an interface is given")
        if args.rule and args.interface_in and args.interface_out and not args.route:
            raise PlaybookError("ufw: only route rules can have interface_in and interface_out")
        if args.default and args.direction not in (None, "incoming", "outgoing", "routed"):
            raise PlaybookError(
                'ufw: for default, direction must be one of "outgoing", "incoming" and "routed"'
            )
        sent = wire(args)
        if args.direction in _DIRECTIONS and args.rule:
            sent["way"] = _DIRECTIONS[args.direction]
        elif args.direction in ("in", "out"):
            sent["way"] = args.direction
        return Call("ufw", sent)


ACTION = Ufw()
