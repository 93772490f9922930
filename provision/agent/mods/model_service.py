"""One model service: observed as a whole, changed only where it differs.

args: name, unit, state, unit_text, enabled, env, envs_dir, program, app (folders, links, files
[[path, sha256, size, mode]]), environment, secrets, secret_delivery, user, group, groups,
create_user, home, working_directory, bind, port, url, health (see `httpcheck`); for absent:
name, unit, purge, working_directory.
"""

from __future__ import annotations

import os

from provision.agent import core, servicelook, serviceplace, units
from provision.agent.core import Fail
from provision.agent.servicefiles import Seen
from provision.agent.servicegone import GoneState
from provision.agent.servicestate import ServiceState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Result

    Looks = Dict[str, Any]


def prepare(ctx: Context, args_list: Sequence[Args]) -> Looks:
    """Every service of the coming steps: systemd is asked once, all health checks at once."""
    present = [args for args in args_list if args["state"] not in ("absent", "stopped")]
    others = [args for args in args_list if args not in present]
    found: Looks = {}
    if others:
        found.update(servicelook.look(ctx, others, health=False))
    if present:
        found.update(servicelook.look(ctx, present))
    return found


def _require_own_port(ctx: Context, args: Args) -> None:
    """Two services of one run cannot have the same port of the same address."""
    for step in ctx.agent.steps[: ctx.agent.position]:
        other = step["args"]
        if step["mod"] != ctx.module or other["state"] in ("absent", "stopped"):
            continue
        if other["name"] == args["name"] or other.get("port") != args["port"]:
            continue
        anywhere = {"0.0.0.0", "::", "*"} & {other["bind"], args["bind"]}
        if anywhere or other["bind"] == args["bind"]:
            raise Fail(
                "port %s on %s is the service %s's already"
                % (args["port"], args["bind"], other["name"])
            )


def main(ctx: Context, args: Args) -> Result:
    if not units.runs_systemd():
        raise Fail("systemd does not run on this host, so it cannot run services")
    if os.geteuid() != 0:
        raise Fail("only root can manage services", _hint="say `become: true`")
    if args["state"] == "absent":
        return core.converge(ctx, GoneState(ctx, args))
    if args.get("port"):
        _require_own_port(ctx, args)
    state = ServiceState(ctx, args)
    vendor = state.paths.vendor_unit()
    if vendor:
        raise Fail(
            "%s belongs to a package: %s" % (state.paths.unit, vendor), _hint="choose another name"
        )
    if state.built:
        serviceplace.require_program(args, state.prefix)
    elif args["state"] != "stopped" and state.prefix.endswith("/" + args["env"]):
        state.warn("there is no environment %s on the host yet" % args["env"])
    _verify(ctx, state)
    result = core.converge(ctx, state)
    if args["state"] == "restarted":
        result = _again(ctx, state, result)
    if state.warnings:
        result["warnings"] = result["data"]["warnings"] = state.warnings
    return result


def _verify(ctx: Context, state: ServiceState) -> None:
    """Before anything is changed, a unit that is new is shown to systemd."""
    if not state.built:
        return
    text = state.unit()
    if Seen(state.paths.unit_file).text != text:
        for line in serviceplace.verified(ctx, state.args["name"], text):
            state.warn(line)


def _again(ctx: Context, state: ServiceState, result: Result) -> Result:
    """Restarts, unless it was just started or restarted anyway."""
    keys = [entry["key"] for entry in result.get("diff", [])]
    if "active" in keys or state.run.restarted or (ctx.check and "process" in keys):
        return result
    diff = [*result.get("diff", []), {"key": "state", "before": "started", "after": "restarted"}]
    if not ctx.check:
        state.applied = True
        state.again()
    return core.changed(diff, **state.data(state.observe()))
