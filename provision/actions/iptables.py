"""The action `iptables`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Iptables"]

_MAN = "See iptables(8); a leading `!` negates."


@dataclass(frozen=True, slots=True)
class Args:
    table: Literal["filter", "nat", "mangle", "raw", "security"] = arg("Table.", default="filter")
    chain: str | None = arg("Chain.", default=None, example="INPUT")
    state: Literal["present", "absent"] = arg("Whether the rule is there.", default="present")
    action: Literal["append", "insert"] = arg("Where a new rule goes.", default="append")
    rule_num: str | None = arg("Number of an inserted rule.", default=None)
    ip_version: Literal["ipv4", "ipv6", "both"] = arg("Which protocol.", default="ipv4")
    policy: Literal["ACCEPT", "DROP", "QUEUE", "RETURN"] | None = arg(
        "Policy of the chain.", default=None
    )
    flush: bool = arg("Remove all rules of the chain, or of the table.", default=False)
    chain_management: bool = arg("Make and remove the chain itself.", default=False)
    protocol: str | None = arg(_MAN, default=None)
    source: str | None = arg(_MAN, default=None)
    destination: str | None = arg(_MAN, default=None)
    match: list[str] = arg("Extensions to load.", factory=list)
    tcp_flags: dict[str, Any] | None = arg("`flags` and `flags_set`.", default=None)
    jump: str | None = arg("What happens to a packet.", default=None)
    goto: str | None = arg(_MAN, default=None)
    gateway: str | None = arg("For TEE.", default=None)
    log_prefix: str | None = arg("For LOG.", default=None)
    log_level: str | None = arg("For LOG.", default=None)
    in_interface: str | None = arg(_MAN, default=None)
    out_interface: str | None = arg(_MAN, default=None)
    fragment: str | None = arg(_MAN, default=None)
    set_counters: str | None = arg(_MAN, default=None)
    source_port: str | None = arg(_MAN, default=None)
    destination_port: str | None = arg(_MAN, default=None)
    destination_ports: list[str] = arg("Several ports.", factory=list)
    to_ports: str | None = arg("For REDIRECT.", default=None)
    to_destination: str | None = arg("For DNAT.", default=None)
    to_source: str | None = arg("For SNAT.", default=None)
    syn: Literal["ignore", "match", "negate"] = arg("First packets.", default="ignore")
    set_dscp_mark: str | None = arg(_MAN, default=None)
    set_dscp_mark_class: str | None = arg(_MAN, default=None)
    comment: str | None = arg("Comment of the rule.", default=None)
    ctstate: list[str] = arg("States of connections.", factory=list)
    src_range: str | None = arg("Range of sources.", default=None)
    dst_range: str | None = arg("Range of destinations.", default=None)
    match_set: str | None = arg("An ipset.", default=None)
    match_set_flags: str | None = arg("Its flags.", default=None)
    limit: str | None = arg("Rate.", default=None)
    limit_burst: str | None = arg("Burst before the rate counts.", default=None)
    uid_owner: str | None = arg("User who sends.", default=None)
    gid_owner: str | None = arg("Group who sends.", default=None)
    reject_with: str | None = arg("For REJECT.", default=None)
    icmp_type: str | None = arg("Kind of ICMP.", default=None)
    wait: str | None = arg("Seconds to wait for the lock.", default=None)
    numeric: bool = arg("Accepted: nothing is looked up.", default=False)


class Iptables(Action):
    name = "iptables"
    summary = "Keep a rule of the kernel's packet filter."
    Args = Args
    check_mode = "asks iptables whether the rule is there (`-C`)"
    notes = "Rules are gone after a boot unless something saves them. Returns `rule`."
    examples = (
        "- iptables:\n    chain: INPUT\n    protocol: tcp\n    destination_port: '8080'\n"
        "    source: 10.0.0.0/8\n    jump: ACCEPT\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.chain is None and not args.flush:
            raise PlaybookError("iptables: Either chain or flush parameter must be specified.")
        if args.flush and args.policy:
            raise PlaybookError("iptables: flush and policy are mutually exclusive")
        if (args.log_prefix or args.log_level) and args.jump not in (None, "LOG"):
            raise PlaybookError("iptables: log_prefix and log_level need jump: LOG")
        versions = ["ipv4", "ipv6"] if args.ip_version == "both" else [args.ip_version]
        return Call(
            "iptables",
            {
                "table": args.table, "chain": args.chain, "state": args.state,
                "action": args.action, "rule_num": args.rule_num, "policy": args.policy,
                "flush": args.flush, "manage": args.chain_management, "wait": args.wait,
                "versions": versions, "rule": _rule(args),
            },
        )  # fmt: skip


def _rule(args: Any) -> list[str]:
    """The words that say which packets and what happens to them."""
    words: list[str] = []

    def put(flag: str, value: object, negatable: bool = True) -> None:
        if value is None:
            return
        text = str(value)
        if negatable and text.startswith("!"):
            words.append("!")
            text = text[1:].strip()
        words.extend((flag, text))

    put("-p", args.protocol)
    put("-s", args.source)
    put("-d", args.destination)
    for match in args.match:
        put("-m", match)
    if args.tcp_flags and args.tcp_flags.get("flags"):
        flags = [",".join(_listed(args.tcp_flags.get(key))) for key in ("flags", "flags_set")]
        words.extend(("--tcp-flags", *flags))
    put("-j", args.jump or ("LOG" if args.log_prefix or args.log_level else None))
    put("--gateway", args.gateway)
    put("--log-prefix", args.log_prefix, False)
    put("--log-level", args.log_level)
    put("-g", args.goto)
    put("-i", args.in_interface)
    put("-o", args.out_interface)
    put("-f", args.fragment)
    put("-c", args.set_counters)
    put("--source-port", args.source_port)
    put("--destination-port", args.destination_port)
    if args.destination_ports:
        _load(words, args, "multiport")
        put("--dports", ",".join(args.destination_ports))
    put("--to-ports", args.to_ports)
    put("--to-destination", args.to_destination)
    put("--to-source", args.to_source)
    if args.syn != "ignore":
        words.extend(["!"] * (args.syn == "negate") + ["--syn"])
    put("--set-dscp", args.set_dscp_mark)
    put("--set-dscp-class", args.set_dscp_mark_class)
    if args.comment:
        _load(words, args, "comment")
        put("--comment", args.comment, False)
    if args.ctstate and not {"conntrack", "state"} & set(args.match):
        words.extend(("-m", "conntrack"))
    if args.ctstate:
        flag = "--state" if "state" in args.match else "--ctstate"
        put(flag, ",".join(args.ctstate))
    if args.src_range or args.dst_range:
        _load(words, args, "iprange")
        put("--src-range", args.src_range)
        put("--dst-range", args.dst_range)
    if args.match_set:
        _load(words, args, "set")
        put("--match-set", args.match_set)
        words.append(args.match_set_flags or "src")
    if args.limit or args.limit_burst:
        _load(words, args, "limit")
        put("--limit", args.limit)
        put("--limit-burst", args.limit_burst)
    if args.uid_owner or args.gid_owner:
        _load(words, args, "owner")
        put("--uid-owner", args.uid_owner)
        put("--gid-owner", args.gid_owner)
    if args.reject_with and not args.jump:
        words.extend(("-j", "REJECT"))
    put("--reject-with", args.reject_with)
    put("--icmp-type", args.icmp_type)
    return words


def _listed(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value or "NONE")]


def _load(words: list[str], args: Any, name: str) -> None:
    if name not in args.match:
        words.extend(("-m", name))


ACTION = Iptables()
