"""Versions of Python packages, compared as PEP 440 says."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

_VERSION = (
    r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)[-_.]?(?:(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d*))?"
    r"(?:(-)(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9._-]+))?$"
)
_SPEC = r"\s*(===|==|!=|~=|<=|>=|<|>)\s*([^\s,]+)\s*$"
_REQUIREMENT = r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*$"
_PRE = {"a": "a", "alpha": "a", "b": "b", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}


def _match(pattern: str, text: str) -> Any:
    import re

    return re.match(pattern, text, re.IGNORECASE)


def normalised(name: str) -> str:
    words = name.replace("_", "-").replace(".", "-").lower().split("-")
    return "-".join(word for word in words if word)


def requirement(text: str) -> Optional[Tuple[str, List[Tuple[str, str]]]]:
    """(normalised name, [(operator, version)]) of a requirement; None for a URL or a path, and
    for what depends on the platform."""
    match = _match(_REQUIREMENT, text.strip())
    if match is None:
        return None
    specs = []
    for part in match.group(3).split(","):
        if not part.strip():
            continue
        spec = _match(_SPEC, part)
        if spec is None:
            return None
        specs.append((spec.group(1), spec.group(2)))
    return normalised(match.group(1)), specs


def key(version: str) -> Optional[Tuple[Any, ...]]:
    """What orders versions; None for text that is none. The local part is left out."""
    match = _match(_VERSION, version.strip())
    if match is None:
        return None
    epoch, release, pre, pre_n, dash, dash_n, post, post_n, dev, dev_n, _local = match.groups()
    numbers = [int(part) for part in release.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    before: Tuple[Any, ...] = ("z",)  # after every pre-release
    if pre:
        before = (_PRE.get(pre.lower(), "rc"), int(pre_n or 0))
    elif dev and not (post or dash):
        before = ("",)  # a development release comes before its first pre-release
    after = int((dash_n if dash else post_n) or 0) if (post or dash) else -1
    last = int(dev_n or 0) if dev else float("inf")
    return int(epoch or 0), tuple(numbers), before, after, last


def fits(version: str, specs: List[Tuple[str, str]]) -> bool:
    return all(_fits(version, operator, wanted) for operator, wanted in specs)


def _fits(version: str, operator: str, wanted: str) -> bool:
    if operator == "===":
        return version.lower() == wanted.lower()
    if operator in ("==", "!=") and wanted.endswith(".*"):
        same = _starts(version, wanted[:-2])
        return same if operator == "==" else not same
    one, two = key(version), key(wanted)
    if one is None or two is None:
        return operator == "==" and version == wanted
    local, wanted_local = version.partition("+")[2], wanted.partition("+")[2]
    if operator == "==":
        return one == two and (not wanted_local or local == wanted_local)
    if operator == "!=":
        return one != two or bool(wanted_local and local != wanted_local)
    if operator == "~=":
        return one >= two and _starts(version, wanted.rpartition(".")[0])
    return {"<=": one <= two, ">=": one >= two, "<": one < two, ">": one > two}[operator]


def _starts(version: str, prefix: str) -> bool:
    whole, start = _match(_VERSION, version), _match(_VERSION, prefix)
    if whole is None or start is None:
        return False
    numbers = [int(part) for part in whole.group(2).split(".")]
    wanted = [int(part) for part in start.group(2).split(".")]
    numbers += [0] * (len(wanted) - len(numbers))
    return numbers[: len(wanted)] == wanted and (whole.group(1) or "0") == (start.group(1) or "0")
