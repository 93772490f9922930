"""Which words a play, a block, a task may use, and which of them are handed down."""

from __future__ import annotations

__all__ = ["BLOCK", "HANDLER", "INHERITED", "LOOP_CONTROL", "PLAY", "ROLE", "TASK"]

#: Set once anywhere, valid below unless set again; a template is rendered for each task.
INHERITED = frozenset(
    {
        "any_errors_fatal",
        "become",
        "become_exe",
        "become_flags",
        "become_method",
        "become_user",
        "check_mode",
        "connection",
        "debugger",
        "delegate_facts",
        "delegate_to",
        "diff",
        "ignore_errors",
        "ignore_unreachable",
        "no_log",
        "port",
        "remote_user",
        "run_once",
        "throttle",
        "timeout",
    }
)

#: Added up on the way down.
_ADDED = frozenset({"collections", "environment", "module_defaults", "tags", "vars", "when"})

BLOCK = INHERITED | _ADDED | {"name", "block", "rescue", "always", "notify"}

TASK = (INHERITED | _ADDED) | {
    "action",
    "args",
    "async",
    "changed_when",
    "delay",
    "failed_when",
    "local_action",
    "loop",
    "loop_control",
    "name",
    "notify",
    "poll",
    "register",
    "retries",
    "until",
}

HANDLER = TASK | {"listen"}

PLAY = (
    (INHERITED - {"delegate_to", "delegate_facts"})
    | (_ADDED - {"when"})
    | {
        "fact_path",
        "force_handlers",
        "gather_facts",
        "gather_subset",
        "gather_timeout",
        "handlers",
        "hosts",
        "max_fail_percentage",
        "name",
        "order",
        "post_tasks",
        "pre_tasks",
        "roles",
        "serial",
        "strategy",
        "tasks",
        "user",
        "vars_files",
        "vars_prompt",
    }
)

ROLE = (INHERITED | _ADDED) | {"role", "name", "src", "version", "scm", "public"}

LOOP_CONTROL = frozenset(
    {"break_when", "extended", "extended_allitems", "index_var", "label", "loop_var", "pause"}
)
