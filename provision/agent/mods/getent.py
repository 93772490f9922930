"""Reads a database of the host."""

from __future__ import annotations

from provision.agent import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from provision.agent.core import Args, Context, Result

_COLON = ("passwd", "shadow", "group", "gshadow")
_WHY = {1: "unknown database or missing arguments", 3: "it cannot be listed"}


def main(ctx: Context, args: Args) -> Result:
    """args: database, key, service, split, fail_key."""
    database: str = args["database"]
    key: Optional[str] = args.get("key")
    split = args.get("split") or (":" if database in _COLON else None)
    argv = ["getent"]
    if args.get("service"):
        argv += ["-s", args["service"]]
    argv += ["--", database] + ([key] if key is not None else [])
    done = ctx.run(argv, env={"LC_ALL": "C"}, ok=None)
    fact = "getent_" + database
    if done.rc == 0:
        return _found(fact, _entries(done.stdout, split))
    if done.rc == 2 and key is not None:
        if args.get("fail_key", True):
            raise core.Fail("One or more supplied key could not be found in the database.")
        return _found(fact, {key: None})
    raise core.Fail("getent %s: %s" % (database, _WHY.get(done.rc) or "exit %d" % done.rc))


def _entries(text: str, split: Optional[str]) -> Dict[str, Any]:
    """Name → further fields; a list of them for a name that comes twice."""
    found: Dict[str, Any] = {}
    twice = set()
    for line in text.splitlines():
        fields: List[str] = line.split(split)
        if not fields:
            continue
        name, rest = fields[0], fields[1:]
        if name not in found:
            found[name] = rest
        elif name in twice:
            found[name].append(rest)
        else:
            found[name] = [found[name], rest]
            twice.add(name)
    return found


def _found(fact: str, entries: Dict[str, Any]) -> Result:
    result = core.ok()
    result["facts"] = {fact: entries}
    return result
