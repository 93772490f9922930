"""Lookups that ask the controller's environment, its programs, or a web server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any

from provision.errors import Mark
from provision.templating.filters.data import to_bool
from provision.templating.lookups.call import Lookup, LookupCall
from provision.templating.undefined import Missing
from provision.yamlsource import Str

__all__ = ["LOOKUPS"]


def env(_call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Environment variables of the controller; `default` may be `undef()`."""
    default = options.get("default", "")
    found: list[Any] = []
    for term in terms:
        name = str(term).split()[0] if str(term).split() else ""
        value = os.environ.get(name)
        if value is not None:
            found.append(Str(value, Mark(f"<environment variable {name!r}>"), unsafe=True))
        elif isinstance(default, Missing):
            found.append(Missing(f"The environment variable {name!r} is not set.", name=name))
        else:
            found.append(default)
    return found


def _shell(call: LookupCall, command: str) -> str:
    done = subprocess.run(  # noqa: S602 - a command line is what the user writes here
        command,
        shell=True,
        cwd=call.context.basedir,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        error = done.stderr.decode(errors="replace").strip()
        raise ValueError(
            f"{command!r} ended with {done.returncode}" + (f": {error}" if error else "")
        )
    return done.stdout.decode("utf-8", "surrogateescape")


def pipe(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    """What shell commands print on the controller, without the newline at its end."""
    return [_shell(call, str(term)).rstrip() for term in terms]


def lines(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return [line for term in terms for line in _shell(call, str(term)).splitlines()]


def url(_call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text at http(s) addresses, by lines unless `split_lines` is false."""
    import urllib.error
    import urllib.request

    found: list[Any] = []
    for term in terms:
        address = str(term)
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"not an http(s) address: {address!r}")
        request = urllib.request.Request(address, headers=dict(options.get("headers") or {}))  # noqa: S310
        timeout = float(options.get("timeout", 10))
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:  # noqa: S310
                text = reply.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as exc:
            with exc:
                raise ValueError(f"{address} answered {exc.code} {exc.reason}") from exc
        except (urllib.error.URLError, OSError) as exc:
            raise ValueError(f"{address}: {getattr(exc, 'reason', exc)}") from exc
        found += text.splitlines() if to_bool(options.get("split_lines", True)) else [text]
    return found


LOOKUPS: Mapping[str, Lookup] = {"env": env, "lines": lines, "pipe": pipe, "url": url}
