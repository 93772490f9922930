"""Edits of an environment file's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provision.conda.envfile import parse_environment
from provision.conda.envtext import EnvText, LineText, apply_edits
from provision.errors import Mark

TEXT = """\
# what this is
name: demo   # its name
channels: [one, two, three]
dependencies:

  # the interpreter
  - python=3.11
  - "numpy=1.26"   # quoted
  # pip's
  - pip:
      - tool==1.0
      - other
prefix: /x
"""


def mark_of(text: str, word: str) -> Mark:
    """Where a word, or its opening quote, first stands."""
    at = text.index(word)
    before = text[:at]
    return Mark("e.yml", before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1)


def changed(method: str, word: str, *args: str, text: str = TEXT) -> str:
    edit = getattr(EnvText(text), method)(mark_of(text, word), *args)
    assert edit is not None
    return apply_edits(text, [edit])


def test_replacing_keeps_quotes_and_comments() -> None:
    assert changed("replace", '"numpy', "numpy=2") == TEXT.replace("numpy=1.26", "numpy=2")
    assert changed("replace", "python=3.11", "a: b") == TEXT.replace("python=3.11", "'a: b'")


@pytest.mark.parametrize(
    ("word", "left"),
    [("one", "[two, three]"), ("two", "[one, three]"), ("three", "[one, two]")],
)
def test_an_item_of_a_list_on_one_line_goes(word: str, left: str) -> None:
    assert changed("drop", word) == TEXT.replace("[one, two, three]", left)


def test_an_item_goes_with_its_line_and_nothing_else() -> None:
    assert changed("drop", "python=3.11") == TEXT.replace("  - python=3.11\n", "")
    assert changed("drop", "other") == TEXT.replace("      - other\n", "")


def test_the_last_item_takes_its_section_along() -> None:
    text = TEXT.replace("      - other\n", "")
    left = changed("drop", "tool==1.0", text=text)
    assert left == text.replace("  - pip:\n      - tool==1.0\n", "")


def test_a_key_goes_with_its_value() -> None:
    edit = EnvText(TEXT).drop_key("prefix")
    assert edit is not None
    assert apply_edits(TEXT, [edit]) == TEXT.replace("prefix: /x\n", "")


def test_inserting_takes_the_indentation_over() -> None:
    assert "      - --pre\n      - tool==1.0\n" in changed("insert_before", "tool==1.0", "--pre")
    assert "[zero, one, two" in changed("insert_before", "one", "zero")
    edit = EnvText(TEXT).insert_dependency("pip")
    assert edit is not None
    assert "  - pip\n  - pip:\n" in apply_edits(TEXT, [edit])


def test_windows_line_ends_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    edit = EnvText(text).insert_dependency("pip")
    assert edit is not None
    assert "  - pip\r\n  - pip:\r\n" in apply_edits(text, [edit])


def test_of_edits_that_overlap_the_first_counts() -> None:
    whole = EnvText(TEXT)
    edits = [
        whole.drop(mark_of(TEXT, "python=3.11")),
        whole.replace(mark_of(TEXT, "python=3.11"), "x"),
    ]
    left = apply_edits(TEXT, [edit for edit in edits if edit])
    assert left == TEXT.replace("  - python=3.11\n", "")


def test_a_text_that_is_no_mapping_cannot_be_edited() -> None:
    for text in ("- a\n", "{", "", "{a: 1}"):
        assert EnvText(text).drop_key("a") is None
        assert EnvText(text).drop(Mark("e.yml", 1, 3)) is None


def test_a_value_that_holds_itself_is_walked_once() -> None:
    text = "a: &x [*x, b]\n"
    assert apply_edits(text, [e for e in [EnvText(text).drop_key("a")] if e]) == ""


def test_requirement_lines() -> None:
    text = "one==1  # why\ntwo==2 \\\n  --hash=sha256:x\nthree\n"
    lines = LineText(text)

    def after(method: str, line: int, *args: str) -> str:
        edit = getattr(lines, method)(Mark("r.txt", line, 1), *args)
        return apply_edits(text, [edit])

    assert after("replace", 1, "one==3") == text.replace("one==1", "one==3")
    assert after("drop", 2) == "one==1  # why\nthree\n"
    assert after("insert_before", 4, "--pre").endswith("--pre\nthree\n")
    assert lines.drop(Mark("r.txt", 9, 1)) is None


_WORDS = st.text("abcdefgh-1.=é", min_size=1, max_size=8).filter(lambda w: w[0].isalpha())


@given(st.lists(_WORDS, min_size=2, max_size=6, unique=True), st.data())
def test_dropping_leaves_just_the_others(names: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(names))
    flow = data.draw(st.booleans())
    items = "[" + ", ".join(names) + "]" if flow else "".join(f"\n  - {n} # c" for n in names)
    text = f"name: x\nchannels: {items}\ndependencies: [a]\n"
    marks = parse_environment(text, "e.yml").channels
    edit = EnvText(text).drop(marks[names.index(gone)].mark)
    assert edit is not None
    left = parse_environment(apply_edits(text, [edit]), "e.yml").channels
    assert [line.name for line in left] == [name for name in names if name != gone]
