"""A marked block of lines in a text file.

args: block, begin and end (the marker lines), state, insertafter or insertbefore,
prepend_newline, append_newline, and what `Edit` takes.
"""

from __future__ import annotations

from provision.agent import edits
from provision.agent.edits import SEPARATOR, Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Tuple

    from provision.agent.core import Args, Context, Result


class Block(Edit):
    def __init__(self, ctx: Context, args: Args) -> None:
        Edit.__init__(self, ctx, args)
        self.begin: bytes = args["begin"].encode("utf-8", "surrogateescape") + SEPARATOR
        self.end: bytes = args["end"].encode("utf-8", "surrogateescape") + SEPARATOR
        text = args.get("block", "").encode("utf-8", "surrogateescape")
        self.present = args.get("state") != "absent"
        self.block: List[bytes] = []
        if self.present and text:
            body = edits.lines_of(text)
            edits.end_last(body)
            self.block = [self.begin, *body, self.end]

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = edits.lines_of(old)
        first, last = self._marked(lines)
        if first is None or last is None:
            at = self._place(lines, old or b"")
        else:
            at = min(first, last)
            del lines[at : max(first, last) + 1]
        at = self._insert(lines, at)
        new = b"".join(lines)
        if new != old:
            self.msg = "Block inserted" if self.block else "Block removed"
            if old is None:
                self.msg = "File created"
        return new

    def _marked(self, lines: List[bytes]) -> Tuple[Optional[int], Optional[int]]:
        first = last = None
        for number, line in enumerate(lines):
            if not line.endswith(b"\n"):
                line += SEPARATOR
            if line == self.begin:
                first = number
            if line == self.end:
                last = number
        return first, last

    def _place(self, lines: List[bytes], content: bytes) -> int:
        """Where a new block goes: at the last match, else at the end."""
        before = self.args.get("insertbefore")
        after = self.args.get("insertafter")
        if before == "BOF":
            return 0
        said = before if before is not None else after
        if said in (None, "EOF"):
            return len(lines)
        expression = edits.pattern(str(said), "insertafter" if before is None else "insertbefore")
        place: Optional[int] = None
        if expression.flags & 8:  # re.MULTILINE: the expression may span lines
            match = expression.search(content)
            if match:
                end = match.start() if before is not None else match.end()
                place = content.count(b"\n", 0, end)
        else:
            for number, line in enumerate(lines):
                if expression.search(line):
                    place = number
        if place is None:
            return len(lines)
        return place if before is not None else min(place + 1, len(lines))

    def _insert(self, lines: List[bytes], at: int) -> int:
        if at > 0 and not lines[at - 1].endswith(b"\n"):
            lines[at - 1] += SEPARATOR
        prepend = self.present and self.args.get("prepend_newline")
        if prepend and at != 0 and lines[at - 1] != SEPARATOR:
            lines.insert(at, SEPARATOR)
            at += 1
        lines[at:at] = self.block
        if self.present and self.args.get("append_newline"):
            behind = at + len(self.block)
            if behind < len(lines) and lines[behind] != SEPARATOR:
                lines.insert(behind, SEPARATOR)
        return at


def main(ctx: Context, args: Args) -> Result:
    return edits.run(ctx, Block(ctx, args))
