"""What a service may use, as directives of its unit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from provision.errors import PlaybookError

__all__ = ["Limits"]

_SIZE = re.compile(r"(infinity|[0-9]+(\.[0-9]+)?[KMGTP]?|[0-9]+%)")
_COUNT = re.compile(r"(infinity|[0-9]+(:[0-9]+)?)")
_UNITS = re.compile(r"(?<=[0-9])\s*([KMGTPkmgtp])(i?[Bb])?$")


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


@dataclass(frozen=True, slots=True)
class Limits:
    """None leaves systemd's default."""

    memory: str | None = field(
        default=None, metadata=_doc("Memory above which it is killed: 16G, 40%.")
    )
    memory_high: str | None = field(
        default=None, metadata=_doc("Memory above which it is slowed down.")
    )
    cpu: float | None = field(default=None, metadata=_doc("CPUs: 2, 0.5."))
    nofile: str | None = field(default=None, metadata=_doc("Open files."))
    memlock: str | None = field(
        default="infinity", metadata=_doc("Locked memory, which CUDA and RDMA pin.")
    )
    tasks: str | None = field(default=None, metadata=_doc("Threads and processes."))

    def directives(self) -> tuple[str, ...]:
        """Lines for [Service]. Raises PlaybookError."""
        found = [
            ("MemoryMax", _size("memory", self.memory)),
            ("MemoryHigh", _size("memory_high", self.memory_high)),
            ("CPUQuota", _quota(self.cpu)),
            ("LimitNOFILE", _count("nofile", self.nofile)),
            ("LimitMEMLOCK", _size("memlock", self.memlock)),
            ("TasksMax", _count("tasks", self.tasks)),
        ]
        return tuple(f"{key}={value}" for key, value in found if value)


def _size(name: str, value: str | None) -> str:
    if value is None:
        return ""
    text = _UNITS.sub(lambda found: found[1].upper(), value.strip())
    if not _SIZE.fullmatch(text):
        raise PlaybookError(f"model_service: {name!r} takes a size such as 16G, not {value!r}")
    return text


def _count(name: str, value: str | None) -> str:
    if value is None:
        return ""
    if not _COUNT.fullmatch(value):
        raise PlaybookError(f"model_service: {name!r} takes a number, not {value!r}")
    return value


def _quota(cpus: float | None) -> str:
    if cpus is None:
        return ""
    if cpus <= 0:
        raise PlaybookError("model_service: 'cpu' must be more than 0")
    return f"{cpus * 100:g}%"
