"""Whether this is a virtual machine or a container, and of what kind."""

from __future__ import annotations

import os

from provision.agent import fs
from provision.agent.factsystem import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

    from provision.agent.core import Context

    Options = Mapping[str, Any]

#: What a vendor, product or firmware name contains → kind of virtual machine
_NAMES = (
    ("HVM domU", "xen"),
    ("VMware", "VMware"),
    ("VirtualBox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("Parallels", "parallels"),
    ("OpenStack", "openstack"),
    ("KubeVirt", "KubeVirt"),
    ("RHEV", "RHEV"),
    ("oVirt", "oVirt"),
    ("Amazon EC2", "kvm"),
    ("Google", "kvm"),
    ("Alibaba", "kvm"),
    ("DigitalOcean", "kvm"),
    ("Hetzner", "kvm"),
    ("Nutanix", "kvm"),
    ("Bochs", "kvm"),
    ("QEMU", "kvm"),
    ("KVM", "kvm"),
    ("bhyve", "bhyve"),
)


def _container() -> Optional[Tuple[str, List[str]]]:
    """(type, every technology seen) for a container."""
    cgroup = read("/proc/1/cgroup")
    if os.path.exists("/.dockerenv") or "/docker" in cgroup or "/docker-" in cgroup:
        return "docker", ["docker", "container"]
    if os.path.exists("/run/.containerenv") or "libpod" in cgroup:
        return "podman", ["podman", "container"]
    said = read("/run/systemd/container")
    if not said:
        try:
            environment = fs.read_bytes("/proc/1/environ").split(b"\0")
        except OSError:
            environment = []
        for item in environment:
            if item.startswith(b"container="):
                said = item[10:].decode("ascii", "replace") or "container"
    if said in ("docker", "podman", "lxc"):
        return said, [said, "container"]
    if said or "/lxc/" in cgroup:
        kind = said or "lxc"
        return ("lxc" if kind.startswith("lxc") else "container"), [kind, "container"]
    if os.path.exists("/proc/vz") and not os.path.exists("/proc/bc"):
        return "openvz", ["openvz", "container"]
    return None


def _machine() -> Optional[str]:
    if os.path.exists("/proc/xen") or read("/sys/hypervisor/type") == "xen":
        return "xen"
    known = " ".join(
        read("/sys/class/dmi/id/" + name)
        for name in ("product_name", "sys_vendor", "bios_vendor", "product_family")
    )
    for word, kind in _NAMES:
        if word in known:
            return kind
    if "Microsoft" in known and "Virtual Machine" in known:
        return "VirtualPC"
    info = read("/proc/cpuinfo")
    if "QEMU Virtual CPU" in info:
        return "kvm"
    # Firecracker and others show no firmware, only the processor's flag
    flags = info.partition("flags")[2].partition("\n")[0]
    return "kvm" if " hypervisor" in flags and "NA" not in known else None


def _hosts() -> List[str]:
    """What this machine can itself run."""
    modules = read("/proc/modules")
    found = []
    if "\nkvm " in "\n" + modules and os.path.exists("/dev/kvm"):
        found.append("kvm")
    if "vboxdrv" in modules:
        found.append("virtualbox")
    if read("/proc/xen/capabilities").find("control_d") >= 0:
        found.append("xen")
    return found


def virtualization(ctx: Context, _: Options) -> Dict[str, Any]:
    guests: List[str] = []
    container, machine, hosts = _container(), _machine(), _hosts()
    if container:
        kind, guests = container
        role = "guest"
    elif machine:
        kind, guests, role = machine, [machine], "guest"
    elif hosts:
        kind, role = hosts[0], "host"
    else:
        kind = role = "NA"
    return {
        "virtualization_type": kind,
        "virtualization_role": role,
        "virtualization_tech_guest": guests,
        "virtualization_tech_host": hosts,
        "is_chroot": _is_chroot(),
    }


def _is_chroot() -> bool:
    try:
        mine, first = os.stat("/"), os.stat("/proc/1/root/.")
    except OSError:
        return False
    return (mine.st_ino, mine.st_dev) != (first.st_ino, first.st_dev)
