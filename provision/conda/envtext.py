"""The text of an environment file, and edits of it that keep comments and layout.

text = EnvText("name: x\nchannels: [a, nodefaults]\n")
edit = text.drop(mark_of_nodefaults)
apply_edits(text.text, [edit])                # "name: x\nchannels: [a]\n"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from provision.errors import Mark

__all__ = ["Edit", "EnvText", "LineText", "Text", "apply_edits", "quoted"]

_LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # as YAML counts lines


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces `text[start:end]`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class _Item:
    """A list's item, or a mapping's entry (then with `key`), in what holds it."""

    node: yaml.Node
    holder: yaml.CollectionNode
    position: int
    key: yaml.Node | None = None
    above: _Item | None = None

    @property
    def first_line(self) -> int:
        line: int = (self.key or self.node).start_mark.line
        return line


class EnvText:
    """YAML text. Places are those of `yamlsource` (`Mark`). Without a valid text nothing can be
    edited: every method then answers None."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in _LINE_BREAK.finditer(text))]
        if self._starts[-1] != len(text):
            self._starts.append(len(text))
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._by_place: dict[tuple[int, int], _Item] = {}
        self._top: dict[str, _Item] = {}
        try:
            # not libyaml's: its marks count bytes where the text is not ASCII
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            return
        if isinstance(root, yaml.MappingNode):
            for item in _items(root, None, set()):
                for node in (item.key, item.node):
                    if isinstance(node, yaml.ScalarNode):
                        self._by_place.setdefault(_at(node), item)
                if item.holder is root and item.key is not None:
                    self._top[str(item.key.value)] = item

    def key_mark(self, key: str, file: str) -> Mark | None:
        """Where a top-level key stands."""
        item = self._top.get(key)
        return _mark(item.key, file) if item and item.key else None

    def value_mark(self, key: str, file: str) -> Mark | None:
        """Where a top-level key's value stands."""
        item = self._top.get(key)
        return _mark(item.node, file) if item else None

    def inner_mark(self, key: str, inner: str, file: str) -> Mark | None:
        """Where the key `inner` stands in the mapping that the top-level `key` holds."""
        item = self._top.get(key)
        if item is not None and isinstance(item.node, yaml.MappingNode):
            for inner_key, _ in item.node.value:
                if str(inner_key.value) == inner:
                    return _mark(inner_key, file)
        return None

    # -- edits ------------------------------------------------------------------------

    def replace(self, mark: Mark | None, new: str) -> Edit | None:
        """The scalar at `mark` becomes `new`; its quotes stay."""
        item = self._find(mark)
        if item is None or not isinstance(item.node, yaml.ScalarNode):
            return None
        start, end = item.node.start_mark.index, item.node.end_mark.index
        return Edit(start, end, quoted(new, item.node.style))

    def drop(self, mark: Mark | None) -> Edit | None:
        """The list's item or the mapping's entry at `mark` goes; with the last one, what
        holds it."""
        item = self._find(mark)
        while item is not None and item.above is not None and len(item.holder.value) == 1:
            item = item.above
        if item is None:
            return None
        if item.holder.flow_style:
            return self._drop_from_flow(item)
        return self._lines(item.first_line, _last_line(item.node))

    def drop_key(self, key: str) -> Edit | None:
        """A top-level key goes with its value."""
        item = self._top.get(key)
        if item is None or item.holder.flow_style:
            return None
        return self._lines(item.first_line, max(item.first_line, _last_line(item.node)))

    def insert_before(self, mark: Mark | None, new: str) -> Edit | None:
        """A new item before the list's item at `mark`."""
        item = self._find(mark)
        if item is None or item.key is not None:
            return None
        if item.holder.flow_style:
            start = item.node.start_mark.index
            return Edit(start, start, f"{quoted(new, None)}, ")
        return self._insert_line(item.first_line, new)

    def insert_key(self, before: str, lines: str) -> Edit | None:
        """Whole lines before a top-level key."""
        item = self._top.get(before)
        if item is None or item.holder.flow_style:
            return None
        start = self._starts[item.first_line]
        return Edit(start, start, lines.replace("\n", self._newline))

    def insert_dependency(self, new: str) -> Edit | None:
        """A conda dependency before the pip section, or before the last one."""
        item = self._top.get("dependencies")
        if item is None or not isinstance(item.node, yaml.SequenceNode) or item.node.flow_style:
            return None
        for node in item.node.value:
            if isinstance(node, yaml.MappingNode) or node is item.node.value[-1]:
                return self._insert_line(node.start_mark.line, new)
        return None

    def drop_empty(self) -> list[Edit]:
        """`channels:`, `variables:` and `- pip:` that hold nothing any more."""
        found: list[Edit | None] = [
            self.drop_key(key)
            for key in ("channels", "variables")
            if key in self._top and _is_empty(self._top[key].node)
        ]
        for item in self._by_place.values():
            if item.above is None or item.above.key is not None or item.key is None:
                continue  # no mapping in a list
            if item.key.value == "pip" and _is_empty(item.node):
                found.append(self._lines(item.first_line, item.first_line))
        return [edit for edit in found if edit is not None]

    # -- inside -----------------------------------------------------------------------

    def _find(self, mark: Mark | None) -> _Item | None:
        return self._by_place.get((mark.line - 1, mark.column - 1)) if mark else None

    def _lines(self, first: int, last: int) -> Edit:
        return Edit(self._starts[first], self._starts[min(last + 1, len(self._starts) - 1)], "")

    def _insert_line(self, line: int, new: str) -> Edit:
        start = self._starts[line]
        indent = self.text[start:].partition("-")[0]
        return Edit(start, start, f"{indent}- {quoted(new, None)}{self._newline}")

    @staticmethod
    def _drop_from_flow(item: _Item) -> Edit:
        ends = [
            (node[0].start_mark.index, node[1].end_mark.index)
            if isinstance(node, tuple)
            else (node.start_mark.index, node.end_mark.index)
            for node in item.holder.value
        ]
        at = item.position
        if at:
            return Edit(ends[at - 1][1], ends[at][1], "")
        return Edit(ends[0][0], ends[1][0] if len(ends) > 1 else ends[0][1], "")


