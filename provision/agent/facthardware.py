"""Facts of the machine: processors, memory, disks, mounts, firmware."""

from __future__ import annotations

import os
import time

from provision.agent.factsystem import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional

    from provision.agent.core import Context

    Options = Mapping[str, Any]

_KEEP_S = 2.0  # how long a file system may take to tell its size

#: /sys/class/dmi/id → fact
_DMI = {
    "bios_date": "bios_date",
    "bios_vendor": "bios_vendor",
    "bios_version": "bios_version",
    "board_asset_tag": "board_asset_tag",
    "board_name": "board_name",
    "board_serial": "board_serial",
    "board_vendor": "board_vendor",
    "board_version": "board_version",
    "chassis_asset_tag": "chassis_asset_tag",
    "chassis_serial": "chassis_serial",
    "chassis_vendor": "chassis_vendor",
    "chassis_version": "chassis_version",
    "product_name": "product_name",
    "product_serial": "product_serial",
    "product_uuid": "product_uuid",
    "product_version": "product_version",
    "sys_vendor": "system_vendor",
}
_FORMS = (
    "Unknown,Other,Unknown,Desktop,Low Profile Desktop,Pizza Box,Mini Tower,Tower,Portable,Laptop,"
    "Notebook,Hand Held,Docking Station,All In One,Sub Notebook,Space-saving,Lunch Box,"
    "Main Server Chassis,Expansion Chassis,Sub Chassis,Bus Expansion Chassis,"
    "Peripheral Chassis,RAID Chassis,Rack Mount Chassis,Sealed-case PC,Multi-system,CompactPCI,"
    "AdvancedTCA,Blade,Blade Enclosing,Tablet,Convertible,Detachable,IoT Gateway,Embedded PC,"
    "Mini PC,Stick PC"
)


