"""Sets of installed packages: their digest and the differences between two of them.

A set maps `conda:NAME` and `pip:NAME` to `[version, build, source, hash]`, all text. `source`
is the channel's address with its subdir, or where pip had it from; empty means the index.
An empty hash or an unknown source ("?") is equal to any. The controller uses the same code,
so that what it expects and what a host says cannot disagree about what "equal" means.
"""

from __future__ import annotations

from provision.agent import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, Optional, Sequence, Union

    Entry = Sequence[str]
    Packages = Mapping[str, Entry]
    Change = Dict[str, Union[str, None]]

UNKNOWN = "?"


def set_digest(packages: Packages) -> str:
    """SHA-256 over the whole set."""
    lines = ["\t".join([key, *packages[key]]) for key in sorted(packages)]
    return fs.sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def plain_source(url: str) -> str:
    """A package's URL without its file name, `user:password@` and `/t/TOKEN`."""
    head = url.partition("#")[0].rpartition("/")[0]
    scheme, sep, rest = head.partition("://")
    if not sep:
        return head
    host, slash, path = rest.partition("/")
    words = path.split("/")
    if len(words) >= 2 and words[0] == "t" and scheme != "file":
        words = words[2:]
    return scheme + sep + host.rpartition("@")[2] + slash + "/".join(words)


def entry_text(entry: Optional[Entry]) -> Optional[str]:
    """`1.26.4 py311_0` for a diff."""
    if entry is None:
        return None
    return " ".join(word for word in entry[:2] if word)


def change_kind(before: Optional[Entry], after: Optional[Entry]) -> str:
    """missing, extra, version, build, source, or nothing when both are equal."""
    if before is None:
        return "missing" if after is not None else ""
    if after is None:
        return "extra"
    if before[0] != after[0]:
        return "version"
    if before[1] != after[1]:
        return "build"
    if UNKNOWN not in (before[2], after[2]) and before[2] != after[2]:
        return "source"
    if before[3] and after[3] and before[3] != after[3]:
        return "source"
    return ""


def differences(observed: Packages, wanted: Packages) -> List[Change]:
    """What must change for `observed` to become `wanted`, in the order of names."""
    found: List[Change] = []
    for key in sorted(set(observed) | set(wanted)):
        before, after = observed.get(key), wanted.get(key)
        kind = change_kind(before, after)
        if not kind:
            continue
        texts = [entry_text(before), entry_text(after)]
        if kind == "source" and before is not None and after is not None:
            texts = [_with_source(before), _with_source(after)]
        found.append({"key": key, "kind": kind, "before": texts[0], "after": texts[1]})
    return found


def _with_source(entry: Entry) -> str:
    where = entry[2] or "index"
    return "%s from %s%s" % (
        entry_text(entry),
        where,
        " sha256:" + entry[3][:12] if entry[3] else "",
    )
