"""What a task's keywords are for one host: tags, title, as whom and where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.actions.args import to_bool
from provision.engine.connections import Identity
from provision.engine.entries import Frame
from provision.engine.variables import Variables
from provision.errors import PlaybookError, ProvisionError
from provision.playbook.model import Task
from provision.templating import OMIT, Pending, Scope, is_template, trusted
from provision.yamlsource import mark_of

__all__ = ["Keywords"]


class Keywords:
    """One host's reading of keywords in one play."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.play = variables.play
        self.run = variables.run
        self.host = variables.state.name

    # -- single words -----------------------------------------------------------------

    def word(self, task: Task, name: str, *, default: Any, scope: Scope | None = None) -> Any:
        """An inherited keyword, rendered; read as the type of `default` where that is one."""
        value = task.inherited.words.get(name)
        if value is None:
            return default
        if is_template(value):
            value = self.run.templar.render(value, scope or self.variables.of(task))
            if value is None or value is OMIT:
                return default
        if isinstance(default, bool):
            try:
                return to_bool(value)
            except ValueError:
                raise PlaybookError(
                    f"{name!r} takes true or false, not {value!r}",
                    mark=mark_of(task.inherited.words[name]) or task.mark,
                ) from None
        if isinstance(default, int | float):
            try:
                return float(value)
            except (TypeError, ValueError):
                raise PlaybookError(
                    f"{name!r} takes a number, not {value!r}",
                    mark=mark_of(task.inherited.words[name]) or task.mark,
                ) from None
        return value

    def truth(self, value: Any) -> bool:
        """A keyword of the play as true or false."""
        scope = self.variables.at(self.play.play.inherited)
        return to_bool(self.run.templar.render(value, scope))

    # -- tags -------------------------------------------------------------------------

    def selected(self, tags: frozenset[Any], scope: Scope | None = None) -> bool:
        """Whether --tags and --skip-tags leave a task with these tags in."""
        options = self.run.options
        return is_selected(self.rendered_tags(tags, scope), options.tags, options.skip_tags)

    def rendered_tags(self, tags: frozenset[Any], scope: Scope | None = None) -> frozenset[str]:
        if not any(is_template(tag) for tag in tags):
            return tags
        scope = scope or self.variables.at(self.play.play.inherited)
        found: set[str] = set()
        for tag in tags:
            value = self.run.templar.render(tag, scope)
            for part in value if isinstance(value, list) else str(value).split(","):
                found.add(str(part).strip())
        return frozenset(found)

    # -- names ------------------------------------------------------------------------

    def title(self, task: Task, scope: Scope | None = None) -> str:
        """The task's name, rendered as far as that is possible."""
        title = task.title
        if "{{" not in task.name:
            return title
        try:
            shown = self.run.templar.render(trusted(task.name), scope or self.variables.of(task))
        except (ProvisionError, Pending):
            return title
        role = task.inherited.role
        return f"{role.name} : {shown}" if role else str(shown)

    # -- as whom and where ------------------------------------------------------------

    def identity(self, task: Task, scope: Scope, host: str) -> Identity:
        """As whom the task runs: variables count more than keywords, those more than options."""
        options = self.run.options
        found = self.run.connections.line(host)
        told = found.found
        become = self.word(task, "become", default=options.become, scope=scope)
        if told.become is not None:
            become = told.become
        if not become:
            return Identity()
        user = told.become_user or self.word(task, "become_user", default=None, scope=scope)
        user = str(user or options.become_user or "root")
        if user == found.login_user():
            return Identity()
        method = told.become_method or self.word(task, "become_method", default=None, scope=scope)
        flags = told.become_flags or self.word(task, "become_flags", default=None, scope=scope)
        exe = told.become_exe or self.word(task, "become_exe", default=None, scope=scope)
        chosen = str(method or options.become_method or "sudo")
        return Identity(user, chosen, str(flags or ""), str(exe or ""))

    def environment(self, task: Task, scope: Scope) -> dict[str, str]:
        merged: dict[str, str] = {}
        for layer in task.inherited.environment:
            value = self.run.templar.render(layer, scope)
            for part in value if isinstance(value, list) else [value]:
                if not isinstance(part, Mapping):
                    continue
                for key, text in part.items():
                    if text is not OMIT:
                        merged[str(key)] = str(text)
        return merged

    def delegate(self, task: Task, scope: Scope) -> str:
        """The other host that does it; empty when the host itself does."""
        value = task.inherited.words.get("delegate_to")
        if value is not None:
            value = self.run.templar.render(value, scope, mark=task.mark)
            if value is OMIT:
                value = None
            elif not value:
                raise PlaybookError("'delegate_to' names no host", mark=task.mark)
        if not value and self.word(task, "connection", default="", scope=scope) == "local":
            line = self.run.connections.line(self.host)
            value = None if line.target.kind == "local" else "localhost"
        return str(value) if value and value != self.host else ""

    def ignores_errors(self, task: Task, scope: Scope) -> bool:
        """`ignore_errors`; false where even that cannot be told."""
        try:
            return bool(self.word(task, "ignore_errors", default=False, scope=scope))
        except ProvisionError:
            return False

    def _is_left(self, task: Task) -> bool:
        """Whether the run fixes other things than this one."""
        fix = self.run.options.fix
        return (
            fix is not None and not task.is_handler and str(task.mark) not in fix.get(self.host, ())
        )

    def frame(self, task: Task, scope: Scope) -> Frame:
        """All keywords that say how it runs. Raises what one that does not render raises."""
        options = self.run.options

        def word(name: str, default: Any) -> Any:
            return self.word(task, name, default=default, scope=scope)

        delegate = self.delegate(task, scope)
        left = self._is_left(task)
        limit = word("timeout", 0)
        return Frame(
            identity=self.identity(task, scope, delegate or self.host),
            delegate=delegate,
            delegate_facts=word("delegate_facts", False),
            environment=self.environment(task, scope) if task.inherited.environment else {},
            timeout_s=float(limit or options.task_timeout_s),
            check=word("check_mode", options.check or left),
            left=left,
            ignore_errors=word("ignore_errors", False),
            ignore_unreachable=word("ignore_unreachable", False),
            no_log=word("no_log", options.no_log),
            show_diff=word("diff", options.diff),
            throttle=int(word("throttle", 0)),
            async_s=self._number(task, task.async_, scope) if task.async_ else 0,
            poll_s=self._number(task, 15 if task.poll is None else task.poll, scope),
        )

    def _number(self, task: Task, value: Any, scope: Scope) -> float:
        if is_template(value):
            value = self.run.templar.render(value, scope, mark=task.mark)
        try:
            return float(value or 0)
        except (TypeError, ValueError):
            raise PlaybookError(
                f"'async' and 'poll' take seconds, not {value!r}", mark=task.mark
            ) from None


def is_selected(tags: frozenset[str], wanted: frozenset[str], unwanted: frozenset[str]) -> bool:
    """Whether a task with `tags` runs under --tags `wanted` and --skip-tags `unwanted`."""
    if "always" in tags:
        chosen = True
    elif "all" in wanted:
        chosen = "never" not in tags or bool(tags & wanted)
    else:
        chosen = bool(
            tags & wanted
            or ("tagged" in wanted and tags - {"never"})
            or ("untagged" in wanted and not tags)
        )
    if not chosen or unwanted & tags:
        return False
    if "all" in unwanted:
        return "always" in tags and "always" not in unwanted
    return not (("tagged" in unwanted and tags) or ("untagged" in unwanted and not tags))