def processor(ctx: Context, _: Options) -> Dict[str, Any]:
    names: List[str] = []
    index, sockets, cores, siblings = -1, [], 0, 0
    flags: List[str] = []
    for line in read("/proc/cpuinfo").splitlines():
        key, sep, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if key == "processor" and sep and value.isdigit():
            index += 1
            names.append(value)
        elif key in ("vendor_id", "model name", "Processor", "cpu model", "CPU implementer"):
            names.append(value)
        elif key == "physical id":
            sockets.append(value)
        elif key == "cpu cores":
            cores = int(value)
        elif key == "siblings":
            siblings = int(value)
        elif key in ("flags", "Features") and not flags:
            flags = value.split()
    total = index + 1 or os.cpu_count() or 1
    count = len(set(sockets)) or total
    cores = cores or 1
    threads = max(1, siblings // cores) if siblings else 1
    return {
        "processor": names,
        "processor_count": count,
        "processor_cores": cores,
        "processor_threads_per_core": threads,
        "processor_vcpus": count * cores * threads if sockets else total,
        "processor_nproc": len(os.sched_getaffinity(0)),
        "flags": flags,
    }


def memory(ctx: Context, _: Options) -> Dict[str, Any]:
    kib: Dict[str, int] = {}
    for line in read("/proc/meminfo").splitlines():
        key, _sep, value = line.partition(":")
        kib[key] = int(value.split()[0])
    mb = {key: value // 1024 for key, value in kib.items()}
    total, free = mb["MemTotal"], mb["MemFree"]
    swap_total, swap_free = mb.get("SwapTotal", 0), mb.get("SwapFree", 0)
    unused = free + mb.get("Cached", 0) + mb.get("Buffers", 0)
    return {
        "memtotal_mb": total,
        "memfree_mb": free,
        "swaptotal_mb": swap_total,
        "swapfree_mb": swap_free,
        "memory_mb": {
            "real": {"total": total, "used": total - free, "free": free},
            "nocache": {"free": unused, "used": total - unused},
            "swap": {
                "total": swap_total,
                "free": swap_free,
                "used": swap_total - swap_free,
                "cached": mb.get("SwapCached", 0),
            },
        },
    }


def uptime(ctx: Context, _: Options) -> Dict[str, Any]:
    one, five, fifteen = os.getloadavg()
    return {
        "uptime_seconds": int(float(read("/proc/uptime").split()[0])),
        "loadavg": {"1m": one, "5m": five, "15m": fifteen},
    }


def dmi(ctx: Context, _: Options) -> Dict[str, Any]:
    facts: Dict[str, Any] = {
        fact: read("/sys/class/dmi/id/" + name) or "NA" for name, fact in _DMI.items()
    }
    kind = read("/sys/class/dmi/id/chassis_type")
    forms = _FORMS.split(",")
    known = kind.isdigit() and int(kind) < len(forms)
    facts["form_factor"] = forms[int(kind)] if known else "NA"
    return facts


def in_child(work: Callable[[], str], limit_s: float) -> Optional[str]:
    """What `work` returns, from a process of its own; None when it takes longer. For calls that
    nothing can interrupt, such as asking a file server that is gone."""
    import select

    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.write(writer, work().encode())
        finally:
            os._exit(0)
    os.close(writer)
    deadline, text = time.monotonic() + limit_s, b""
    poll = select.poll()
    poll.register(reader, select.POLLIN | select.POLLHUP)
    ended = False
    while not ended and time.monotonic() < deadline:
        if poll.poll(max(1, int((deadline - time.monotonic()) * 1000))):
            piece = os.read(reader, 65536)
            text += piece
            ended = not piece
    os.close(reader)
    if not ended:
        os.kill(pid, 9)
    # One that the kernel holds cannot be waited for now; it ends when the server is back.
    os.waitpid(pid, 0 if ended else os.WNOHANG)
    return text.decode() if ended and text else None


def _sizes(path: str) -> str:
    info = os.statvfs(path)
    numbers = (info.f_frsize, info.f_blocks, info.f_bavail, info.f_files, info.f_favail)
    return " ".join(str(n) for n in numbers)


_LOCAL = (
    ",ext2,ext3,ext4,xfs,btrfs,zfs,vfat,exfat,tmpfs,overlay,squashfs,iso9660,f2fs,jfs,reiserfs,"
)


def mounts(ctx: Context, _: Options) -> Dict[str, Any]:
    """Mounted devices and file servers. One that does not answer has no sizes, and says so."""
    uuids = _links("/dev/disk/by-uuid")
    found = []
    for line in read("/proc/self/mounts").splitlines():
        words = [_unescape(word) for word in line.split()]
        if len(words) < 4 or words[2] == "none":
            continue
        device, point, kind, options = words[:4]
        if not device.startswith(("/", "\\")) and ":/" not in device:
            continue
        entry: Dict[str, Any] = {
            "mount": point,
            "device": device,
            "fstype": kind,
            "options": options,
            "dump": int(words[4]) if len(words) > 4 else 0,
            "passno": int(words[5]) if len(words) > 5 else 0,
        }
        entry["uuid"] = (uuids.get(os.path.basename(os.path.realpath(device))) or ["N/A"])[0]
        entry.update(_space(point, kind))
        found.append(entry)
    return {"mounts": found}


def _space(point: str, kind: str) -> Dict[str, Any]:
    try:
        text: Optional[str]
        if ",%s," % kind in _LOCAL:
            text = _sizes(point)
        else:
            text = in_child(lambda: _sizes(point), _KEEP_S)
    except OSError as exc:
        return {"note": exc.strerror or ""}
    if text is None:
        return {"note": "could not get its size in %.0f s" % _KEEP_S}
    size, blocks, free, inodes, inodes_free = (int(word) for word in text.split())
    return {
        "size_total": size * blocks,
        "size_available": size * free,
        "block_size": size,
        "block_total": blocks,
        "block_available": free,
        "block_used": blocks - free,
        "inode_total": inodes,
        "inode_available": inodes_free,
        "inode_used": inodes - inodes_free,
    }


def _unescape(word: str) -> str:
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, letter)
    return word


def _links(folder: str) -> Dict[str, List[str]]:
    """Device → names of the links that lead to it."""
    found: Dict[str, List[str]] = {}
    try:
        for name in sorted(os.listdir(folder)):
            target = os.path.basename(os.readlink(os.path.join(folder, name)))
            found.setdefault(target, []).append(name)
    except OSError:
        pass
    return found


def devices(ctx: Context, _: Options) -> Dict[str, Any]:
    """Disks that hold something, with their partitions."""
    links = {kind: _links("/dev/disk/by-" + kind[:-1]) for kind in ("ids", "labels", "uuids")}
    links["uuids"] = _links("/dev/disk/by-uuid")
    found: Dict[str, Any] = {}
    for name in sorted(os.listdir("/sys/block")):
        top = "/sys/block/" + name
        sectors = int(read(top + "/size", "0"))
        if not sectors:
            continue
        sector = read(top + "/queue/hw_sector_size", "512")
        entry = {
            "model": read(top + "/device/model") or None,
            "vendor": read(top + "/device/vendor") or None,
            "serial": read(top + "/device/serial") or None,
            "removable": read(top + "/removable"),
            "rotational": read(top + "/queue/rotational"),
            "scheduler_mode": read(top + "/queue/scheduler").partition("[")[2].partition("]")[0],
            "support_discard": read(top + "/queue/discard_granularity"),
            "sectors": sectors,
            "sectorsize": sector,
            "size": _human(sectors * 512),
            "virtual": int(not os.path.exists(top + "/device")),
            "holders": sorted(os.listdir(top + "/holders")),
            "links": _device_links(name, links),
            "partitions": {
                part: {
                    "start": read("%s/%s/start" % (top, part)),
                    "sectors": int(read("%s/%s/size" % (top, part), "0")),
                    "sectorsize": int(sector),
                    "size": _human(int(read("%s/%s/size" % (top, part), "0")) * 512),
                    "uuid": next(iter(links["uuids"].get(part, ())), None),
                    "holders": sorted(os.listdir("%s/%s/holders" % (top, part))),
                    "links": _device_links(part, links),
                }
                for part in sorted(os.listdir(top))
                if part.startswith(name) and os.path.exists("%s/%s/partition" % (top, part))
            },
        }
        found[name] = entry
    return {"devices": found, "device_links": {**links, "masters": {}}}


def _device_links(name: str, links: Mapping[str, Mapping[str, List[str]]]) -> Dict[str, List[str]]:
    known = {kind: list(names.get(name, ())) for kind, names in links.items()}
    return {**known, "masters": []}


def _human(size: int) -> str:
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "KB")):
        if size >= 1024**power:
            return "%.2f %s" % (size / 1024**power, unit)
    return "%.2f Bytes" % size
