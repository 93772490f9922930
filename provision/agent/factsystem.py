"""Facts that files and the process itself tell: platform, user, time, security, keys."""

from __future__ import annotations

import os
import sys
import time

from provision.agent import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

    from provision.agent.core import Context

    Options = Mapping[str, Any]

_32_BIT = {"x86_64": "i386", "aarch64": "arm"}


def read(path: str, default: str = "") -> str:
    """A file's text without surrounding space; `default` when it cannot be read."""
    try:
        return fs.read_bytes(path).decode("utf-8", "replace").strip()
    except OSError:
        return default


def platform(ctx: Context, _: Options) -> Dict[str, Any]:
    uname = os.uname()
    node = uname.nodename
    fqdn = _fqdn(node)
    bits = 64 if sys.maxsize > 2**32 else 32
    machine = uname.machine
    known = machine if machine not in ("i486", "i586", "i686") else "i386"
    user_side = known if bits == 64 else _32_BIT.get(known, known)
    facts: Dict[str, Any] = {
        "system": uname.sysname,
        "kernel": uname.release,
        "kernel_version": uname.version,
        "machine": machine,
        "architecture": known,
        "userspace_bits": str(bits),
        "userspace_architecture": user_side,
        "nodename": node,
        "hostname": node.split(".")[0],
        "fqdn": fqdn,
        "domain": fqdn.partition(".")[2],
        "python_version": "%d.%d.%d" % sys.version_info[:3],
        "machine_id": read("/etc/machine-id") or read("/var/lib/dbus/machine-id") or None,
    }
    try:
        facts["glibc_version"] = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()[-1]
    except (ValueError, OSError, IndexError):
        pass  # another C library
    return facts


def _fqdn(node: str) -> str:
    """The full name, from the hosts file: asking name servers can take long."""
    if "." in node:
        return node
    for line in read("/etc/hosts").splitlines():
        names = line.partition("#")[0].split()[1:]
        if node in names:
            for name in names:
                if name.startswith(node + "."):
                    return name
    return node


def service_mgr(ctx: Context, _: Options) -> Dict[str, Any]:
    if os.path.isdir("/run/systemd/system"):
        return {"service_mgr": "systemd"}
    if os.path.exists("/sbin/openrc") or os.path.exists("/usr/sbin/openrc"):
        return {"service_mgr": "openrc"}
    first = read("/proc/1/comm")
    known = {"systemd": "systemd", "init": "sysvinit", "runit": "runit", "s6-svscan": "s6"}
    return {"service_mgr": known.get(first, "service")}


def python(ctx: Context, _: Options) -> Dict[str, Any]:
    version = sys.version_info
    keys = ("major", "minor", "micro", "releaselevel", "serial")
    return {
        "python": {
            "version": dict(zip(keys, version)),
            "version_info": list(version),
            "executable": sys.executable,
            "type": sys.implementation.name,
            "has_sslcontext": True,
        }
    }


def user(ctx: Context, _: Options) -> Dict[str, Any]:
    import pwd

    facts: Dict[str, Any] = {
        "real_user_id": os.getuid(),
        "effective_user_id": os.geteuid(),
        "real_group_id": os.getgid(),
        "effective_group_id": os.getegid(),
    }
    entry = pwd.getpwuid(os.geteuid())
    facts.update(
        user_id=entry.pw_name,
        user_uid=entry.pw_uid,
        user_gid=entry.pw_gid,
        user_gecos=entry.pw_gecos,
        user_dir=entry.pw_dir,
        user_shell=entry.pw_shell,
    )
    return facts


def env(ctx: Context, _: Options) -> Dict[str, Any]:
    return {"env": ctx.environ()}


