"""A rule, a policy or a chain of the kernel's packet filter.

args: table, chain, state, action, rule_num, policy, flush, manage, wait, versions, rule (words).
"""

from __future__ import annotations

from provision.agent import core, programs
from provision.agent.core import Fail
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_PROGRAMS = {"ipv4": "iptables", "ipv6": "ip6tables"}


class Filter(core.State):
    """For each version a key of what the task is about: rule, chain, policy or rules."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.chain: str = args.get("chain") or ""
        self.programs = {v: programs.need(ctx, _PROGRAMS[v]) for v in args["versions"]}

    def _argv(self, version: str, *words: str) -> List[str]:
        argv = [self.programs[version], "-t", self.args["table"]]
        if self.args.get("wait"):
            argv += ["-w", self.args["wait"]]
        return [*argv, *words]

    def _kind(self) -> str:
        if self.args.get("flush"):
            return "rules"
        if self.args.get("policy"):
            return "policy"
        return "rule" if self.args["rule"] or not self.args.get("manage") else "chain"

    def observe(self) -> Dict[str, Any]:
        seen = {}
        kind = self._kind()
        for version in self.args["versions"]:
            lines = self._lines(version) if kind != "rule" or self.args.get("manage") else []
            if kind == "rules":
                seen[version + " rules"] = "".join(x + "\n" for x in lines if x.startswith("-A"))
            elif kind == "policy":
                policies = [x.split()[2] for x in lines if x.startswith("-P ")]
                if not policies:
                    raise Fail("only built-in chains have a policy, not %s" % self.chain)
                seen[version + " policy"] = policies[0]
            elif kind == "chain":
                seen[version + " chain"] = "present" if lines else "absent"
            else:
                seen[version + " rule"] = "present" if self._there(version) else "absent"
        return seen

    def _lines(self, version: str) -> List[str]:
        """The chain or table as `iptables -S` prints it; nothing for a chain that is not there."""
        done = self.ctx.probe(self._argv(version, "-S", *([self.chain] if self.chain else [])))
        if done.rc != 0 and not self.chain:
            raise Fail((done.stderr.strip() or "iptables failed").splitlines()[-1], rc=done.rc)
        return done.stdout.splitlines() if done.rc == 0 else []

    def _there(self, version: str) -> bool:
        done = self.ctx.probe(self._argv(version, "-C", self.chain, *self.args["rule"]))
        if done.rc not in (0, 1):
            words = done.stderr.strip().splitlines() or ["exit status %d" % done.rc]
            if self.args.get("manage") and "hain" in done.stderr:
                return False  # the chain itself is not there yet
            raise Fail(words[0], rc=done.rc, cmd=done.argv)
        return done.rc == 0

    def desired(self, observed: Observed) -> Dict[str, Any]:
        kind = self._kind()
        value = {"rules": "", "policy": self.args.get("policy")}.get(kind, self.args["state"])
        return dict.fromkeys(observed, value)

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        for key in changes:
            version, kind = key.split(" ")
            for words in self._commands(version, kind, wanted[key]):
                self.ctx.run(self._argv(version, *words))

    def _commands(self, version: str, kind: str, value: str) -> List[List[str]]:
        chain = [self.chain] if self.chain else []
        if kind == "rules":
            return [["-F", *chain]]
        if kind == "policy":
            return [["-P", self.chain, value]]
        if kind == "chain":
            return [["-N" if value == "present" else "-X", self.chain]]
        rule: List[str] = self.args["rule"]
        if value == "absent":
            return [["-D", self.chain, *rule]]
        number = [self.args["rule_num"]] if self.args.get("rule_num") else []
        insert = self.args["action"] == "insert"
        add = ["-I", self.chain, *number, *rule] if insert else ["-A", self.chain, *rule]
        new = self.args.get("manage") and not self._lines(version)
        return [["-N", self.chain], add] if new else [add]

    def data(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        return {
            "chain": self.chain or None,
            "table": args["table"],
            "state": args["state"],
            "flush": bool(args.get("flush")),
            "rule": " ".join(args["rule"]),
            "ip_version": args["versions"],
        }


def main(ctx: Context, args: Args) -> Result:
    try:
        state = Filter(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
    return programs.settle(ctx, state)
