"""Errors of connecting, worded in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.errors import ConnectFailed

if TYPE_CHECKING:
    from provision.transport.route import Route

__all__ = ["hung", "is_transient", "refused"]


def refused(
    route: Route, phase: str, what: str, why: str = "", *, hint: str = "", transient: bool = False
) -> ConnectFailed:
    """A ConnectFailed that says where it stopped and whether trying again may help."""
    error = ConnectFailed(what, host=route.name, why=why, hint=hint)
    error.phase = phase
    error.transient = transient
    return error


def hung(route: Route, phase: str, limit_s: float, *, transient: bool = False) -> ConnectFailed:
    """The peer said nothing in `phase` for `limit_s`."""
    what = f"{route.place} does not answer ({phase})"
    return refused(route, phase, what, f"nothing came within {limit_s:g} s", transient=transient)


def is_transient(exc: BaseException) -> bool:
    """Whether another attempt may go better: refused, reset, dropped before or at the banner.

    Never for authentication or host keys.
    """
    return isinstance(exc, ConnectFailed) and exc.transient
