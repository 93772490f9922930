"""Asks hosts how things came to differ: one batch more for each host that has drifted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from provision.engine.connections import HostLine, Identity
from provision.engine.events import Evidence, TaskResult
from provision.errors import ProvisionError
from provision.transport.link import Step

__all__ = ["EvidenceKeeper", "subject_of"]

_MOD = "evidence"
_LIMIT_S = 20.0
_SUBJECTS = 60  # of one host; beyond it the host is another one, and details tell little
_PATH_KEYS = ("dest", "path", "file", "unit_file", "src_on_host")
_UNITS = frozenset({"systemd", "service", "systemd_service", "sysvinit"})
_PACKAGES = frozenset({"apt", "dnf", "yum", "package"})
_ACCOUNTS = frozenset({"user", "group"})
_CONDA = ("conda:", "pip:")


class EvidenceKeeper:
    """Notes what has drifted while a run goes on, and asks when a host is through."""

    def __init__(self) -> None:
        self._noted: dict[str, list[tuple[TaskResult, dict[str, Any]]]] = {}
        self._lock = threading.Lock()

    def note(self, result: TaskResult) -> None:
        """Takes up a changed result. What is hidden, a handler's or another host's is left."""
        if result.status != "changed" or result.handler or result.delegated_to:
            return
        subject = subject_of(result)
        if subject:
            with self._lock:
                self._noted.setdefault(result.host, []).append((result, subject))

    def gather(self, host: str, line: HostLine) -> list[Evidence]:
        """What the host says; nothing when it does not answer. Never raises what it meets."""
        with self._lock:
            noted = self._noted.pop(host, [])[:_SUBJECTS]
        if not noted:
            return []
        args = {"subjects": [subject for _, subject in noted]}
        step = Step(0, _MOD, args, check=True, timeout_s=_LIMIT_S, go_on=True)
        found: list[list[dict[str, Any]]] = []
        try:
            with line.link(_most_able(line.identities())) as link:
                for said in link.run([step], deadline=time.monotonic() + 2 * _LIMIT_S):
                    if said["type"] == "result" and said["status"] == "ok":
                        found = said["data"]["found"]
        except ProvisionError:
            return []
        return [
            Evidence(host, result.play, result.task, result.place, told)
            for (result, _), told in zip(noted, found, strict=False)
            if told
        ]


def _most_able(known: Iterable[Identity]) -> Identity:
    """Who may read most: root where some task became root, else the login user."""
    listed = list(known)
    return next((identity for identity in listed if identity.user == "root"), Identity())


def subject_of(result: TaskResult) -> dict[str, Any]:
    """What to look at on the host; empty when there is nothing that could be looked at."""
    parts = [(result.data, result.diff)] if not result.items else []
    parts += [(item.result, item.diff) for item in result.items if item.status == "changed"]
    subject: dict[str, list[str]] = {}
    for data, diff in parts:
        for kind, values in _things(result.action, data, diff):
            known = subject.setdefault(kind, [])
            known += [value for value in values if value and value not in known]
    return {kind: values for kind, values in subject.items() if values}


def _things(
    action: str, data: Mapping[str, Any], diff: Iterable[Mapping[str, Any]]
) -> Iterable[tuple[str, list[str]]]:
    if action == "conda_env":
        keys = [str(entry.get("key", "")) for entry in diff]
        yield "prefixes", _texts(data.get("path"))
        yield "conda", [key for key in keys if key.startswith(_CONDA)]
        return
    if action in _UNITS:
        yield "units", _texts(data.get("name"))
        return
    if action in _PACKAGES:
        yield "packages", [str(entry.get("key", "")) for entry in diff]
        return
    if action in _ACCOUNTS:
        yield "users", _texts(data.get("name"))
        return
    yield "units", _texts(data.get("unit"))
    for key in _PATH_KEYS:
        yield "paths", [text for text in _texts(data.get(key)) if text.startswith("/")]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []
