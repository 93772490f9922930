"""How a service is asked whether it works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provision.errors import PlaybookError

__all__ = ["HealthCheck"]

_SCALARS = (str, int, float, bool, type(None))


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One HTTP request, or a mere connection (`tcp`)."""

    path: str = field(default="/health", metadata=_doc("Path of the request."))
    status: int = field(default=200, metadata=_doc("HTTP status of a good answer."))
    expect: dict[str, Any] | None = field(
        default=None, metadata=_doc("Fields of a JSON answer; `a.b` looks inside.")
    )
    timeout: float = field(
        default=120.0, metadata=_doc("Seconds from the start until it must answer.")
    )
    interval: float = field(default=0.5, metadata=_doc("Seconds between two requests."))
    request_timeout: float = field(default=5.0, metadata=_doc("Seconds for one request."))
    tcp: bool = field(default=False, metadata=_doc("Only connect, send no request."))

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or any(c in self.path for c in " \r\n"):
            raise PlaybookError(f"model_service: {self.path!r} is no path of a request")
        for name in ("timeout", "interval", "request_timeout"):
            if getattr(self, name) <= 0:
                raise PlaybookError(f"model_service: the health check's {name!r} must be positive")
        for key, value in (self.expect or {}).items():
            if not isinstance(value, _SCALARS):
                raise PlaybookError(f"model_service: {key!r} can only be expected to be a scalar")

    def wire(self) -> Mapping[str, Any]:
        """For `provision.agent.httpcheck`."""
        return {
            "path": self.path,
            "status": self.status,
            "expect": self.expect or {},
            "timeout_s": self.timeout,
            "interval_s": self.interval,
            "request_timeout_s": self.request_timeout,
            "tcp": self.tcp,
        }
