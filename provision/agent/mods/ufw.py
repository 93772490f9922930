"""The uncomplicated firewall: observed in its files, changed by its program.

args: as the action's; way is in or out.
"""

from __future__ import annotations

from provision.agent import core, programs
from provision.agent.core import Fail
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_TUPLE = "### tuple ###"
_POLICIES = {"ACCEPT": "allow", "DROP": "deny", "REJECT": "reject"}
_CHAINS = {"incoming": "INPUT", "outgoing": "OUTPUT", "routed": "FORWARD"}
_FILES = {"rules": "/etc/ufw/user.rules", "rules6": "/etc/ufw/user6.rules"}


def _settings(path: str) -> Dict[str, str]:
    found = {}
    for line in _lines(path):
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            found[key] = value.strip("\"'")
    return found


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read().splitlines()
    except OSError:
        return []


def _tuples(lines: List[str]) -> List[str]:
    return [line[len(_TUPLE) :].strip() for line in lines if line.startswith(_TUPLE)]


class Firewall(core.State):
    """enabled, default, logging, rules, rules6: those that the task speaks of."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.program = programs.need(ctx, "ufw")
        self.commands: List[str] = []
        self.again = args.get("state") in ("reloaded", "reset")

    def observe(self) -> Dict[str, Any]:
        args = self.args
        conf = _settings("/etc/ufw/ufw.conf")
        seen: Dict[str, Any] = {"enabled": conf.get("ENABLED") == "yes"}
        seen["logging"] = conf.get("LOGLEVEL", "low")
        chain = _CHAINS[args.get("direction") or "incoming"] if args.get("default") else "INPUT"
        policy = _settings("/etc/default/ufw").get("DEFAULT_%s_POLICY" % chain, "")
        seen["default"] = _POLICIES.get(policy, policy)
        for key, path in _FILES.items():
            seen[key] = _tuples(_lines(path))
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        wanted: Dict[str, Any] = {}
        if args.get("default"):
            wanted["default"] = args["default"]
        level = args.get("logging")
        if level:
            on = level == "on" and observed["logging"] != "off"
            wanted["logging"] = observed["logging"] if on else ("low" if level == "on" else level)
        if args.get("rule"):
            wanted.update(self._rules(observed))
        if args.get("state") in ("enabled", "disabled"):
            wanted["enabled"] = args["state"] == "enabled"
        elif self.again:
            wanted[args["state"]] = True
        return wanted

    def _rules(self, observed: Observed) -> Dict[str, Any]:
        """The rules that would be, as ufw itself says."""
        done = self.ctx.probe([self.program, "--dry-run", *self._words(observed)])
        if done.rc != 0:
            text = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise Fail("ufw: " + (text[-1] if text else "exit status %d" % done.rc), rc=done.rc)
        wanted: Dict[str, Any] = {}
        key = ""
        for line in done.stdout.splitlines():
            if line.startswith(":ufw-user-input"):
                key = "rules"
                wanted[key] = []
            elif line.startswith(":ufw6-user-input"):
                key = "rules6"
                wanted[key] = []
            elif line.startswith(_TUPLE) and key:
                wanted[key] += _tuples([line])
        return wanted

    def _words(self, observed: Observed) -> List[str]:
        args = self.args
        words = ["route"] if args.get("route") or args.get("direction") == "routed" else []
        if args.get("delete"):
            words.append("delete")
        elif args.get("insert"):
            number = self._number(observed)
            words += ["insert", str(number)] if number else []
        words.append(args["rule"])
        if args.get("way"):
            words.append(args["way"])
        for way, key in (("", "interface"), ("in", "interface_in"), ("out", "interface_out")):
            if args.get(key):
                if way and args.get("way") != way:
                    words.append(way)
                words += ["on", args[key]]
        if args.get("log"):
            words.append("log")
        if args.get("proto"):
            words += ["proto", args["proto"]]
        words += ["from", args.get("from_ip") or "any"]
        if args.get("from_port") is not None:
            words += ["port", str(args["from_port"])]
        words += ["to", args.get("to_ip") or "any"]
        if args.get("to_port") is not None:
            words += ["port", str(args["to_port"])]
        elif args.get("name"):
            words += ["app", args["name"]]
        if args.get("comment"):
            words += ["comment", args["comment"]]
        return words

    def _number(self, observed: Observed) -> Optional[int]:
        """Where the rule goes; None for behind all others."""
        first, second = len(observed["rules"]), len(observed["rules6"])
        start = {
            "zero": 0,
            "first-ipv4": 1,
            "last-ipv4": max(first, 1),
            "first-ipv6": first + 1,
            "last-ipv6": first + max(second, 1),
        }[self.args.get("insert_relative_to") or "zero"]
        number: int = self.args["insert"] + start
        return None if number > first + second else max(number, 1)

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key in _FILES:
            before, after = (_shown(rules) for rules in (before, after))
        return {"key": key, "before": before, "after": after}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        args = self.args
        if "default" in changes:
            self._run("default", args["default"], args.get("direction") or "incoming")
        if "logging" in changes:
            self._run("logging", args["logging"])
        if "rules" in changes or "rules6" in changes:
            self._run(*self._words(observed))
        if "enabled" in changes:
            self._run("--force", "enable" if wanted["enabled"] else "disable")
        if self.again:
            verbs = {"reloaded": ["reload"], "reset": ["--force", "reset"]}
            self._run(*verbs[args["state"]])
            self.again = False

    def _run(self, *words: str) -> None:
        self.commands.append(" ".join([self.program, *words]))
        self.ctx.run([self.program, *words], env={"LC_ALL": "C"})

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"commands": list(self.commands)}


def _shown(rules: List[str]) -> str:
    """Rules for people: ufw writes comments in hexadecimal."""
    lines = []
    for rule in rules:
        text, mark, comment = rule.partition(" comment=")
        try:
            lines.append(text + " # " + bytes.fromhex(comment).decode() if mark else text)
        except ValueError:
            lines.append(rule)
    return "".join(line + "\n" for line in lines)


def main(ctx: Context, args: Args) -> Result:
    try:
        state = Firewall(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
    result = programs.settle(ctx, state)
    if args.get("state") == "reset" and result["status"] == "changed":
        result["diff"] = [{"key": "rules", "before": "as they were", "after": "reset"}]
    return result
