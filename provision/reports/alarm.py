"""Tells others that something has drifted: a command with JSON on its input, or a web hook."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from provision.engine.events import TaskResult
from provision.errors import ProvisionError
from provision.reports.record import Cell, Record
from provision.reports.summary import headline
from provision.reports.things import differing

__all__ = ["message", "post", "run_command"]

FORMAT = 1
_COMMAND_S = 60.0
_POST_S = 15.0
_WORDS = {"~": "drifted", "x": "failed", "!": "unreachable"}


def message(record: Record) -> dict[str, Any]:
    """What is told: the run, totals, and each thing that drifted, failed or was out of reach."""
    meta = record.meta
    told: dict[str, list[dict[str, Any]]] = {word: [] for word in _WORDS.values()}
    for cell in record.cells:
        if cell.mark in _WORDS:
            told[_WORDS[cell.mark]].append(_thing(record, cell))
    return {
        "format": FORMAT,
        "run": {
            "number": meta.number or None,
            "started_at": meta.started_at,
            "duration_s": meta.duration_s,
            "exit_code": meta.exit_code,
            "user": meta.user,
            "machine": meta.machine,
            "playbooks": meta.playbooks,
            "git": meta.git,
        },
        "summary": headline(record),
        "totals": record.totals(),
        **told,
    }


def _thing(record: Record, cell: Cell) -> dict[str, Any]:
    thing = record.things[cell.thing]
    said: dict[str, Any] = {
        "host": cell.host,
        "play": thing.play,
        "task": cell.task or thing.task,
        "action": thing.action,
        "where": cell.where,
        "msg": cell.msg,
        "since": cell.since,
        "evidence": cell.evidence,
    }
    if cell.mark == "~":
        result = TaskResult(status="changed", diff=cell.diff, items=cell.items, msg=cell.msg)
        said["keys"] = differing(result)
        said["diff"] = [*cell.diff, *(part for item in cell.items for part in item.diff)]
    return {key: value for key, value in said.items() if value not in ("", [], None)}


def run_command(argv: Sequence[str], told: dict[str, Any]) -> None:
    """Runs a program with the message as JSON on its standard input; what it prints goes to
    our standard error. No shell. Raises ProvisionError when it fails or takes a minute."""
    text = json.dumps(told, default=str) + "\n"
    try:
        done = subprocess.run(
            list(argv),
            input=text.encode("utf-8", "backslashreplace"),
            stdout=sys.__stderr__ or subprocess.DEVNULL,
            timeout=_COMMAND_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        why = f"{argv[0]} did not end within {_COMMAND_S:.0f} s"
        raise ProvisionError("nobody was told of the drift", why=why) from exc
    except OSError as exc:
        why = f"{argv[0]}: {exc.strerror or exc}"
        raise ProvisionError("nobody was told of the drift", why=why) from exc
    if done.returncode:
        why = f"{argv[0]} ended with {done.returncode}"
        raise ProvisionError("the command for drifts failed", why=why)


def post(url: str, told: dict[str, Any]) -> None:
    """Sends the message as JSON. Raises ProvisionError unless the answer is a success."""
    from urllib.error import URLError
    from urllib.parse import urlsplit
    from urllib.request import Request, urlopen

    where = urlsplit(url).hostname or ""  # the rest of a hook's address is a secret
    if urlsplit(url).scheme not in ("http", "https"):
        raise ProvisionError("a web hook has an http or https address")
    data = json.dumps(told, default=str).encode("utf-8", "backslashreplace")
    request = Request(url, data, {"Content-Type": "application/json"}, method="POST")  # noqa: S310
    try:
        with urlopen(request, timeout=_POST_S) as answer:  # noqa: S310 - http or https, see above
            answer.read(1024)
    except (URLError, OSError, ValueError) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise ProvisionError(
            "the web hook could not be reached", why=f"{where}: {reason}"
        ) from None
