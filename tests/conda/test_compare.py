"""Differences between package sets."""

from __future__ import annotations

from provision.agent import condaset
from provision.conda.compare import Change, compare, from_difference
from provision.conda.lock import CondaPackage, Lock, PipPackage

FORGE = "https://conda.example/conda-forge/linux-64"
LOCK = Lock(
    asked="0" * 64,
    platform="linux-64",
    virtual_packages=(),
    channels=("https://conda.example/conda-forge",),
    conda=(
        CondaPackage(
            "numpy", "1.26.4", "py311_0", "https://conda.example/conda-forge", "linux-64",
            f"{FORGE}/numpy-1.26.4-py311_0.conda", sha256="a" * 64,
        ),
    ),
    pip=(PipPackage("magika", "0.6.1", ("sha256:" + "b" * 64,)),),
)  # fmt: skip
WHOLE = {
    "conda:numpy": ["1.26.4", "py311_0", FORGE, "a" * 64],
    "pip:magika": ["0.6.1", "", "", ""],
}


def test_equal_sets() -> None:
    assert compare(WHOLE, LOCK) == []
    assert condaset.set_digest(WHOLE) == LOCK.packages_digest()


def test_what_a_record_does_not_say_is_no_difference() -> None:
    old = {**WHOLE, "conda:numpy": ["1.26.4", "py311_0", "?", ""]}
    assert compare(old, LOCK) == []


def test_each_kind() -> None:
    def kinds(**changed: object) -> list[tuple[str, str]]:
        observed = {k.replace("_", ":"): v for k, v in changed.items() if v}
        rest = {k: v for k, v in WHOLE.items() if k.replace(":", "_") not in changed}
        return [(c.kind, c.name) for c in compare({**rest, **observed}, LOCK)]  # type: ignore[dict-item]

    assert kinds(conda_numpy=None) == [("missing", "numpy")]
    assert kinds(pip_torch=["2.0", "", "", ""]) == [("extra", "torch")]
    assert kinds(conda_numpy=["2.0", "py311_0", FORGE, ""]) == [("version", "numpy")]
    assert kinds(conda_numpy=["1.26.4", "py311_9", FORGE, ""]) == [("build", "numpy")]
    other = ["1.26.4", "py311_0", "https://other.example/linux-64", "a" * 64]
    assert kinds(conda_numpy=other) == [("source", "numpy")]
    assert kinds(conda_numpy=["1.26.4", "py311_0", FORGE, "c" * 64]) == [("source", "numpy")]
    assert kinds(pip_magika=["0.6.1", "", "git+https://g.example/x@1", ""]) == [
        ("source", "magika")
    ]


def test_conda_and_pip_are_told_apart() -> None:
    both = {**WHOLE, "pip:numpy": ["2.0", "", "", ""]}
    assert compare(both, LOCK) == [Change("extra", "pip", "numpy", "2.0", None)]


def test_words() -> None:
    missing = compare({}, LOCK)
    assert [str(change) for change in missing] == [
        "conda package numpy 1.26.4 py311_0 is missing",
        "pip package magika 0.6.1 is missing",
    ]


def test_other_lines_of_a_diff_are_no_packages() -> None:
    assert from_difference({"key": "generation", "before": None, "after": "x"}) is None
    assert from_difference({"key": "variable A", "before": "1", "after": "2"}) is None


def test_sources_lose_file_name_and_credentials() -> None:
    url = "https://me:pw@h.example/t/tk-1/team/linux-64/a-1-0.conda#sha256:00"
    assert condaset.plain_source(url) == "https://h.example/team/linux-64"
    assert condaset.plain_source("file:///c/linux-64/a-1-0.conda") == "file:///c/linux-64"
