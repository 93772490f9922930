"""The JSON Schema of what `--json` prints: one of these objects a line."""

from __future__ import annotations

from typing import Any

from provision.engine.events import STATUSES

__all__ = ["FORMAT", "events_schema"]

#: Grows when a field changes its meaning or goes away; new fields alone do not count.
FORMAT = 1

_STATUS: dict[str, Any] = {"enum": list(STATUSES)}
_VERDICTS = ("in sync", "drifted", "accepted", "follows", "unknown", "failed", "unreachable")


def _text(about: str = "") -> dict[str, Any]:
    return {"type": "string", "description": about} if about else {"type": "string"}


def _number(about: str) -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "description": about}


def _whole(about: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "description": about}


def _list(items: dict[str, Any], about: str = "") -> dict[str, Any]:
    return {"type": "array", "items": items, **({"description": about} if about else {})}


def _object(
    about: str, required: dict[str, Any], optional: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": about,
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _event(
    kind: str, about: str, required: dict[str, Any], optional: dict[str, Any] | None = None
) -> dict[str, Any]:
    return _object(about, {"type": {"const": kind}, **required}, optional)


def _definitions() -> dict[str, Any]:
    counts = {
        "type": "object",
        "description": "Tasks by how they ended; every status is there.",
        "required": list(STATUSES),
        "additionalProperties": {"type": "integer", "minimum": 0},
    }
    difference = {
        "type": "object",
        "description": "One thing that differs. null is: absent.",
        "required": ["key"],
        "properties": {"key": _text(), "before": {}, "after": {}},
    }
    item = _object(
        "One item of a loop.",
        {"label": _text(), "status": {"$ref": "#/$defs/status"}},
        {"msg": _text(), "diff": _list({"$ref": "#/$defs/difference"})},
    )
    return {"status": _STATUS, "counts": counts, "difference": difference, "item": item}


def _task() -> dict[str, Any]:
    return _event(
        "task",
        "One task on one host has ended.",
        {
            "host": _text(),
            "play": _text("The play's name, which may be empty."),
            "task": _text("Its title; empty or `connect` when the host failed outside of one."),
            "action": _text("The action, by its own name; empty outside of a task."),
            "status": {"$ref": "#/$defs/status"},
            "diff": _list({"$ref": "#/$defs/difference"}, "What differs, or differed."),
            "duration_s": _number("Seconds on the host."),
            "ignored": {"type": "boolean", "description": "It failed, and that was to be."},
            "handler": {"type": "boolean", "description": "It ran because it was notified."},
            "attempts": _whole("With `until`: how often it ran. Else 0."),
        },
        {
            "msg": _text("A sentence for people."),
            "items": _list({"$ref": "#/$defs/item"}, "With `loop`: each item."),
            "data": {"type": "object", "description": "What `register` keeps."},
            "delegated_to": _text("The host that did it instead."),
            "where": _text("file:line:column of the task, or of what went wrong."),
            "hint": _text("What to do about a failure."),
            "traceback": _text("Of an exception on the host."),
            "verdict": {"enum": list(_VERDICTS), "description": "Of a drift run."},
            "since": _text("ISO 8601: when the oldest part of this drift was first seen."),
            "accepted": _list(
                {"type": "object"}, "Deviations that were accepted: keys, reason, by, until, diff."
            ),
        },
    )


def _kinds() -> list[dict[str, Any]]:
    hosts = _list(_text())
    return [
        _event("version", "The first line.", {"provision": _text(), "format": {"const": FORMAT}}),
        _event(
            "run",
            "What is going to run.",
            {"mode": {"enum": ["apply", "plan", "drift"]}, "hosts": hosts},
            {"playbooks": hosts},
        ),
        _event("play", "A play begins on these hosts.", {"play": _text(), "hosts": hosts}),
        _event("start", "With -v: a host turns to a task.", {"host": _text(), "task": _text()}),
        _task(),
        _event(
            "progress",
            "With -v: how far a task is.",
            {
                "host": _text(),
                "done": _number("In units."),
                "total": _number("In units; 0 is: not known."),
            },
            {"task": _text(), "phase": _text(), "unit": _text()},
        ),
        _event(
            "notice",
            "Something that is no task's result.",
            {"level": {"enum": ["info", "warning", "error"]}, "msg": _text()},
            {"host": _text()},
        ),
        _event(
            "host",
            "A host has ended its part of the run.",
            {
                "host": _text(),
                "counts": {"$ref": "#/$defs/counts"},
                "round_trips": _whole("Questions that waited for an answer, login not counted."),
            },
        ),
        _event(
            "evidence",
            "What a host can tell of how something drifted.",
            {"host": _text(), "play": _text(), "task": _text(), "where": _text("Of the task.")},
            {
                "found": _list(
                    {"type": "object"}, "Each has kind, about, text, and `at` in seconds."
                )
            },
        ),
        _event(
            "summary",
            "The last line.",
            {
                "hosts": {"type": "object", "additionalProperties": {"$ref": "#/$defs/counts"}},
                "exit_code": {"type": "integer"},
                "duration_s": _number("Seconds for the whole run."),
            },
        ),
    ]


def events_schema() -> dict[str, Any]:
    """A schema for one line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of provision",
        "description": "One line of `--json`. Fields that would be empty are left out.",
        "oneOf": _kinds(),
        "$defs": _definitions(),
    }
