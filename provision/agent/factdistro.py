"""Which distribution this is, and what installs its packages."""

from __future__ import annotations

import os

from provision.agent.factsystem import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

    from provision.agent.core import Context

    Options = Mapping[str, Any]

#: ID of os-release → (name as Ansible has it, family)
_KNOWN = {
    "debian": ("Debian", "Debian"),
    "ubuntu": ("Ubuntu", "Debian"),
    "linuxmint": ("Linux Mint", "Debian"),
    "raspbian": ("Debian", "Debian"),
    "devuan": ("Devuan", "Debian"),
    "kali": ("Kali", "Debian"),
    "pop": ("Pop!_OS", "Debian"),
    "uos": ("UOS", "Debian"),
    "rhel": ("RedHat", "RedHat"),
    "centos": ("CentOS", "RedHat"),
    "rocky": ("Rocky", "RedHat"),
    "almalinux": ("AlmaLinux", "RedHat"),
    "fedora": ("Fedora", "RedHat"),
    "ol": ("OracleLinux", "RedHat"),
    "amzn": ("Amazon", "RedHat"),
    "scientific": ("Scientific", "RedHat"),
    "openEuler": ("openEuler", "RedHat"),
    "kylin": ("Kylin Linux Advanced Server", "RedHat"),
    "sles": ("SLES", "Suse"),
    "sled": ("SLED", "Suse"),
    "sles_sap": ("SLES_SAP", "Suse"),
    "opensuse-leap": ("openSUSE Leap", "Suse"),
    "opensuse-tumbleweed": ("openSUSE Tumbleweed", "Suse"),
    "arch": ("Archlinux", "Archlinux"),
    "manjaro": ("Manjaro", "Archlinux"),
    "alpine": ("Alpine", "Alpine"),
    "gentoo": ("Gentoo", "Gentoo"),
    "flatcar": ("Flatcar", "Flatcar"),
}
_MANAGERS = {
    "Debian": ("apt",),
    "RedHat": ("dnf5", "dnf", "yum", "microdnf"),
    "Suse": ("zypper",),
    "Archlinux": ("pacman",),
    "Alpine": ("apk",),
    "Gentoo": ("portage",),
}
_PROGRAMS = {
    "apt": "/usr/bin/apt-get",
    "dnf5": "/usr/bin/dnf5",
    "dnf": "/usr/bin/dnf",
    "yum": "/usr/bin/yum",
    "microdnf": "/usr/bin/microdnf",
    "zypper": "/usr/bin/zypper",
    "pacman": "/usr/bin/pacman",
    "apk": "/sbin/apk",
    "portage": "/usr/bin/emerge",
}


def os_release() -> Dict[str, str]:
    values: Dict[str, str] = {}
    for line in (read("/etc/os-release") or read("/usr/lib/os-release")).splitlines():
        key, sep, value = line.partition("=")
        if sep:
            values[key.strip()] = value.strip().strip("\"'")
    return values


def family(release: Mapping[str, str]) -> str:
    for word in [release.get("ID", "")] + release.get("ID_LIKE", "").split():
        if word in _KNOWN:
            return _KNOWN[word][1]
        if word == "suse":
            return "Suse"
    return release.get("NAME", "Linux").split()[0]


def distribution(ctx: Context, _: Options) -> Dict[str, Any]:
    release = os_release()
    ident = release.get("ID", "")
    name = _KNOWN[ident][0] if ident in _KNOWN else release.get("NAME", "Linux")
    version = _version(ident, release)
    major, _dot, rest = version.partition(".")
    facts: Dict[str, Any] = {
        "distribution": name,
        "distribution_version": version,
        "distribution_major_version": major or "NA",
        "distribution_release": _codename(ident, release),
        "distribution_file_parsed": True,
        "distribution_file_path": "/etc/os-release",
        "distribution_file_variety": family(release) if ident != "debian" else "Debian",
        "os_family": family(release),
    }
    if rest and ident == "debian":
        facts["distribution_minor_version"] = rest.split(".")[0]
    return facts


def _version(ident: str, release: Mapping[str, str]) -> str:
    version = release.get("VERSION_ID", "")
    if ident == "debian":
        full = read("/etc/debian_version")  # with the point release, which os-release lacks
        if full[:1].isdigit():
            return full
    if not version and ident in ("arch", "manjaro", "gentoo"):
        return "rolling" if ident == "arch" else "NA"
    return version or "NA"


def _codename(ident: str, release: Mapping[str, str]) -> str:
    if ident in ("centos",) and "Stream" in release.get("NAME", ""):
        return "Stream"
    named = release.get("VERSION_CODENAME") or release.get("UBUNTU_CODENAME")
    if named:
        return named
    inside = release.get("VERSION", "").partition("(")[2].rstrip(")")
    return inside or "NA"


def pkg_mgr(ctx: Context, _: Options) -> Dict[str, Any]:
    return {"pkg_mgr": package_manager() or "unknown"}


def package_manager() -> Optional[str]:
    """apt, dnf, ...: the distribution's own first, then whatever is there."""
    own = family(os_release())
    for name in (*_MANAGERS.get(own, ()), *_PROGRAMS):
        if os.path.exists(_PROGRAMS[name]):
            # dnf5 may lie beside dnf, which is then the one that people use
            if name == "dnf5" and os.path.exists(_PROGRAMS["dnf"]):
                real = os.path.basename(os.path.realpath(_PROGRAMS["dnf"]))
                return "dnf5" if real == "dnf5" else "dnf"
            return name
    return None


def lsb(ctx: Context, _: Options) -> Dict[str, Any]:
    """What lsb_release would say, where it is installed."""
    said: Dict[str, str] = {}
    for line in read("/etc/lsb-release").splitlines():
        key, sep, value = line.partition("=")
        if sep:
            said[key.strip()] = value.strip().strip('"')
    if not said and os.path.exists("/usr/bin/lsb_release"):
        release = os_release()
        said = {
            "DISTRIB_ID": _KNOWN.get(release.get("ID", ""), (release.get("NAME", ""),))[0],
            "DISTRIB_RELEASE": release.get("VERSION_ID", ""),
            "DISTRIB_DESCRIPTION": release.get("PRETTY_NAME", ""),
            "DISTRIB_CODENAME": release.get("VERSION_CODENAME", ""),
        }
    if not said:
        return {"lsb": {}}
    facts = {
        key: said["DISTRIB_" + key.upper()]
        for key in ("id", "release", "description", "codename")
        if said.get("DISTRIB_" + key.upper())
    }
    if "release" in facts:
        facts["major_release"] = facts["release"].split(".")[0]
    return {"lsb": facts}
