"""The variables that activating a conda environment would set, without starting conda.

In conda's order: `etc/conda/env_vars.d/*.json`, `conda-meta/state`, then the scripts in
`etc/conda/activate.d`, which only a shell understands: they are run once, as the service's
user, and what they set is remembered until one of the files changes.
"""

from __future__ import annotations

import os

from provision.agent import fs, proc
from provision.agent.core import Fail, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from provision.agent.core import Context

_UNSET = "***unset***"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHELL_OWN = frozenset(("_", "SHLVL", "PWD", "OLDPWD", "BASH_ENV"))
_LIMIT_S = 60.0
# As conda does, whatever a script's last command says of itself.
_RUN = 'for s in "$@"; do . "$s"; done >&2; exec /usr/bin/env -0'


def _files(prefix: str, folder: str, ending: str) -> List[str]:
    place = os.path.join(prefix, folder)
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return []
    return [os.path.join(place, name) for name in names if name.endswith(ending)]


def scripts(prefix: str) -> List[str]:
    return _files(prefix, "etc/conda/activate.d", ".sh")


def inputs(prefix: str) -> Optional[str]:
    """Changes whenever what the scripts may set could; None without scripts."""
    found = scripts(prefix)
    if not found:
        return None
    settings = [*_files(prefix, "etc/conda/env_vars.d", ".json"), prefix + "/conda-meta/state"]
    lines = [prefix]
    for path in [*found, *settings]:
        try:
            lines.append("%s %s" % (path, fs.sha256_file(path)))
        except OSError:
            lines.append(path)
    return fs.sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))[:16]


def _json(path: str) -> Any:
    try:
        return loads(fs.read_bytes(path).decode("utf-8"))
    except Exception:  # the C scanner raises StopIteration; conda, too, ignores such files
        return {}


def plain(prefix: str, name: str) -> Dict[str, str]:
    """What is known without a shell."""
    found: Dict[str, str] = {
        "PATH": "%s/bin:%s" % (prefix, _SYSTEM_PATH),
        "CONDA_PREFIX": prefix,
        "CONDA_DEFAULT_ENV": name,
        "CONDA_SHLVL": "1",
    }
    said: Dict[str, Any] = {}
    for path in _files(prefix, "etc/conda/env_vars.d", ".json"):
        values = _json(path)
        said.update(values if isinstance(values, dict) else {})
    state = _json(prefix + "/conda-meta/state")
    values = state.get("env_vars") if isinstance(state, dict) else None
    said.update(values if isinstance(values, dict) else {})
    found.update({k: str(v) for k, v in said.items() if v != _UNSET})
    return found


def run_scripts(
    ctx: Context, prefix: str, name: str, become: Optional[Callable[[], None]]
) -> Dict[str, str]:
    """What the scripts add to `plain` or change of it. Raises Fail."""
    before = plain(prefix, name)
    argv = ["/bin/bash", "--noprofile", "--norc", "-c", _RUN, "activate", *scripts(prefix)]
    left = ctx.left_s()
    limit = _LIMIT_S if left is None else min(left, _LIMIT_S)
    # Not the agent's own environment, and nothing of it in arguments that everyone can read.
    done = proc.run(argv, cwd="/", env=before, timeout_s=limit, preexec=become)
    if done.timed_out or done.rc != 0:
        words = done.stderr.strip().splitlines()
        raise Fail(
            "the activation scripts of %s %s%s"
            % (
                prefix,
                "did not end" if done.timed_out else "ended with %d" % done.rc,
                ": " + words[-1] if words else "",
            ),
            stderr=done.stderr,
        )
    found: Dict[str, str] = {}
    for item in done.stdout.split("\0"):
        key, sep, value = item.partition("=")
        if sep and key.isidentifier() and key not in _SHELL_OWN and before.get(key) != value:
            found[key] = value
    return found
