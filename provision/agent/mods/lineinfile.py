"""One line of a text file.

args: line, regexp or search_string, state, backrefs, insertafter or insertbefore, firstmatch,
and what `Edit` takes.
"""

from __future__ import annotations

from provision.agent import edits
from provision.agent.core import Fail
from provision.agent.edits import SEPARATOR, Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

    from provision.agent.core import Args, Context, Result


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class _Matcher:
    """Finds lines by expression, by text, or by being the same."""

    def __init__(self, args: Args) -> None:
        regexp, text = args.get("regexp"), args.get("search_string")
        self.expression: Any = None if regexp is None else edits.pattern(regexp, "regexp")
        self.text: Optional[bytes] = None if text is None else _bytes(text)

    def __call__(self, line: bytes) -> Any:
        if self.expression is not None:
            return self.expression.search(line)
        return self.text is not None and self.text in line


class Line(Edit):
    word = "Destination"

    def __init__(self, ctx: Context, args: Args) -> None:
        Edit.__init__(self, ctx, args)
        self.matches = _Matcher(args)
        said = args.get("line")
        self.line: bytes = b"" if said is None else _bytes(said)
        self.first: bool = bool(args.get("firstmatch"))
        after, before = args.get("insertafter"), args.get("insertbefore")
        self.beside: Any = None  # matches the line beside which a new one goes
        if after not in (None, "BOF", "EOF"):
            self.beside = edits.pattern(str(after), "insertafter")
        elif before not in (None, "BOF"):
            self.beside = edits.pattern(str(before), "insertbefore")

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = edits.lines_of(old)
        at, match = self._found(lines)
        if at is not None:
            self._replace(lines, at, match)
        elif not self.args.get("backrefs"):
            self._add(lines)
        if not self.msg and old is None:
            return None
        return b"".join(lines)

    def _found(self, lines: List[bytes]) -> Tuple[Optional[int], Any]:
        """The place of the line to replace: the last match, or the first when asked; without
        one, the line itself where it stands already."""
        at, match = None, None
        for number, line in enumerate(lines):
            hit = self.matches(line)
            if hit:
                at, match = number, hit
                if self.first:
                    break
        if match is None:
            for number, line in enumerate(lines):
                if line.rstrip(b"\r\n") == self.line:
                    at = number
                elif self.first and self.beside is not None and self.beside.search(line):
                    break  # with `firstmatch` only what stands before that place counts
        return at, match

    def _replace(self, lines: List[bytes], at: int, match: Any) -> None:
        new = self.line
        if self.args.get("backrefs") and match is not None:
            import re

            try:
                new = match.expand(self.line)
            except (re.error, IndexError) as exc:
                raise Fail("line: cannot fill in the groups: %s" % exc, path=self.said) from None
        if not new.endswith(SEPARATOR):
            new += SEPARATOR
        if lines[at] != new:
            lines[at] = new
            self.msg = "line replaced"

    def _add(self, lines: List[bytes]) -> None:
        after, before = self.args.get("insertafter"), self.args.get("insertbefore")
        new = self.line + SEPARATOR
        place: Optional[int] = 0 if "BOF" in (after, before) else None
        if self.beside is not None:
            place = self._place(lines)
            if place is not None and after is not None:
                place += 1
                if lines[min(place, len(lines) - 1)].rstrip(b"\r\n") == self.line:
                    return
        if place is None:
            place = len(lines)
        if place == len(lines):
            edits.end_last(lines)
        lines.insert(place, new)
        self.msg = "line added"

    def _place(self, lines: List[bytes]) -> Optional[int]:
        found = None
        for number, line in enumerate(lines):
            if self.beside.search(line):
                found = number
                if self.first:
                    break
        return found


class NoLine(Edit):
    """Without the lines that match."""

    def __init__(self, ctx: Context, args: Args) -> None:
        Edit.__init__(self, ctx, args)
        self.matches = _Matcher(args)
        self.extra["found"] = 0

    def needs_file(self) -> bool:
        return False

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        if old is None:
            self.msg = "file not present"
            return None
        lines = edits.lines_of(old)
        if self.matches.expression is None and self.matches.text is None:
            line = _bytes(self.args["line"])
            kept = [each for each in lines if each.rstrip(b"\r\n") != line]
        else:
            kept = [each for each in lines if not self.matches(each)]
        found = len(lines) - len(kept)
        self.extra["found"] = found
        if found:
            self.msg = "%d line(s) removed" % found
        return b"".join(kept)


def main(ctx: Context, args: Args) -> Result:
    edit: Edit = NoLine(ctx, args) if args.get("state") == "absent" else Line(ctx, args)
    for key, word in (("regexp", "regular expression"), ("search_string", "search string")):
        if args.get(key) == "" and args.get("state") != "absent":
            edit.perms.warn(_EMPTY[key] % word)
    result = edits.run(ctx, edit)
    result["data"].setdefault("backup", edit.backup_file)
    return result


_EMPTY = {
    "regexp": "The %s is an empty string, which will match every line in the file. This may have "
    "unintended consequences, such as replacing the last line in the file rather than appending. "
    "If this is desired, use '^' to match every line in the file and avoid this warning.",
    "search_string": "The %s is an empty string, which will match every line in the file. This "
    "may have unintended consequences, such as replacing the last line in the file rather than "
    "appending.",
}
