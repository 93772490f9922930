"""The pip step of an environment's build: exactly the locked packages, by hash."""

from __future__ import annotations

import os

from provision.agent import condaprefix
from provision.agent.condaset import differences
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Mapping, Tuple

    from provision.agent.core import Context
    from provision.agent.hostlock import HostLock

    Payload = Mapping[str, Any]

_SHOWN = 6
#: What would lead conda or Python into another environment than the one that is meant.
CLEAN = {
    "CONDA_PREFIX": "",
    "CONDA_DEFAULT_ENV": "",
    "CONDA_SHLVL": "0",
    "PYTHONPATH": "",
    "PYTHONHOME": "",
    "PYTHONNOUSERSITE": "1",
    "PYTHONDONTWRITEBYTECODE": "",
}


def _pip(prefix: str, *words: str) -> List[str]:
    return [os.path.join(prefix, "bin", "python"), "-m", "pip", *words]


def install(
    ctx: Context, prefix: str, payload: Payload, pip_env: Mapping[str, str], lock: HostLock
) -> None:
    """Raises Fail unless the prefix shows every locked pip package afterwards.

    Index addresses, which may hold passwords, travel in the environment; requirements on
    standard input.
    """
    argv = _pip(prefix, "install", "--no-deps", "--require-hashes", "--no-input")
    argv += ["--disable-pip-version-check", "-r", "/dev/stdin"]
    env = {**CLEAN, "PIP_ROOT_USER_ACTION": "ignore", **pip_env}
    if not payload.get("sdists"):
        env["PIP_ONLY_BINARY"] = ":all:"
    requirements = ("\n".join(payload["pip"]) + "\n").encode("utf-8")
    done = ctx.run(argv, requirements, env=env, ok=None, cwd=prefix, preexec=lock.keep_open)
    records, _ = condaprefix.read_records(prefix)
    found = differences(condaprefix.read_set(prefix, records), payload["packages"])
    missed = [str(change["key"])[4:] for change in found if str(change["key"]).startswith("pip:")]
    if missed:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = " ".join(errors[-3:]) or done.stderr.strip()[-400:]
        names = ", ".join(missed[:_SHOWN])
        raise Fail(
            "pip ended with %d and did not install %s: %s" % (done.rc, names, why),
            rc=done.rc,
            stdout=done.stdout[-8000:],
            stderr=done.stderr[-8000:],
        )


def complaints(ctx: Context, prefix: str, payload: Payload) -> Tuple[List[str], List[str]]:
    """What `pip check` says: of packages that pip installed as problems, of conda's as
    warnings, since their metadata often asks for what conda does not call by that name. An
    export that contradicts itself has only warnings: it is wanted as it was."""
    if not payload["pip"]:
        return [], []
    done = ctx.run(_pip(prefix, "check", "--disable-pip-version-check"), env=CLEAN, ok=None)
    ours = {line.partition("==")[0].partition(" ")[0] for line in payload["pip"]}
    problems, warnings = [], []
    for line in done.stdout.splitlines() if done.rc else ():
        name = line.partition(" ")[0].lower().replace("_", "-").replace(".", "-")
        if name in ours and payload.get("pip_consistent", True):
            problems.append(line)
        else:
            warnings.append("pip check: " + line)
    return problems, warnings
