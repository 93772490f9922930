"""The first reply's facts, and how modules are made of what the controller sent."""

from __future__ import annotations

import marshal
import os
import sys
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


def _libc() -> str:
    """`glibc 2.36`; empty where the C library does not say."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        return ""


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.readline().strip()
    except OSError:
        return ""


def cheap_facts() -> Dict[str, Any]:
    """What costs next to nothing to know; sent with the first reply."""
    uname = os.uname()
    release: Dict[str, str] = {}
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                for line in stream:
                    key, sep, value = line.strip().partition("=")
                    if sep:
                        release[key] = value.strip("\"'")
            break
        except OSError:
            continue
    return {
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "magic": magic().hex(),
        "uid": os.getuid(),
        "euid": os.geteuid(),
        "system": uname.sysname,
        "kernel": uname.release,
        "kernel_version": uname.version,
        "nodename": uname.nodename,
        "machine": uname.machine,
        "libc": _libc(),
        "nvidia": _first_line("/sys/module/nvidia/version"),
        "os_release": release,
        "home": os.environ.get("HOME", ""),
        "time": time.time(),
    }


def magic() -> bytes:
    """The bytecode format of this interpreter."""
    return sys.modules["_frozen_importlib_external"].MAGIC_NUMBER  # type: ignore[no-any-return]


def load_modules(packed: bytes) -> None:
    """Makes more modules importable: a zlib-compressed, marshalled mapping of names to code."""
    finder: Any = sys.meta_path[0]  # the one that the boot program put there
    finder.have.update(marshal.loads(zlib.decompress(packed)))
