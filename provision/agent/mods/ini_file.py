"""One option of an INI file.

args: section, section_has_values, option, values, state, exclusive, no_extra_spaces,
ignore_spaces, allow_no_value, modify_inactive_option, and what `Edit` takes.
"""

from __future__ import annotations

import re

from provision.agent import edits
from provision.agent.edits import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

    from provision.agent.core import Args, Context, Result

_HEAD = re.compile(r"^\s*\[([^\]]*)\]")
_INACTIVE = re.compile(r"^\s*[#;]+\s*")


class _Line:
    """One line as an option: its name, its value (None: none), whether it is a comment."""

    __slots__ = ("active", "name", "text", "value")

    def __init__(self, text: str) -> None:
        self.text = text
        bare = _INACTIVE.sub("", text)
        self.active = bare == text
        name, equals, value = bare.partition("=")
        self.name = name.strip()
        self.value: Optional[str] = value.strip() if equals else None


class Option(Edit):
    def __init__(self, ctx: Context, args: Args) -> None:
        Edit.__init__(self, ctx, {"create": True, **args})
        self.section: Optional[str] = args.get("section")
        self.option: Optional[str] = args.get("option")
        self.values: List[Optional[str]] = list(args.get("values") or ())
        self.present = args.get("state") != "absent"
        self.exclusive = args.get("exclusive", True)
        self.msg = "OK"

    def needs_file(self) -> bool:
        return Edit.needs_file(self) and self.present

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        if old is None and not self.present:
            return None
        text = (old or b"").decode("utf-8", "surrogateescape")
        bom = "\ufeff" if text.startswith("\ufeff") else ""
        lines = text[len(bom) :].splitlines(keepends=True)
        new = bom + "".join(self._changed(lines))
        if old is None and not new:
            return b""
        return new.encode("utf-8", "surrogateescape")

    # -- sections ---------------------------------------------------------------------

    def _changed(self, lines: List[str]) -> List[str]:
        found = self._section(lines)
        if found is None:
            return lines if not self.present else self._new_section(lines)
        start, end = found
        if self.option is None:
            if self.present or self.section is None:
                return lines
            self.msg = "section removed"
            return lines[: start - 1] + lines[end:]
        body = lines[start:end]
        tail = len(body)  # blank lines before the next section stay behind what is added
        while tail and not body[tail - 1].strip():
            tail -= 1
        changed = self._body(body[:tail])
        if changed and (body[tail:] or end < len(lines)) and not changed[-1].endswith("\n"):
            changed[-1] += "\n"
        return lines[:start] + changed + body[tail:] + lines[end:]

    def _section(self, lines: List[str]) -> Optional[Tuple[int, int]]:
        """First line behind the section's head, and its end; None without such a section."""
        heads = [(at, match.group(1)) for at, line in enumerate(lines) if (match := _head(line))]
        if self.section is None:
            end = heads[0][0] if heads else len(lines)
            return 0, end
        for number, (at, name) in enumerate(heads):
            end = heads[number + 1][0] if number + 1 < len(heads) else len(lines)
            if name == self.section and self._has_values(lines[at + 1 : end]):
                return at + 1, end
        return None

    def _has_values(self, body: List[str]) -> bool:
        for wanted in self.args.get("section_has_values") or ():
            values = wanted.get("values")
            if values is None and wanted.get("value") is not None:
                values = [wanted["value"]]
            parsed = [_Line(line) for line in body]
            here = [p.value for p in parsed if p.active and p.name == wanted.get("option")]
            if not here or any(str(value) not in here for value in values or ()):
                return False
        return True

    def _new_section(self, lines: List[str]) -> List[str]:
        edited = list(lines)
        if edited and not edited[-1].endswith("\n"):
            edited[-1] += "\n"
        edited.append("[%s]\n" % self.section)
        for wanted in self.args.get("section_has_values") or ():
            values = wanted.get("values")
            values = [wanted.get("value")] if values is None else values
            if wanted.get("option") != self.option:
                edited += [self._line(v, wanted["option"]) for v in values]
        if self.option is not None:
            edited += [self._line(value) for value in self.values or [None]]
        self.msg = "section and option added" if self.option is not None else "only section added"
        return edited

    # -- options ----------------------------------------------------------------------

    def _line(self, value: Optional[str], option: Optional[str] = None) -> str:
        option = self.option if option is None else option
        if value is None:
            return "%s\n" % option
        form = "%s=%s\n" if self.args.get("no_extra_spaces") else "%s = %s\n"
        return form % (option, value)

    def _body(self, body: List[str]) -> List[str]:
        parsed = [_Line(line) for line in body]
        if not self.present:
            kept = [p.text for p in parsed if not self._goes(p)]
            if len(kept) != len(body):
                self.msg = "option changed"
            return kept
        todo: List[Optional[str]] = list(self.values) or [None]
        new: List[Optional[str]] = [p.text for p in parsed]
        self._keep(parsed, new, todo)
        self._replace(parsed, new, todo)
        if todo:
            at = self._place(new)
            if at and new[at - 1] and not str(new[at - 1]).endswith("\n"):
                new[at - 1] = str(new[at - 1]) + "\n"
            new[at:at] = [self._line(value) for value in todo]
            self.msg = "option added"
        edited = [line for line in new if line is not None]
        if edited != body and self.msg == "OK":
            self.msg = "option changed"
        return edited

    def _goes(self, line: _Line) -> bool:
        if not line.active or line.name != self.option:
            return False
        return bool(self.exclusive) or line.value in self.values

    def _mine(self, line: _Line) -> bool:
        return line.name == self.option and (
            line.active or bool(self.args.get("modify_inactive_option", True))
        )

    def _keep(self, parsed: List[_Line], new: List[Any], todo: List[Optional[str]]) -> None:
        """Values that stand there already, first the living ones."""
        for active in (True, False):
            for at, line in enumerate(parsed):
                if line.active != active or not self._mine(line) or line.value not in todo:
                    continue
                todo.remove(line.value)
                wanted = self._line(line.value)
                left = active and (self.args.get("ignore_spaces") or line.value is None)
                if not left and line.text.rstrip("\n") != wanted.rstrip("\n"):
                    new[at] = wanted
                line.name = ""  # taken

    def _replace(self, parsed: List[_Line], new: List[Any], todo: List[Optional[str]]) -> None:
        """Other lines of the option: those that are to change do, the rest goes or stays."""
        if not self.exclusive:
            return
        for active in (True, False):
            for at, line in enumerate(parsed):
                if line.active != active or not self._mine(line):
                    continue
                if todo:
                    new[at] = self._line(todo.pop(0))
                    line.name = ""
                elif active:
                    new[at] = None

    def _place(self, new: List[Optional[str]]) -> int:
        """Behind the last living line of the option, else at the section's end."""
        for at in range(len(new) - 1, -1, -1):
            text = new[at]
            if text is not None and _Line(text).active and _Line(text).name == self.option:
                return at + 1
        return len(new)


def _head(line: str) -> Any:
    return _HEAD.match(line)


def main(ctx: Context, args: Args) -> Result:
    return edits.run(ctx, Option(ctx, args))
