"""A host's environments: told, gone back to, collected.

args: what, name, to, keep, conda, envs_dir, check_level, whole, lock_wait_s.

    list      envs: see `condalist.summary`
    history   generations of `name`, the newest first, each with what changed since the one before
    rollback  the name leads to the generation built before the current one, or to `to`
    read      env: see `condaread.read`; with `whole` machine as well
    gc        removes what `keep` leaves, of `name` or of all
"""

from __future__ import annotations

import os

from provision.agent import condalist, core, fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provision.agent.core import Args, Context, Result


def main(ctx: Context, args: Args) -> Result:
    what = args["what"]
    if what == "list":
        envs = condalist.all_environments(args.get("conda"), args.get("envs_dir"))
        return core.ok(envs=envs)
    if what == "read":
        from provision.agent import condaread

        path = condalist.find(args["name"], args.get("conda"), args.get("envs_dir"))
        whole = bool(args.get("whole"))
        env = condaread.read(ctx, path, args.get("check_level") or "records", whole)
        return core.ok(env=env, machine=condaread.machine(ctx, path) if whole else {})
    from provision.agent import condapast

    if what == "gc":
        return condapast.collect(ctx, args)
    generations = condalist.generations_of(args["name"], args.get("conda"), args.get("envs_dir"))
    if what == "history":
        return core.ok(
            path=generations.link,
            kind=fs.kind_of(fs.lstat(generations.link)),
            generations=condapast.history(generations),
        )
    if what == "rollback":
        return condapast.roll_back(ctx, args, generations)
    raise Fail("conda_envs cannot %s" % what, path=os.path.dirname(generations.link))
