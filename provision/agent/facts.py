"""Facts of the host, in groups that can be asked for one by one.

No group starts a program, except `local` (executable fact files) and `gpu` (nvidia-smi, where
there is one). Names are Ansible's without `ansible_`.
"""

from __future__ import annotations

from provision.agent import factdistro, factgpu, facthardware, factnetwork, factsystem, factvirtual

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Sequence, Set

    from provision.agent.core import Context

    Gather = Callable[[Context, Mapping[str, Any]], Dict[str, Any]]

#: Group → what gathers it. The order is that of gathering: later groups may look at earlier ones.
GROUPS: Dict[str, Gather] = {
    "platform": factsystem.platform,
    "distribution": factdistro.distribution,
    "service_mgr": factsystem.service_mgr,
    "pkg_mgr": factdistro.pkg_mgr,
    "python": factsystem.python,
    "user": factsystem.user,
    "env": factsystem.env,
    "date_time": factsystem.date_time,
    "cmdline": factsystem.cmdline,
    "dns": factsystem.dns,
    "fips": factsystem.fips,
    "selinux": factsystem.selinux,
    "apparmor": factsystem.apparmor,
    "lsb": factdistro.lsb,
    "ssh_pub_keys": factsystem.ssh_host_keys,
    "local": factsystem.local,
    "processor": facthardware.processor,
    "memory": facthardware.memory,
    "uptime": facthardware.uptime,
    "dmi": facthardware.dmi,
    "mounts": facthardware.mounts,
    "devices": facthardware.devices,
    "interfaces": factnetwork.network,
    "virtualization": factvirtual.virtualization,
    "gpu": factgpu.gpu,
}
_HARDWARE = ("processor", "memory", "uptime", "dmi", "mounts", "devices")
_SETS: Dict[str, Sequence[str]] = {
    "all": tuple(GROUPS),
    "hardware": _HARDWARE,
    "network": ("interfaces",),
    "virtual": ("virtualization",),
    "min": tuple(
        name for name in GROUPS if name not in _HARDWARE + ("interfaces", "virtualization", "gpu")
    ),
    # Other programs' facts, which are gathered by no host half of ours; and groups whose facts
    # come with another one.
    "facter": (),
    "ohai": (),
    "caps": (),
    "systemd": ("service_mgr",),
    "loadavg": ("uptime",),
    "kernel": ("platform",),
    "architecture": ("platform",),
    "default_ipv4": ("interfaces",),
    "all_ipv4_addresses": ("interfaces",),
}


def chosen(subset: Sequence[str]) -> List[str]:
    """The groups that a `gather_subset` means: names add, `!names` take away, `min` is always
    in unless it is taken away. Raises ValueError with the name it does not know."""
    wanted: Set[str] = set()
    removed: Set[str] = set()
    named: Set[str] = set()  # by a word for them, which outdoes `!all`
    positive = False
    for word in subset:
        word = word.strip()
        name = word.lstrip("!")
        if name not in _SETS and name not in GROUPS:
            raise ValueError(name)
        members = _SETS.get(name, (name,))
        if word.startswith("!"):
            # `!all` leaves the minimum, which goes only by name
            removed.update(m for m in members if name != "all" or m not in _SETS["min"])
        else:
            positive = True
            wanted.update(members)
            named.update(members if name != "all" else ())
    if not positive:
        wanted.update(GROUPS)
    if "!min" not in subset:
        wanted.update(_SETS["min"])
    return [name for name in GROUPS if name in wanted and (name not in removed or name in named)]


def gather(ctx: Context, names: Sequence[str], args: Mapping[str, Any]) -> Dict[str, Any]:
    """The facts of these groups. A group that cannot be read is left out, not an error."""
    facts: Dict[str, Any] = {}
    for name in names:
        try:
            facts.update(GROUPS[name](ctx, args))
        except (OSError, KeyError, ValueError, IndexError):
            continue
    return facts
