"""A conda environment: observed from its files, built anew beside, then the name moves."""

from __future__ import annotations

import os

from provision.agent import condaprefix, core, fs
from provision.agent.condaenv import Environment
from provision.agent.core import Fail
from provision.agent.generations import in_use, remove
from provision.agent.hostlock import HostLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provision.agent.core import Args, Context, Result

_SHOWN = 5


def main(ctx: Context, args: Args) -> Result:
    """args: name, envs_dir, state; for present: conda, generation, digest, payload (blob),
    python, variables, pip_env, keep, owner, group, mode, verify (argv), force, check_level,
    lock_wait_s."""
    env = Environment(ctx, args)
    if args["state"] == "absent":
        return _absent(env)
    seen = env.observe()
    rebuild = env.content(seen)
    before = os.path.basename(seen.prefix) if seen.prefix else None
    if args.get("force") and not rebuild:
        rebuild = [{"key": "generation", "before": before, "after": "built again"}]
    owning = env.ownership(seen.prefix) if seen.prefix and not rebuild else []
    if not rebuild and not owning:
        return core.ok(**env.facts(seen))
    diff = rebuild + owning
    if ctx.check:
        return core.changed(diff, **env.facts(seen))
    warnings = env.build()
    after = env.observe()
    env.args = {**args, "force": False}
    missed = env.content(after) + (env.ownership(after.prefix) if after.prefix else [])
    if missed:
        keys = ", ".join(str(change["key"]) for change in missed[:_SHOWN])
        raise Fail("built, but the host does not show it: " + keys, diff=diff)
    if rebuild and after.prefix:
        entry = {"key": "generation", "before": before, "after": os.path.basename(after.prefix)}
        diff = [entry] + [item for item in diff if item["key"] != "generation"]
    result = core.changed(diff, **env.facts(after))
    if warnings:
        result["warnings"] = warnings
        result["data"]["warnings"] = warnings
    return result


def _absent(env: Environment) -> Result:
    generations = env.generations
    kind = generations.kind()
    gone = [path for path in generations.all() if not in_use(path)]
    left = len(generations.all()) - len(gone)
    msg = "%d generations are in use and stay" % left if left else ""
    if kind is None and not gone:
        return core.ok(msg, path=generations.link)
    diff = [{"key": os.path.basename(path), "before": "present", "after": None} for path in gone]
    if kind is not None:
        diff.insert(0, {"key": generations.name, "before": kind, "after": None})
    if env.ctx.check:
        return core.changed(diff, msg, path=generations.link)
    os.makedirs(generations.folder, exist_ok=True)
    with HostLock(env.ctx, generations.lock_path, "the environment " + generations.name):
        if kind == "directory":
            users = condaprefix.users(generations.link)
            if users:
                raise Fail("%s is in use by process %d" % (generations.link, users[0]))
            fs.remove_tree(generations.link)
        elif kind is not None:
            os.unlink(generations.link)
        for path in gone:
            remove(path)
    return core.changed(diff, msg, path=generations.link)