def date_time(ctx: Context, _: Options) -> Dict[str, Any]:
    now = time.time()
    local, utc = time.localtime(now), time.gmtime(now)
    micro = "%06d" % (now % 1 * 1e6)

    def at(pattern: str) -> str:
        return time.strftime(pattern, local)

    return {
        "date_time": {
            "year": at("%Y"),
            "month": at("%m"),
            "weekday": at("%A"),
            "weekday_number": at("%w"),
            "weeknumber": at("%W"),
            "day": at("%d"),
            "hour": at("%H"),
            "minute": at("%M"),
            "second": at("%S"),
            "epoch": str(int(now)),
            "epoch_int": str(int(now)),
            "date": at("%Y-%m-%d"),
            "time": at("%H:%M:%S"),
            "iso8601_micro": time.strftime("%Y-%m-%dT%H:%M:%S.", utc) + micro + "Z",
            "iso8601": time.strftime("%Y-%m-%dT%H:%M:%SZ", utc),
            "iso8601_basic": at("%Y%m%dT%H%M%S") + micro,
            "iso8601_basic_short": at("%Y%m%dT%H%M%S"),
            "tz": at("%Z"),
            "tz_dst": time.tzname[1],
            "tz_offset": at("%z"),
        }
    }


def cmdline(ctx: Context, _: Options) -> Dict[str, Any]:
    last: Dict[str, Any] = {}
    every: Dict[str, Any] = {}
    for word in read("/proc/cmdline").split():
        key, sep, value = word.partition("=")
        said: Any = value.strip('"') if sep else True
        last[key] = said
        if key in every:
            before = every[key]
            every[key] = [*(before if isinstance(before, list) else [before]), said]
        else:
            every[key] = said
    return {"cmdline": last, "proc_cmdline": every}


def dns(ctx: Context, _: Options) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for line in read("/etc/resolv.conf").splitlines():
        words = line.split()
        if len(words) < 2 or line.startswith(("#", ";")):
            continue
        if words[0] == "nameserver":
            found.setdefault("nameservers", []).append(words[1])
        elif words[0] == "domain":
            found["domain"] = words[1]
        elif words[0] in ("search", "sortlist"):
            found[words[0]] = words[1:]
        elif words[0] == "options":
            options = found.setdefault("options", {})
            for word in words[1:]:
                key, sep, value = word.partition(":")
                options[key] = value if sep else True
    return {"dns": found}


def fips(ctx: Context, _: Options) -> Dict[str, Any]:
    return {"fips": read("/proc/sys/crypto/fips_enabled") == "1"}


def selinux(ctx: Context, _: Options) -> Dict[str, Any]:
    facts: Dict[str, Any] = {"status": "disabled"}
    enforce = read("/sys/fs/selinux/enforce")
    if enforce:
        config: Dict[str, str] = {}
        for line in read("/etc/selinux/config").splitlines():
            key, sep, value = line.partition("=")
            if sep and not key.startswith("#"):
                config[key.strip()] = value.strip()
        facts = {
            "status": "enabled",
            "mode": "enforcing" if enforce == "1" else "permissive",
            "config_mode": config.get("SELINUX", "unknown"),
            "type": config.get("SELINUXTYPE", "unknown"),
            "policyvers": int(read("/sys/fs/selinux/policyvers", "0")),
        }
    return {"selinux": facts, "selinux_python_present": True}


def apparmor(ctx: Context, _: Options) -> Dict[str, Any]:
    on = os.path.exists("/sys/kernel/security/apparmor")
    return {"apparmor": {"status": "enabled" if on else "disabled"}}


def ssh_host_keys(ctx: Context, _: Options) -> Dict[str, Any]:
    facts: Dict[str, Any] = {}
    for kind in ("dsa", "rsa", "ecdsa", "ed25519"):
        for folder in ("/etc/ssh", "/etc/openssh", "/etc"):
            words = read("%s/ssh_host_%s_key.pub" % (folder, kind)).split()
            if len(words) >= 2:
                name = "ssh_host_key_%s_public" % kind
                facts[name], facts[name + "_keytype"] = words[1], words[0]
                break
    return facts


def local(ctx: Context, options: Options) -> Dict[str, Any]:
    """What `*.fact` files say: JSON or INI, or a program that prints it."""
    folder = options.get("fact_path") or "/etc/ansible/facts.d"
    found: Dict[str, Any] = {}
    names: List[str] = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for name in names:
        if name.endswith(".fact"):
            from provision.agent import factfiles

            found[name[: -len(".fact")]] = factfiles.value(ctx, os.path.join(folder, name))
    return {"local": found}