class LineText:
    """A requirements file: an item a line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.splitlines(keepends=True)

    def _span(self, mark: Mark | None) -> tuple[int, int] | None:
        if mark is None or not 1 <= mark.line <= len(self._lines):
            return None
        start = sum(len(line) for line in self._lines[: mark.line - 1])
        end = start
        for line in self._lines[mark.line - 1 :]:  # a line that ends in a backslash goes on
            end += len(line)
            if not line.rstrip().endswith("\\"):
                break
        return start, end

    def replace(self, mark: Mark | None, new: str) -> Edit | None:
        span = self._span(mark)
        if span is None:
            return None
        line = self.text[span[0] : span[1]]
        comment = line.rpartition(" #")[2] if " #" in line and "\\" not in line else ""
        tail = f"  #{comment.rstrip()}" if comment else ""
        return Edit(span[0], span[1], f"{new}{tail}\n")

    def drop(self, mark: Mark | None) -> Edit | None:
        span = self._span(mark)
        return None if span is None else Edit(*span, "")

    def insert_before(self, mark: Mark | None, new: str) -> Edit | None:
        span = self._span(mark)
        return None if span is None else Edit(span[0], span[0], f"{new}\n")


Text = EnvText | LineText


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """All edits at once; of two that overlap only the first counts."""
    done: list[Edit] = []
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end)):
        if not done or edit.start >= done[-1].end:
            done.append(edit)
    for edit in reversed(done):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return text


def _at(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line, node.start_mark.column


def _mark(node: yaml.Node, file: str) -> Mark:
    return Mark(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _items(holder: yaml.Node, above: _Item | None, seen: set[int]) -> Iterator[_Item]:
    """Everything below a mapping or list; what aliases lead to, once."""
    if id(holder) in seen or not isinstance(holder, yaml.CollectionNode):
        return
    seen.add(id(holder))
    keyed = isinstance(holder, yaml.MappingNode)
    for position, entry in enumerate(holder.value):
        key, value = entry if keyed else (None, entry)
        item = _Item(value, holder, position, key, above)
        yield item
        yield from _items(value, item, seen)


def _last_line(node: yaml.Node) -> int:
    """Of its text; a block's own end is where the next token begins."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return max(_last_line(value) for _, value in node.value)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return max(_last_line(item) for item in node.value)
    end: int = node.end_mark.line
    block_scalar = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return end - 1 if block_scalar and end > node.start_mark.line else end


def _is_empty(node: yaml.Node) -> bool:
    if isinstance(node, yaml.ScalarNode):
        return node.tag == "tag:yaml.org,2002:null"
    return isinstance(node, yaml.CollectionNode) and not node.value


def quoted(new: str, style: str | None = None) -> str:
    """A scalar as YAML wants it, in the quotes that `style` says."""
    if style == "'":
        return "'" + new.replace("'", "''") + "'"
    if style == '"':
        return '"' + new.replace("\\", "\\\\").replace('"', '\\"') + '"'
    try:
        plain = yaml.safe_load(f"- {new}") == [new]
    except yaml.YAMLError:
        plain = False
    return new if plain else "'" + new.replace("'", "''") + "'"
