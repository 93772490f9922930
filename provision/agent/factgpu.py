"""NVIDIA GPUs: what the driver says, what lies on the bus, and whether both agree.

    {"count": 2, "on_bus": 2, "driver": "550.54.15", "library": "550.54.15", "cuda": "12.4",
     "mismatch": false, "error": "", "devices": [{"index": 0, "uuid": "GPU-…", "name": …}]}

`mismatch`: the kernel's driver and the library are of different versions, as after an upgrade
without a reboot; nvidia-smi does not work then. `count` is what can be used.
"""

from __future__ import annotations

import os

from provision.agent import core
from provision.agent.facthardware import in_child
from provision.agent.factsystem import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

    from provision.agent.core import Context

    Options = Mapping[str, Any]

_LIMIT_S = 20.0  # a driver without persistence takes seconds a GPU to wake
#: field of nvidia-smi → name, in the order of asking
_FIELDS = {
    "index": "index",
    "uuid": "uuid",
    "pci.bus_id": "bus_id",
    "name": "name",
    "driver_version": "driver_version",
    "memory.total": "memory_mb",
    "memory.used": "memory_used_mb",
    "compute_cap": "compute_cap",
    "persistence_mode": "persistence",
    "mig.mode.current": "mig",
    "ecc.mode.current": "ecc",
    "ecc.errors.uncorrected.volatile.total": "ecc_errors",
    "pcie.link.width.current": "pcie_width",
    "pcie.link.width.max": "pcie_width_max",
    "power.limit": "power_limit_w",
    "temperature.gpu": "temperature_c",
}
_OLD = ("index", "uuid", "pci.bus_id", "name", "driver_version", "memory.total", "memory.used")
_LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
)


def gpu(ctx: Context, options: Options) -> Dict[str, Any]:
    program = _program()
    facts: Dict[str, Any] = {
        "count": 0,
        "on_bus": _on_bus(),
        "driver": driver_version(read("/proc/driver/nvidia/version")),
        "library": _library_version(),
        "cuda": "",
        "mismatch": False,
        "error": "",
        "devices": [],
    }
    facts["mismatch"] = bool(
        facts["driver"] and facts["library"] and facts["driver"] != facts["library"]
    )
    if program:
        try:
            facts["devices"] = _devices(ctx, program)
        except core.Fail as exc:
            facts["error"] = exc.msg
        facts["count"] = len(facts["devices"])
        if facts["devices"]:
            facts["driver"] = facts["driver"] or facts["devices"][0].get("driver_version") or ""
            facts["cuda"] = in_child(_cuda, 10.0) or ""
    return {"gpu": facts}


def _program() -> str:
    path = os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin:/usr/local/nvidia/bin"
    for folder in path.split(":"):
        if folder and os.access(folder + "/nvidia-smi", os.X_OK):
            return folder + "/nvidia-smi"
    return ""


def _devices(ctx: Context, program: str) -> List[Dict[str, Any]]:
    names = list(_FIELDS)
    done = _query(ctx, program, names)
    # An older driver does not know every field: it says so and prints nothing.
    if done.rc != 0 and "not a valid field" in done.stdout + done.stderr:
        names = list(_OLD)
        done = _query(ctx, program, names)
    if done.rc != 0:
        words = (done.stdout.strip() or done.stderr.strip() or "no output").splitlines()
        if any("No devices were found" in word for word in words):
            return []
        raise core.Fail("nvidia-smi ended with %d: %s" % (done.rc, words[0]))
    return parse(done.stdout, names)


def _query(ctx: Context, program: str, names: List[str]) -> Any:
    return ctx.run(
        [program, "--query-gpu=" + ",".join(names), "--format=csv,noheader,nounits"],
        ok=None,
        timeout_s=_LIMIT_S,
    )


def parse(text: str, names: List[str]) -> List[Dict[str, Any]]:
    """The devices in nvidia-smi's CSV; what it cannot tell is None."""
    found = []
    for line in text.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) != len(names):
            continue
        device = {_FIELDS[name]: _value(word) for name, word in zip(names, words)}
        device["compute_cap"] = (
            None if device.get("compute_cap") is None else str(device["compute_cap"])
        )
        found.append(device)
    return found


def _value(word: str) -> Any:
    if word.startswith("[") or word in ("N/A", "", "ERR!"):
        return None
    if word in ("Enabled", "Disabled"):
        return word == "Enabled"
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        return word


def driver_version(text: str) -> str:
    """The version in /proc/driver/nvidia/version."""
    for word in text.partition("Kernel Module")[2].split():
        if word[0].isdigit() and "." in word:
            return word
    return ""


def _library_version() -> str:
    for folder in _LIBRARIES:
        try:
            target = os.path.basename(os.path.realpath(folder + "/libnvidia-ml.so.1"))
        except OSError:
            continue
        version = target.partition(".so.")[2]
        if "." in version:
            return version
    return ""


def _on_bus() -> int:
    """NVIDIA's display and 3D controllers that PCI knows of, with a driver or without."""
    top, count = "/sys/bus/pci/devices", 0
    try:
        names = os.listdir(top)
    except OSError:
        return 0
    for name in names:
        if read("%s/%s/vendor" % (top, name)) == "0x10de":
            count += read("%s/%s/class" % (top, name)).startswith("0x03")
    return count


def _cuda() -> str:
    """The newest CUDA that the driver's library runs; needs no device to be opened."""
    import ctypes

    number = ctypes.c_int()
    if ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number)) != 0:
        return ""
    return "%d.%d" % (number.value // 1000, number.value % 1000 // 10)
