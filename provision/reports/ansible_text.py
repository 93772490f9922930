"""PLAY, TASK, item and RECAP lines in Ansible's familiar shape, for people's log parsers.

Hosts go their own ways; what they say is put back into the order of the tasks before it is
printed. The first line of a task appears when every host of the play is at it or past it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TextIO

from provision.engine.events import (
    Event,
    HostLeft,
    ItemResult,
    Notice,
    PlayStarted,
    Progress,
    RunStarted,
    Summary,
    TaskResult,
)
from provision.reports.fold import natural_key
from provision.reports.ledger import Ledger
from provision.reports.writer import Writer

__all__ = ["AnsibleText"]

_COLUMNS = 79
_ALWAYS = frozenset({"assert", "debug"})  # these print their result without -v
_COUNTS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
_HIDDEN = frozenset(  # with fewer than three -v
    {"exception", "failed_when_suppressed_exception", "diff", "invocation"}
)


class AnsibleText:
    """Renders events as lines. `errors` gets warnings. `verbosity` as the number of -v."""

    internal = True

    def __init__(
        self, stream: TextIO, errors: TextIO, *, verbosity: int = 0, diff: bool = False
    ) -> None:
        self.out = Writer(stream)
        self.err = Writer(errors)
        self.verbosity = verbosity
        self.diff = diff
        self._ledger = Ledger(())
        self._header: object = None
        self._ignored: dict[str, int] = {}
        self._changed: dict[str, int] = {}  # of those ignored

    def __call__(self, event: Event) -> None:
        if isinstance(event, TaskResult):
            self._ledger.add(event, event.host, 0.0, urgent=False)
            self._tell()
        elif isinstance(event, HostLeft):
            self._ledger.end(event.host)
            self._tell()
        elif isinstance(event, PlayStarted):
            self._tell(everything=True)
            self._ledger = Ledger(event.hosts)
            self._play(event)
        elif isinstance(event, RunStarted):
            self._begin(event)
        elif isinstance(event, Notice):
            self._notice(event)
        elif isinstance(event, Progress) and event.phase == "retry":
            left = int(event.total - event.done) + 1
            self.out.write(
                f"FAILED - RETRYING: [{event.host}]: {event.task} ({left} retries left).\n"
            )
        elif isinstance(event, Summary):
            self._tell(everything=True)
            self._recap(event)

    def close(self) -> None:
        """Raises BrokenPipeError, ProvisionError when not all could be written."""
        self.out.check()

    # -- headers ----------------------------------------------------------------------

    def _banner(self, text: str) -> None:
        self.out.write(f"\n{text} {'*' * max(3, _COLUMNS - len(text))}\n")

    def _begin(self, event: RunStarted) -> None:
        if self.verbosity < 2:
            return
        for path, count in zip(event.playbooks, event.plays, strict=False):
            self._banner(f"PLAYBOOK: {path.rpartition('/')[2]}")
            self.out.write(f"{count} plays in {path}\n")

    def _play(self, event: PlayStarted) -> None:
        self._header = None
        self._banner(f"PLAY [{event.play or event.pattern}]")
        if not event.hosts:
            self.out.write("skipping: no hosts matched\n")

    def _notice(self, event: Notice) -> None:
        if event.level == "meta":
            if self.verbosity > 1:
                self._tell(everything=True)
                self.out.write(f"META: {event.msg}\n")
            return
        label = {"error": "ERROR", "warning": "WARNING"}.get(event.level, "WARNING")
        self.err.write(f"[{label}]: {event.msg}\n")

    # -- results ----------------------------------------------------------------------

    def _tell(self, *, everything: bool = False) -> None:
        for told in self._ledger.due(0.0, everything=everything):
            self._result(told.result)

    def _result(self, event: TaskResult) -> None:
        kind = "RUNNING HANDLER" if event.handler else "TASK"
        header = (kind, event.task, event.place)
        if header != self._header:
            self._header = header
            self._banner(f"{kind} [{event.task or event.action}]")
            if self.verbosity > 1 and event.place:
                self.out.write(f"task path: {event.place.rpartition(':')[0]}\n")
        host = f"{event.host} -> {event.delegated_to}" if event.delegated_to else event.host
        if event.items:
            for item in event.items:
                self._item(event, item, host)
            if all(item.status == "skipped" for item in event.items):
                self.out.write(f"skipping: [{host}]{self._dump(event, event.data, '')}\n")
        else:
            self._plain(event, host)
        if event.ignored:
            self._ignored[event.host] = self._ignored.get(event.host, 0) + 1
            if event.data.get("changed"):
                self._changed[event.host] = self._changed.get(event.host, 0) + 1
            self.out.write("...ignoring\n")

    def _plain(self, event: TaskResult, host: str) -> None:
        data: Mapping[str, Any] = event.data
        if "include" in data and event.status == "ok":
            self.out.write(f"included: {data['include']} for {host}\n")
            return
        self._differences(event.diff)
        result = _result_of(event.status, data, event.msg)
        if event.status == "failed":
            self.out.write(f"fatal: [{host}]: FAILED! => {self._json(event, result)}\n")
        elif event.status == "unreachable":
            result = {"changed": False, "msg": event.msg, "unreachable": True}
            self.out.write(f"fatal: [{host}]: UNREACHABLE! => {self._json(event, result)}\n")
        else:
            self.out.write(f"{_word(event.status)}: [{host}]{self._dump(event, result, '')}\n")

    def _item(self, event: TaskResult, item: ItemResult, host: str) -> None:
        if "include" in item.result and item.status == "ok":
            path = item.result["include"]
            self.out.write(f"included: {path} for {host} => (item={item.label})\n")
            return
        self._differences(item.diff)
        result = _result_of(item.status, item.result, item.msg)
        if item.status == "failed":
            told = self._json(event, result)
            self.out.write(f"failed: [{host}] (item={item.label}) => {told}\n")
            return
        shown = self._dump(event, result, f" => (item={item.label})")
        self.out.write(f"{_word(item.status)}: [{host}]{shown}\n")

    def _differences(self, diff: list[dict[str, Any]]) -> None:
        if not self.diff or not diff:
            return
        from difflib import unified_diff

        for entry in diff:
            before, after = (_lines(entry.get(side)) for side in ("before", "after"))
            title = f"after: {entry.get('key', '')}"
            self.out.write("".join(unified_diff(before, after, "before", title)))

    def _dump(self, event: TaskResult, result: Mapping[str, Any], prefix: str) -> str:
        """The result behind a good line, where it is to be shown."""
        always = event.action in _ALWAYS and event.status in ("ok", "changed")
        if event.action == "assert" and result.get("_quiet"):
            always = False
        if not always and not self.verbosity:
            return prefix + (" " if prefix else "")
        return f"{prefix} => {self._json(event, result)}"

    def _json(self, event: TaskResult, result: Mapping[str, Any]) -> str:
        hidden = _HIDDEN if self.verbosity < 3 else set()
        shown = {
            key: value
            for key, value in result.items()
            if key not in hidden and not str(key).startswith("_")
        }
        if event.action == "debug" and event.status == "ok":
            shown.pop("changed", None)
        indent = 4 if event.action in _ALWAYS or self.verbosity > 2 else None
        return json.dumps(shown, indent=indent, ensure_ascii=False, sort_keys=True, default=str)

    # -- the end ----------------------------------------------------------------------

    def _recap(self, event: Summary) -> None:
        self._banner("PLAY RECAP")
        for host in sorted(event.hosts, key=natural_key):
            counts = dict(event.hosts[host])
            if not any(counts.values()):
                continue
            counts["ok"] = counts.get("ok", 0) + counts.get("changed", 0)
            counts["ok"] += counts.get("unknown", 0)
            counts["changed"] = counts.get("changed", 0) + self._changed.get(host, 0)
            counts["ignored"] = self._ignored.get(host, 0)
            told = " ".join(f"{name}={counts.get(name, 0):<4}" for name in _COUNTS)
            self.out.write(f"{host:<26} : {told}\n")
        self.out.write("\n")


def _word(status: str) -> str:
    return {"skipped": "skipping", "unknown": "ok"}.get(status, status)


def _result_of(status: str, data: Mapping[str, Any], msg: str) -> dict[str, Any]:
    result = {"changed": status == "changed", **data}
    if msg and "msg" not in result and (status in ("failed", "unreachable") or not data):
        result["msg"] = msg
    return result


def _lines(value: Any) -> list[str]:
    text = value if isinstance(value, str) else "" if value is None else f"{value}\n"
    return text.splitlines(keepends=True)
