"""Host names folded into ranges: `gpu01, gpu02, gpu03` is `gpu[01-03]`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["fold_hosts", "natural_key"]

_NUMBER = re.compile(r"(\d+)")
_Name = tuple[str, ...]  # texts and numbers by turns, a text first


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorts `gpu2` before `gpu10`."""
    parts = _NUMBER.split(name)
    return [(int(part), part) if index % 2 else (0, part) for index, part in enumerate(parts)]


def fold_hosts(hosts: Iterable[str], limit: int = 0) -> str:
    """The hosts in one short text, in natural order.

    Numbers of the same width fold (`gpu[08-11]`, never `gpu[8-11]` for `gpu08`). When the text
    would be longer than `limit` characters (0: any length), the rest becomes `and 7 more`.
    """
    names = sorted(set(hosts), key=natural_key)
    if len(names) < 2:
        return "".join(names)
    groups: list[_Group] = [((name,), tuple(_NUMBER.split(name))) for name in names]
    depth = max(len(parts) for _, parts in groups) // 2
    for place in range(depth - 1, -1, -1):
        groups = _fold_place(groups, 2 * place + 1)
    return _joined([(members, "".join(parts)) for members, parts in groups], limit)


_Group = tuple[tuple[str, ...], _Name]


def _fold_place(groups: Sequence[_Group], place: int) -> list[_Group]:
    """Folds names that differ only in the number at `place`."""
    alike: dict[object, list[_Group]] = {}
    for group in groups:
        parts = group[1]
        key = (parts[:place], parts[place + 1 :]) if place < len(parts) else parts
        alike.setdefault(key, []).append(group)
    return [merged for same in alike.values() for merged in _merged(same, place)]


def _merged(groups: Sequence[_Group], place: int) -> list[_Group]:
    """Groups that are the same but for the number at `place`, one for each width that zeros
    in front demand; numbers without such zeros fold whatever their length is."""
    if len(groups) == 1:
        return list(groups)
    numbers = [parts[place] for _, parts in groups]
    padded = {len(number) for number in numbers if number[0] == "0" and len(number) > 1}
    by_width: dict[int, list[_Group]] = {}
    for group, number in zip(groups, numbers, strict=True):
        by_width.setdefault(len(number) if len(number) in padded else 0, []).append(group)
    merged: list[_Group] = []
    for same in by_width.values():
        first = same[0][1]
        span = first[place]
        if len(same) > 1:
            span = f"[{_spans([parts[place] for _, parts in same])}]"
        hosts = tuple(host for members, _ in same for host in members)
        merged.append((hosts, (*first[:place], span, *first[place + 1 :])))
    return merged


def _spans(numbers: Sequence[str]) -> str:
    runs: list[list[str]] = []
    for number in sorted(numbers, key=int):
        if runs and int(number) == int(runs[-1][-1]) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _joined(groups: Sequence[tuple[tuple[str, ...], str]], limit: int) -> str:
    texts = [text for _, text in groups]
    whole = ",".join(texts)
    if not limit or len(whole) <= limit:
        return whole
    total = sum(len(members) for members, _ in groups)
    for kept in range(len(groups) - 1, 0, -1):
        left = total - sum(len(members) for members, _ in groups[:kept])
        short = ",".join(texts[:kept]) + f" and {left} more"
        if len(short) <= limit:
            return short
    return f"{total} hosts"
