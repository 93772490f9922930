from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provision.reports.diffs import difference_lines, unified
from provision.reports.style import SIGNS, Palette


def _shown(before: Any, after: Any) -> list[str]:
    lines = difference_lines([{"key": "k", "before": before, "after": after}], SIGNS)
    return [Palette(colour=False).paint(line) for line in lines]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("0600", "0644", "k: 0600 → 0644"),
        (None, "x", "k: (absent) → x"),
        ("", "x", 'k: "" → x'),
        (False, True, "k: no → yes"),
        (["a"], [], "k: a → []"),
        ({"a": 1}, {"a": 2}, "k: a=1 → a=2"),
        ("one\n", "two\n", "k: one → two"),
        ("(not shown)", "(not shown)", "k: (not shown)"),
    ],
)
def test_short_values_stand_in_one_line(before: Any, after: Any, shown: str) -> None:
    assert _shown(before, after) == [shown]


def test_a_lost_newline_is_seen() -> None:
    assert _shown("x\n", "x") == ["k:", "@@ -1 +1 @@", "-x", "+x (no newline at the end)"]


def test_long_lists_are_compared_item_by_item() -> None:
    before = [f"package-{number}" for number in range(20)]
    assert _shown(before, [*before, "more"])[-1] == "+more"
    assert len(_shown(before, [*before, "more"])) == 6


_LINES = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=25)


@given(_LINES, _LINES)
def test_unified_differences_are_those_of_difflib(old: list[str], new: list[str]) -> None:
    """Cutting equal ends off first may choose other lines, never more of them."""
    ours = list(unified(old, new))
    theirs = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    for sign, lines in (("-", old), ("+", new)):
        kept = [line[1:] for line in ours if line[0] in (sign, " ")]
        assert kept == [line for line in kept if line in lines]
    count = sum(line[0] in "+-" for line in ours)
    assert count % 2 == (len(old) + len(new)) % 2
    if not old or not new:
        assert count == len(old) + len(new)
    assert bool(count) == bool([line for line in theirs if line[0] in "+-"])


@given(_LINES, _LINES)
def test_a_unified_difference_leads_from_the_old_to_the_new(old: list[str], new: list[str]) -> None:
    made: list[str] = []
    place = 0
    for line in unified(old, new):
        if line.startswith("@@"):
            start, _, count = line.split()[1][1:].partition(",")
            first = int(start) - (count != "0")
            made += old[place:first]
            place = first
            continue
        if line[0] in " -":
            assert old[place] == line[1:]
            place += 1
        if line[0] in " +":
            made.append(line[1:])
    assert made + old[place:] == new if old and new else made == new


def test_files_that_differ_all_over_cost_little() -> None:
    old = [f"old {number}" for number in range(30_000)]
    new = [f"new {number}" for number in range(30_000)]
    assert len(list(unified(old, new))) == 60_001
