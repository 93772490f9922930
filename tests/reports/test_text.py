from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provision.reports import text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("größe 日本", "größe 日本"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\nc", "a\\rb\\nc"),
        ("\ta", "        a"),
        ("\x9b31m", "\\x9b31m"),
        ("file\u202etxt.exe", "file\\u202etxt.exe"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_could_do_harm_is_shown_instead(raw: str, shown: str) -> None:
    assert text.clean(raw) == shown


@given(st.text(), st.integers(1, 60))
def test_cut_and_wrapped_keep_within_the_width(raw: str, width: int) -> None:
    line = text.clean(raw)
    assert text.cells(text.cut(line, width)) <= max(width, 1)
    pieces = text.wrapped(line, width)
    assert "".join(pieces) == line
    assert all(text.cells(piece) <= width or len(piece) == 1 for piece in pieces)


def test_wide_characters_take_two_columns() -> None:
    assert text.cells("日本") == 4
    assert text.cut("日本語", 5) == "日本…"
    assert text.pad("日本", 6) == "日本  "


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (9.96, "10 s"),
        (61.2, "61 s"),
        (187, "3:07"),
        (3730, "1:02:10"),
    ],
)
def test_durations(value: float, shown: str) -> None:
    assert text.seconds(value) == shown


@pytest.mark.parametrize(
    ("done", "total", "unit", "shown"),
    [
        (62, 110, "packages", "62/110 packages"),
        (3_100_000, 20_000_000, "bytes", "3.1/20.0 MB"),
        (0, 900, "bytes", "0/900 B"),
        (5_000, 0, "bytes", "5.0 kB"),
        (2_500_000_000_000_000, 0, "bytes", "2500.0 TB"),
        (40, 100, "%", "40 %"),
        (0, 0, "", ""),
        (3, 0, "", "3"),
    ],
)
def test_amounts(done: float, total: float, unit: str, shown: str) -> None:
    assert text.amount(done, total, unit) == shown
