"""The terms-of-service plugin: channels that have terms stop a command until accepted."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import version
from .cache import open_url
from .context import Context
from .errors import CondaError

__all__ = ["require_terms", "tos_command"]


def _folders(context: Context) -> list[Path]:
    return [Path("/etc/conda/tos"), context.root / "conda-meta/tos", Path.home() / ".conda/tos"]


def _terms(channel: str) -> dict[str, Any] | None:
    try:
        with open_url(f"{channel}/tos.json", timeout=9.15) as reply:
            terms = json.loads(reply.read())
    except (OSError, ValueError):
        return None
    return terms if isinstance(terms, dict) and "version" in terms else None


def _record(folder: Path, channel: str, terms: dict[str, Any]) -> Path:
    digest = hashlib.sha256(channel.encode()).hexdigest()
    return folder / digest / f"{terms['version']}.json"


def _accepted(context: Context, channel: str, terms: dict[str, Any]) -> bool | None:
    for folder in _folders(context):
        path = _record(folder, channel, terms)
        if path.is_file():
            return bool(json.loads(path.read_text()).get("tos_accepted"))
    return None


def _store(context: Context, channel: str, terms: dict[str, Any], *, accepted: bool) -> None:
    folders = _folders(context)
    folder = folders[1] if os.access(context.root / "conda-meta", os.W_OK) else folders[2]
    path = _record(folder, channel, terms)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "tos_accepted": accepted,
                "base_url": channel,
                "version": terms["version"],
                "acceptance_timestamp": time.time(),
            }
        )
    )


def _automatic(context: Context) -> bool:
    value = context.setting("plugins").get("auto_accept_tos", False)
    return value is True or str(value).lower() in ("yes", "true", "1", "on")


def require_terms(context: Context, channels: Sequence[str]) -> None:
    """Raises CondaToSNonInteractiveError when a channel's terms were not accepted."""
    if int(version().split(".")[0]) < 25 or context.offline:
        return
    pending = []
    for channel in channels:
        terms = None if channel.startswith("file://") else _terms(channel)
        if terms is None or _accepted(context, channel, terms):
            continue
        if _automatic(context):
            _store(context, channel, terms, accepted=True)
        else:
            pending.append(channel)
    if not pending:
        return
    listed = "\n".join(f"    - {channel}" for channel in pending)
    commands = "\n".join(
        f"    conda tos accept --override-channels --channel {channel}" for channel in pending
    )
    raise CondaError(
        "CondaToSNonInteractiveError",
        "Terms of Service have not been accepted for the following channels. Please accept or "
        f"remove them before proceeding:\n{listed}\n\n"
        "To accept these channels' Terms of Service, run the following commands:\n"
        f"{commands}\n\n"
        "For information on safely removing channels from your conda configuration,\n"
        "please see the official documentation.\n",
    )


def tos_command(context: Context) -> None:
    """`conda tos [accept|reject|view] [--override-channels] [--channel URL]`."""
    action = context.options.get("tos_action") or "list"
    rows = []
    for channel in context.channels():
        terms = _terms(channel)
        if terms is None:
            continue
        if action in ("accept", "reject"):
            _store(context, channel, terms, accepted=action == "accept")
            if not context.json:
                sys.stdout.write(f"{action}ed Terms of Service for {channel}\n")
        elif action == "view":
            sys.stdout.write(f"viewing Terms of Service for {channel}:\n\n{terms['text']}\n")
        rows.append(
            {
                "channel": channel,
                "version": terms["version"],
                "accepted": _accepted(context, channel, terms),
            }
        )
    if context.json:
        sys.stdout.write(json.dumps({row["channel"]: row for row in rows}, indent=2) + "\n")
    elif action == "list":
        for row in rows:
            state = {True: "accepted", False: "rejected", None: "-"}[row["accepted"]]
            sys.stdout.write(f"{row['channel']}  {row['version']}  {state}\n")
