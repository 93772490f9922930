"""YAML that remembers where each value came from.

`load` returns plain data whose strings, mappings and sequences are the subclasses `Str`,
`Map` and `Seq`: they behave as str, dict and list and carry `mark`. Keys are `Str` too, so a
key's own place is `key.mark`. Everything else (numbers, booleans, None, dates) is bare; ask
the container with `mark_of(container, key)`.

Parsing is libyaml's when PyYAML has it, never `yaml.load` with arbitrary objects: a tag that
was not passed in `tags` is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, SupportsIndex

import yaml

from provision.errors import InputError, Mark, YamlError

__all__ = ["Map", "Seq", "Str", "load", "load_all", "load_file", "mark_of"]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"
_STR = "tag:yaml.org,2002:str"
_SEQ = "tag:yaml.org,2002:seq"
_MAP = "tag:yaml.org,2002:map"

Tags = Mapping[str, Callable[[str, Mark], object]]
OnDuplicate = Callable[[str, Mark, Mark], None]


class Str(str):
    """A string with the place it was read from. `unsafe` strings are never templated."""

    __slots__ = ("mark", "unsafe")
    mark: Mark | None
    unsafe: bool

    def __new__(cls, value: str, mark: Mark | None = None, unsafe: bool = False) -> Str:
        self = super().__new__(cls, value)
        self.mark = mark
        self.unsafe = unsafe
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return (str, (str(self),))

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[type[str], tuple[str]]:
        return self.__reduce__()


class Map(dict[Any, Any]):
    """A mapping with its place; `value_marks` holds the places of its bare values."""

    __slots__ = ("mark", "value_marks")

    def __init__(self, mark: Mark | None = None) -> None:
        super().__init__()
        self.mark = mark
        self.value_marks: dict[Any, Mark] = {}


class Seq(list[Any]):
    """A sequence with its place; `item_marks` has one place for each item."""

    __slots__ = ("item_marks", "mark")

    def __init__(self, mark: Mark | None = None) -> None:
        super().__init__()
        self.mark = mark
        self.item_marks: list[Mark] = []


def mark_of(value: object, key: object = None) -> Mark | None:
    """The place of `value`, or of the item `key` in the container `value`."""
    if key is not None:
        if isinstance(value, Map) and key in value.value_marks:
            return value.value_marks[key]
        if isinstance(value, Seq) and isinstance(key, int) and key < len(value.item_marks):
            return value.item_marks[key]
    return getattr(value, "mark", None)


class _Builder:
    """Turns one file's nodes into values; scalars by PyYAML's own safe constructors."""

    def __init__(
        self, file: str, loader: Any, tags: Tags, on_duplicate: OnDuplicate | None
    ) -> None:
        self.file = file
        self.loader = loader
        self.tags = tags
        self.on_duplicate = on_duplicate
        self.done: dict[int, object] = {}
        self.open: set[int] = set()

    def mark(self, node: yaml.Node) -> Mark:
        start = node.start_mark
        return Mark(self.file, start.line + 1, start.column + 1)

    def build(self, node: yaml.Node) -> object:
        key = id(node)
        if key in self.done:
            return self.done[key]
        if key in self.open:
            raise YamlError("a value contains itself", mark=self.mark(node))
        self.open.add(key)
        value = self._build(node)
        self.open.discard(key)
        self.done[key] = value
        return value

    def _build(self, node: yaml.Node) -> object:
        tag: str = node.tag
        if tag == _STR and isinstance(node, yaml.ScalarNode):
            return Str(node.value, self.mark(node))
        if tag in self.tags:
            if not isinstance(node, yaml.ScalarNode):
                raise YamlError(f"{tag} takes a string", mark=self.mark(node))
            return self.tags[tag](node.value, self.mark(node))
        if isinstance(node, yaml.MappingNode) and tag == _MAP:
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode) and tag == _SEQ:
            return self._sequence(node)
        if tag.startswith("tag:yaml.org,2002:") and not tag.startswith("tag:yaml.org,2002:python"):
            try:
                return self.loader.construct_object(node, deep=True)
            except (yaml.YAMLError, ValueError) as exc:
                raise YamlError(
                    f"cannot read {getattr(node, 'value', tag)!r}",
                    mark=self.mark(node),
                    why=str(exc),
                ) from exc
        raise YamlError(f"unknown tag {tag!r}", mark=self.mark(node))

    def _sequence(self, node: yaml.SequenceNode) -> Seq:
        seq = Seq(self.mark(node))
        for child in node.value:
            seq.append(self.build(child))
            seq.item_marks.append(self.mark(child))
        return seq

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        for key, value in node.value:
            if key.tag != _MERGE:
                continue
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            # The first of several merged mappings wins, so it is written last.
            for source in reversed(merged):
                if not isinstance(source, yaml.MappingNode):
                    raise YamlError("<< takes a mapping", mark=self.mark(source))
                for inner_key, inner_value, _ in self._pairs(source):
                    yield inner_key, inner_value, True
        for key, value in node.value:
            if key.tag != _MERGE:
                yield key, value, False

    def _mapping(self, node: yaml.MappingNode) -> Map:
        result = Map(self.mark(node))
        own: dict[object, Mark] = {}
        for key_node, value_node, merged in self._pairs(node):
            key = self.build(key_node)
            mark = self.mark(key_node)
            try:
                if not merged:
                    if key in own and self.on_duplicate:
                        self.on_duplicate(str(key), mark, own[key])
                    own[key] = mark
                result.pop(key, None)  # keep the place of the key that counts
                result[key] = self.build(value_node)
            except TypeError as exc:
                raise YamlError(
                    "a mapping or list cannot be a key",
                    mark=mark,
                    hint='quote an expression: write "{{ name }}" with quotes',
                ) from exc
            result.value_marks[key] = self.mark(value_node)
        return result


def _yaml_error(exc: yaml.YAMLError, file: str) -> YamlError:
    place = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    mark = Mark(file, place.line + 1, place.column + 1) if place else Mark(file)
    problem = getattr(exc, "problem", None) or str(exc)
    context = getattr(exc, "context", None)
    hint = ""
    if "tab character" in problem or "cannot start any token" in problem:
        hint = "indent with spaces; quote a value that starts with a special character"
    elif "mapping values are not allowed" in problem:
        hint = "quote a value that contains ': '"
    return YamlError(f"not valid YAML: {problem}", mark=mark, why=context or "", hint=hint)


def load_all(
    text: str,
    file: str,
    *,
    tags: Tags | None = None,
    on_duplicate: OnDuplicate | None = None,
) -> list[Any]:
    """All documents of `text`. `file` names it in marks. Raises YamlError."""
    if "\x00" in text:
        raise YamlError("not a text file", mark=Mark(file))
    loader = _Loader(text)
    try:
        builder = _Builder(file, loader, tags or {}, on_duplicate)
        documents = []
        while loader.check_node():
            documents.append(builder.build(loader.get_node()))
        return documents
    except yaml.YAMLError as exc:
        raise _yaml_error(exc, file) from exc
    except RecursionError as exc:
        raise YamlError("nested too deeply", mark=Mark(file)) from exc
    finally:
        loader.dispose()


def load(
    text: str,
    file: str,
    *,
    tags: Tags | None = None,
    on_duplicate: OnDuplicate | None = None,
) -> Any:
    """The only document of `text`; None when it is empty. Raises YamlError."""
    documents = load_all(text, file, tags=tags, on_duplicate=on_duplicate)
    if len(documents) > 1:
        raise YamlError("more than one YAML document", mark=mark_of(documents[1]) or Mark(file))
    return documents[0] if documents else None


def load_file(
    path: Path,
    *,
    tags: Tags | None = None,
    on_duplicate: OnDuplicate | None = None,
) -> Any:
    """`load` of a file's text. Raises InputError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise YamlError("not UTF-8 text", mark=Mark(str(path)), why=str(exc)) from exc
    except OSError as exc:
        raise InputError("cannot read file", mark=Mark(str(path)), why=exc.strerror or "") from exc
    return load(text, str(path), tags=tags, on_duplicate=on_duplicate)
