"""Gathers facts."""

from __future__ import annotations

from provision.agent import core, facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from provision.agent.core import Args, Context, Result


def main(ctx: Context, args: Args) -> Result:
    """args: subset (names of groups) or gather_subset (as in playbooks), filter, fact_path."""
    if args.get("subset") is not None:
        names = [name for name in facts.GROUPS if name in args["subset"]]
    else:
        try:
            names = facts.chosen(args.get("gather_subset") or ["all"])
        except ValueError as exc:
            known = ", ".join(facts.GROUPS)
            raise core.Fail("there are no facts called %s; there are %s" % (exc, known)) from None
    found = {"ansible_" + name: value for name, value in facts.gather(ctx, names, args).items()}
    patterns: List[str] = args.get("filter") or []
    if patterns and patterns != ["*"]:
        found = _filtered(found, patterns)
    result = core.ok()
    result["facts"] = found
    return result


def _filtered(found: Dict[str, Any], patterns: List[str]) -> Dict[str, Any]:
    import fnmatch

    return {
        name: value
        for name, value in found.items()
        if any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(name, "ansible_" + p) for p in patterns)
    }
