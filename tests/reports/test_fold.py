from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provision.reports.fold import fold_hosts, natural_key


@pytest.mark.parametrize(
    ("hosts", "folded"),
    [
        ("", ""),
        ("a", "a"),
        ("b a", "a,b"),
        ("gpu01 gpu02 gpu03", "gpu[01-03]"),
        ("gpu01 gpu03 gpu04", "gpu[01,03-04]"),
        ("gpu8 gpu9 gpu10", "gpu[8-10]"),
        ("gpu08 gpu09 gpu10", "gpu[08-10]"),
        ("gpu08 gpu8 gpu09", "gpu[08-09],gpu8"),
        ("node1.example node2.example db", "db,node[1-2].example"),
        ("r1n1 r1n2 r2n1 r2n2", "r[1-2]n[1-2]"),
        ("r1n1 r1n2 r2n1", "r1n[1-2],r2n1"),
        ("10.0.0.1 10.0.0.2", "10.0.0.[1-2]"),
        ("0 1", "[0-1]"),
    ],
)
def test_folded(hosts: str, folded: str) -> None:
    assert fold_hosts(hosts.split()) == folded


def test_a_text_that_would_be_too_long_says_how_many_more() -> None:
    hosts = [f"n{i}" for i in range(0, 40, 2)] + ["alpha"]
    assert fold_hosts(hosts, 24) == "alpha and 20 more"
    assert fold_hosts(hosts[:-1], 24) == "20 hosts"


def _unfolded(text: str) -> set[str]:
    """What a folded text stands for, read by other means."""
    names = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        found = [""]
        for plain, span in re.findall(r"([^\[]+)|\[([^\]]*)\]", part):
            found = [name + more for name in found for more in ([plain] if plain else _span(span))]
        names += found
    return set(names)


def _span(text: str) -> list[str]:
    numbers = []
    for run in text.split(","):
        first, _, last = run.partition("-")
        count = range(int(first), int(last or first) + 1)
        numbers += [str(number).zfill(len(first)) for number in count]
    return numbers


_HOSTS = st.sets(st.from_regex(r"(gpu|r)[0-9]{1,3}(n[0-9]{1,2})?", fullmatch=True), max_size=30)


@given(_HOSTS)
def test_nothing_is_lost_and_nothing_made_up(hosts: set[str]) -> None:
    assert _unfolded(fold_hosts(hosts)) == hosts


def test_natural_order() -> None:
    assert sorted(["gpu10", "gpu2", "db", "gpu1"], key=natural_key) == [
        "db",
        "gpu1",
        "gpu2",
        "gpu10",
    ]
