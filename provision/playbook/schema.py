"""The JSON Schema of playbooks, for editors. The actions' own schemas are given to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provision.playbook import keywords
from provision.playbook.vocabulary import STATEMENTS

__all__ = ["playbook_schema"]

_TEMPLATE = {"type": "string", "pattern": r"\{[\{%]"}
_TEXT = {"type": "string"}
_TRUTH = {"anyOf": [{"enum": [True, False, "yes", "no", "true", "false"]}, _TEMPLATE]}
_NUMBER = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_NAMES = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_VARS = {"type": "object"}
_CONDITION = {
    "anyOf": [
        {"type": ["string", "boolean", "number"]},
        {"type": "array", "items": {"type": ["string", "boolean", "number"]}},
    ]
}
_TASKS = {"type": ["array", "null"], "items": {"$ref": "#/$defs/item"}}

_WORDS: Mapping[str, dict[str, Any]] = {
    **dict.fromkeys(("name", "register", "remote_user", "become_method", "connection"), _TEXT),
    **dict.fromkeys(("become_user", "become_exe", "become_flags", "debugger"), _TEXT),
    **dict.fromkeys(("order", "strategy", "fact_path", "delegate_to"), _TEXT),
    **dict.fromkeys(("become", "check_mode", "diff", "no_log", "run_once"), _TRUTH),
    **dict.fromkeys(("ignore_unreachable", "any_errors_fatal", "delegate_facts"), _TRUTH),
    **dict.fromkeys(("ignore_errors", "gather_facts", "force_handlers"), _TRUTH),
    **dict.fromkeys(("when", "changed_when", "failed_when", "until"), _CONDITION),
    **dict.fromkeys(("retries", "delay", "throttle", "timeout", "port", "async", "poll"), _NUMBER),
    **dict.fromkeys(("max_fail_percentage", "gather_timeout"), _NUMBER),
    **dict.fromkeys(("tags", "notify", "listen", "collections", "hosts"), _NAMES),
    **dict.fromkeys(("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"), _TASKS),
    "handlers": {"type": ["array", "null"], "items": {"$ref": "#/$defs/handler"}},
    "args": {"anyOf": [_VARS, _TEMPLATE]},
    "loop_control": {
        "type": "object",
        "propertyNames": {"enum": sorted(keywords.LOOP_CONTROL)},
    },
    "roles": {"type": ["array", "null"], "items": {"anyOf": [_TEXT, {"$ref": "#/$defs/role"}]}},
    "serial": {"anyOf": [_NUMBER, {"type": "array", "items": _NUMBER}]},
    "vars_files": {"type": ["array", "string", "null"]},
}


def _word(name: str) -> dict[str, Any]:
    """What a keyword takes; anything where the loader takes many forms."""
    return dict(_WORDS.get(name, {}))


def _words(names: Iterable[str]) -> dict[str, Any]:
    return {name: _word(name) for name in sorted(names)}


def _closed(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        **more,
    }


def _task(words: frozenset[str], actions: Iterable[str]) -> dict[str, Any]:
    properties = _words(words)
    for name in actions:
        reference = {"$ref": f"#/$defs/actions/{name}"}
        properties[name] = properties[f"ansible.builtin.{name}"] = reference
    for statement in sorted(STATEMENTS - {"import_playbook"}):
        properties[statement] = properties[f"ansible.builtin.{statement}"] = {}
    properties["meta"] = properties["ansible.builtin.meta"] = _TEXT
    return _closed(properties, patternProperties={"^with_": {}, r"\.": {}})


def playbook_schema(actions: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A schema for a whole file. `actions`: what may stand behind each action's name."""
    task, handler = _task(keywords.TASK, actions), _task(keywords.HANDLER, actions)
    block = _closed(_words(keywords.BLOCK), required=["block"])
    imported = _closed(
        {
            "import_playbook": {},
            "ansible.builtin.import_playbook": {},
            **_words({"name", "tags", "vars", "when"}),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A playbook of provision",
        "type": "array",
        "items": {
            "if": {"required": ["hosts"]},
            "then": {"$ref": "#/$defs/play"},
            "else": imported,
        },
        "$defs": {
            "play": _closed(_words(keywords.PLAY), required=["hosts"]),
            "item": {"if": {"required": ["block"]}, "then": block, "else": task},
            "handler": {"if": {"required": ["block"]}, "then": block, "else": handler},
            # what stands beside the known words are the role's variables
            "role": {"type": "object", "properties": _words(keywords.ROLE)},
            "actions": dict(actions),
        },
    }
