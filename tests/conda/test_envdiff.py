"""How environments differ, whatever they are told by."""

from __future__ import annotations

from typing import Any

import pytest
from provision.conda.envdiff import (
    Difference,
    Side,
    differences,
    side_of_file,
    side_of_lock,
    side_of_read,
)
from provision.conda.envfile import parse_environment
from provision.conda.lock import CondaPackage, Lock, PipPackage

FORGE = "https://conda.example/forge"
PACKAGES: dict[str, list[str]] = {
    "conda:numpy": ["1.26.4", "py311_0", f"{FORGE}/linux-64", "a" * 64],
    "conda:python": ["3.11.2", "h0_0", f"{FORGE}/linux-64", "b" * 64],
    "pip:tool": ["1.0", "", "", ""],
}


def env(**more: Any) -> Side:
    return side_of_read({"packages": PACKAGES, "facts": {"machine": "x86_64"}, **more}, "h:e")


def other(key: str, *entry: str) -> Side:
    return Side("b", {**PACKAGES, key: list(entry)}, changed={}, variables={})


def file(dependencies: str, head: str = "") -> Side:
    text = f"{head}dependencies:\n{dependencies}"
    return side_of_file(parse_environment(text, "e.yml"), "e.yml")


def words(a: Side, b: Side) -> list[tuple[str, str]]:
    return [(item.kind, item.name) for item in differences(a, b)]


def test_the_same_is_the_same() -> None:
    assert differences(env(), env()) == []


@pytest.mark.parametrize(
    ("key", "entry", "kind"),
    [
        ("conda:numpy", ("2.0.0", "py311_0", f"{FORGE}/linux-64", "c" * 64), "version"),
        ("conda:numpy", ("1.26.4", "py311_1", f"{FORGE}/linux-64", "c" * 64), "build"),
        ("conda:numpy", ("1.26.4", "py311_0", "https://other.example/linux-64", ""), "source"),
        ("conda:numpy", ("1.26.4", "py311_0", f"{FORGE}/linux-64", "c" * 64), "source"),
        ("pip:tool", ("1.0", "", "git+https://git.example/tool@abc", ""), "source"),
        ("pip:new", ("1.0", "", "", ""), "extra"),
    ],
)
def test_each_kind(key: str, entry: tuple[str, ...], kind: str) -> None:
    assert words(env(), other(key, *entry)) == [(kind, key.partition(":")[2])]
    turned = "missing" if kind == "extra" else kind
    assert words(other(key, *entry), env()) == [(turned, key.partition(":")[2])]


def test_a_lock_and_a_host() -> None:
    conda = tuple(
        CondaPackage(key[6:], e[0], e[1], FORGE, "linux-64", f"{e[2]}/{key[6:]}.conda", e[3])
        for key, e in PACKAGES.items() if key.startswith("conda:")
    )  # fmt: skip
    lock = Lock("", "linux-64", (), (FORGE,), conda, (PipPackage("tool", "1.0", ()),))
    assert differences(side_of_lock(lock, "x.lock.yml"), env()) == []
    changed = env(changed={"lib/x.py": "d" * 64, "bin/y": None}, problems=["a record is damaged"])
    assert [(d.name, d.a, d.b) for d in differences(side_of_lock(lock, "x"), changed)] == [
        ("a record is damaged", "as installed", "missing"),
        ("bin/y", "as installed", "missing"),
        ("lib/x.py", "as installed", "changed sha256:dddddddddddd"),
    ]


def test_files_changed_alike_on_both_are_no_difference() -> None:
    one, two = env(changed={"x": "a" * 64}), env(changed={"x": "b" * 64})
    assert differences(one, one) == []
    assert words(one, two) == [("file", "x")]


def test_variables_are_told_without_values() -> None:
    found = differences(env(variables={"A": "1", "B": "x"}), env(variables={"B": "y"}))
    assert [(d.name, d.a, d.b) for d in found] == [
        ("A", "set", "none"), ("B", "one value", "another value"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("numpy", ""),
        ("numpy>=1.26,<2", ""),
        ("numpy=1.26", ""),
        ("numpy=1.26.4=py311_0", ""),
        ("numpy=1.26.4=py311*", ""),
        ("numpy>=2", "version"),
        ("numpy=1.26.4=py311_9", "build"),
        ("numpy=1.26=py39*", "build"),
        ("numpy=1.25.0=py311_0", "version"),
        ("forge::numpy", ""),
        ("defaults::numpy", "source"),
        ("scipy", "missing"),
    ],
)
def test_a_spec_and_what_is_installed(line: str, kind: str) -> None:
    name = line.partition("::")[2] or line
    expected = [(kind, "scipy" if name == "scipy" else "numpy")] if kind else []
    assert words(file(f"  - {line}\n  - python\n"), env()) == expected


def test_an_export_tells_what_is_too_much_and_a_wish_does_not() -> None:
    export = "  - python=3.11.2=h0_0\n  - pip:\n    - tool==1.0\n"
    assert words(file(export), env()) == [("extra", "numpy")]
    assert words(env(), file(export)) == [("missing", "numpy")]
    assert words(file("  - python\n"), env()) == []


def test_pip_lines() -> None:
    assert words(file("  - python\n  - pip:\n    - tool==2.0\n"), env()) == [("version", "tool")]
    assert words(file("  - python\n  - pip:\n    - numpy\n"), env()) == []  # conda's
    git = file("  - python\n  - pip:\n    - tool @ git+https://git.example/tool@abc\n")
    assert words(git, env()) == [("source", "tool")]
    there = other("pip:tool", "1.0", "", "git+https://git.example/tool@abc", "")
    assert words(git, there) == []
    assert words(file("  - python\n  - pip:\n    - ruff\n"), env()) == [("missing", "ruff")]


def test_two_files() -> None:
    one = file("  - python=3.11\n  - numpy\n  - pip:\n    - tool==1.0\n")
    two = file("  - python=3.12\n  - pip:\n    - tool==1.0\n    - more\n")
    assert words(one, two) == [("missing", "numpy"), ("version", "python"), ("extra", "more")]


def test_as_json() -> None:
    item = Difference("version", "conda", "numpy", "1.26.4", "2.0.0")
    assert item.to_json() == {
        "type": "difference", "kind": "version", "manager": "conda", "name": "numpy",
        "a": "1.26.4", "b": "2.0.0",
    }  # fmt: skip
