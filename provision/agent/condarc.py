"""Top-level keys of a condarc, read and changed in its text.

The agent has no YAML library. What conda writes and people keep in these files is read: plain
and quoted scalars, block and flow lists of them, mappings of scalars. Anything else is
`UNREAD`, which equals nothing. A key that changes gets a new block; every other line stays.
"""

from __future__ import annotations

from provision.agent.core import Fail, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

UNREAD = object()
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:+@~ =()")
_WORDS = {
    "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False,
    "null": None, "none": "none", "~": None, "": None,
}  # fmt: skip


def _blocks(text: str) -> List[Tuple[Optional[str], List[str]]]:
    """The lines, cut before each top-level key; the first block has none."""
    blocks: List[Tuple[Optional[str], List[str]]] = [(None, [])]
    for line in text.splitlines():
        key = _key(line)
        if key is not None:
            blocks.append((key, [line]))
        else:
            blocks[-1][1].append(line)
    return blocks


def _key(line: str) -> Optional[str]:
    if not line or line[0] in " \t#-%{[":
        return None
    head, colon, rest = line.partition(":")
    if not colon or (rest and rest[0] not in " \t"):
        return None
    return head.strip().strip("\"'")


def parse(text: str) -> Dict[str, Any]:
    """Each top-level key with its value. Raises Fail for text that is no mapping of keys."""
    found: Dict[str, Any] = {}
    for key, lines in _blocks(text):
        if key is None:
            odd = [line for line in lines if line.strip() and line.strip()[0] not in "#-%."]
            if odd or any(line.strip().startswith("- ") for line in lines):
                raise Fail("not a condarc: %r is no `key: value`" % (odd or lines)[0])
            continue
        found[key] = _value(lines)
    return found


def _strip_comment(text: str) -> str:
    """Without a trailing ` # comment`, quotes respected."""
    quote = ""
    for at, char in enumerate(text):
        if quote:
            if char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "#" and (at == 0 or text[at - 1] in " \t"):
            return text[:at].rstrip()
    return text.rstrip()


def _scalar(text: str) -> Any:
    text = text.strip()
    if text[:1] == '"':
        return _json(text)
    if text[:1] == "'":
        inner = text[1:-1]
        return inner.replace("''", "'") if text.endswith("'") and len(text) > 1 else UNREAD
    if text[:1] in ("&", "*", "!", "|", ">", "@", "`", "%"):
        return UNREAD
    if text[:1] in ("{", "["):
        return _json(text)
    word = text.lower()
    if word in _WORDS:
        return text if word == "none" else _WORDS[word]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _json(text: str) -> Any:
    try:
        return loads(text)
    except Exception:  # the C scanner raises StopIteration as well as ValueError
        return UNREAD


def _flow_list(text: str) -> Any:
    as_json = _json(text)
    if as_json is not UNREAD:
        return as_json
    inner = text[1:-1].strip()
    if not inner:
        return []
    if any(c in inner for c in "[]{}\"'#"):
        return UNREAD
    return [_scalar(part) for part in inner.rstrip(",").split(",")]


def _value(lines: List[str]) -> Any:
    first = _strip_comment(lines[0].partition(":")[2]).strip()
    below = [text for text in (_strip_comment(line) for line in lines[1:]) if text.strip()]
    if first:
        if below:
            return UNREAD
        if first.startswith("[") and first.endswith("]"):
            return _flow_list(first)
        return _scalar(first)
    if not below:
        return None
    if all(text.lstrip().startswith("- ") for text in below):
        raw = [text.lstrip()[2:].strip() for text in below]
        items = [_scalar(text) for text in raw]
        odd = UNREAD in items or any(": " in text and text[0] not in "\"'[{" for text in raw)
        return UNREAD if odd else items
    indents = {len(text) - len(text.lstrip()) for text in below}
    if len(indents) != 1 or 0 in indents:
        return UNREAD
    mapping: Dict[str, Any] = {}
    for text in below:
        key, colon, rest = text.strip().partition(":")
        if not colon or (rest and rest[0] != " ") or not rest.strip():
            # `pkgs/main: …` has its colon later; an empty value is a deeper block
            return UNREAD
        mapping[key.strip("\"'")] = _scalar(rest)
    return UNREAD if UNREAD in mapping.values() else mapping


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, dict)):
        return dumps(value)
    text = str(value)
    plain = bool(text) and all(c in _PLAIN for c in text) and text == text.strip()
    plain = plain and text[0] not in "-:=@~ .+" and ": " not in text and not text.endswith(":")
    if plain and _scalar(text) == text:
        return text
    return dumps(text)


def render(key: str, value: Any) -> List[str]:
    """The lines of one key, as conda would write them."""
    if isinstance(value, list):
        return ["%s:" % key] + ["  - " + _text(v) for v in value] if value else ["%s: []" % key]
    if isinstance(value, dict):
        if not value:
            return ["%s: {}" % key]
        return ["%s:" % key] + ["  %s: %s" % (_text(k), _text(v)) for k, v in value.items()]
    return ["%s: %s" % (key, _text(value))]


def change(text: str, settings: Mapping[str, Any], remove: List[str]) -> str:
    """`text` with keys set and removed; what stands between them stays."""
    out: List[str] = []
    todo = dict(settings)
    for key, lines in _blocks(text):
        if key is None or (key not in settings and key not in remove):
            out += lines
            continue
        tail = _tail(lines)
        if key in todo:
            value = todo.pop(key)
            same = _value(lines) == value and _value(lines) is not UNREAD
            out += lines[: len(lines) - len(tail)] if same else render(key, value)
        out += tail
    for key, value in todo.items():
        out += render(key, value)
    return "\n".join(out) + "\n" if out else ""


def _tail(lines: List[str]) -> List[str]:
    """Blank lines and unindented comments at a block's end: they belong to what follows."""
    end = len(lines)
    while end > 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return lines[end:]
