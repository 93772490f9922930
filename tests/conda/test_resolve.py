"""Environment file to lock: both solvers, the cache, determinism."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from provision.conda import resolve as resolving
from provision.conda.envfile import parse_environment
from provision.conda.explicit import explicit_text
from provision.conda.indexes import Indexes
from provision.conda.lock import Lock, load_lock
from provision.conda.platforms import Platform
from provision.conda.resolve import Resolution, resolve
from provision.conda.schema import lock_schema
from provision.errors import EnvironmentFileError, ProvisionError

from tests.conda.tinychannel import TinyChannel
from tests.conda.tinyindex import TinyIndex

LINUX = Platform("linux-64", glibc="2.36", kernel="6.1")


def ask(tiny: TinyChannel, index: TinyIndex, dependencies: str, **more: Any) -> Resolution:
    text = f"channels: [{tiny.url}]\ndependencies:\n{dependencies}"
    file = parse_environment(text, "environment.yml")
    return Resolution(**{
        "file": file, "platform": LINUX, "indexes": Indexes(url=index.url), **more,
    })  # fmt: skip


WITH_PIP = "  - numpy=1.26.4\n  - pip:\n    - tool\n    - native\n"


@pytest.fixture(autouse=True)
def with_pip(tiny: TinyChannel) -> None:
    """The tiny channel has a pip, as every channel with a python has."""
    if not (tiny.root / "noarch/pip-25.0-0.tar.bz2").exists():
        tiny.add("pip", "25.0", depends=["python"], subdir="noarch")
        tiny.index()


def test_the_whole_closure_with_hashes(tiny: TinyChannel, index: TinyIndex, cache: Path) -> None:
    lock = resolve(ask(tiny, index, WITH_PIP), cache)
    assert {p.name for p in lock.conda} == {"numpy", "python", "pip"}
    pip = {p.name: p for p in lock.pip}
    assert {name: p.version for name, p in pip.items()} == {
        "tool": "1.1",
        "helper": "1.5",
        "native": "1.0",
    }
    assert pip["native"].file == "native-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert len(pip["native"].hashes) == 1
    assert pip["native"].hashes[0].startswith("sha256:")


def test_pip_must_fit_what_conda_brings(tiny: TinyChannel, index: TinyIndex, cache: Path) -> None:
    asked = ask(tiny, index, "  - numpy=1.26.4\n  - pip:\n    - helper\n    - modern\n")
    with pytest.raises(EnvironmentFileError) as caught:
        resolve(asked, cache)
    assert "numpy" in caught.value.why
    assert str(caught.value.mark) == "environment.yml:6:7"


def test_pip_over_conda_is_an_error(tiny: TinyChannel, index: TinyIndex, cache: Path) -> None:
    asked = ask(tiny, index, "  - numpy=1.26.4\n  - pip:\n    - numpy==2.1.0\n")
    with pytest.raises(EnvironmentFileError, match=r"overwrite conda's numpy 1\.26\.4") as caught:
        resolve(asked, cache)
    assert str(caught.value.mark) == "environment.yml:5:7"


def test_a_pinned_export_is_taken_as_it_is(
    tiny: TinyChannel, index: TinyIndex, cache: Path
) -> None:
    pinned = "  - numpy=2.0.0\n  - pip:\n    - tool==1.0\n    - helper==1.5\n"
    lock = resolve(ask(tiny, index, pinned), cache)
    assert [(p.name, p.version) for p in lock.pip] == [("helper", "1.5"), ("tool", "1.0")]
    assert not lock.pip_consistent
    loose = pinned.replace("=2.0.0", ">=2")
    with pytest.raises(EnvironmentFileError, match="nothing fulfils"):
        resolve(ask(tiny, index, loose), cache)


@pytest.mark.parametrize("line", ["git+https://git.example/x", "-e .", "./x.whl"])
def test_what_cannot_be_rebuilt_is_refused(
    tiny: TinyChannel, index: TinyIndex, cache: Path, line: str
) -> None:
    asked = ask(tiny, index, f"  - python\n  - pip:\n    - {line}\n")
    with pytest.raises(EnvironmentFileError) as caught:
        resolve(asked, cache)
    assert str(caught.value.mark) == "environment.yml:5:7"


def test_an_index_that_is_not_there(tiny: TinyChannel, cache: Path, tmp_path: Path) -> None:
    nowhere = TinyIndex(tmp_path / "nowhere")
    asked = ask(tiny, nowhere, "  - python\n  - pip:\n    - tool\n")
    with pytest.raises(ProvisionError):
        resolve(asked, cache)


def test_the_same_bytes_each_time(tiny: TinyChannel, index: TinyIndex, tmp_path: Path) -> None:
    asked = ask(tiny, index, WITH_PIP)
    first = resolve(asked, tmp_path / "a")
    second = resolve(asked, tmp_path / "b")
    assert first.to_yaml() == second.to_yaml()
    assert first.to_json() == second.to_json()


def test_an_unchanged_file_is_not_solved_again(
    tiny: TinyChannel, index: TinyIndex, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(tiny, index, "  - six\n")
    first = resolve(asked, cache)

    def refuse(*_: object) -> None:
        raise AssertionError("solved again")

    monkeypatch.setattr(resolving, "solve_conda", refuse)
    assert resolve(asked, cache) == first
    other = dataclasses.replace(asked, platform=Platform("linux-64", glibc="2.31", kernel="5.10"))
    with pytest.raises(AssertionError, match="solved again"):
        resolve(other, cache)


def test_a_damaged_cache_entry_is_solved_anew(
    tiny: TinyChannel, index: TinyIndex, cache: Path
) -> None:
    asked = ask(tiny, index, "  - six\n")
    first = resolve(asked, cache)
    place = cache / "locks" / f"{asked.key()}.json"
    place.write_text(place.read_text()[:-40])
    assert resolve(asked, cache) == first
    place.write_text(place.read_text().replace("1.16.0", "6.6.6"))
    assert resolve(asked, cache) == first


def test_default_channels_need_a_word(index: TinyIndex) -> None:
    file = parse_environment("channels:\n  - defaults\ndependencies: [numpy]\n", "e.yml")
    with pytest.raises(EnvironmentFileError, match="terms of service") as caught:
        Resolution(file, LINUX).key()
    assert str(caught.value.mark) == "e.yml:2:5"
    assert Resolution(file, LINUX, accept_terms=True).key()


def test_content_is_about_what_ends_up_on_disk(
    tiny: TinyChannel, index: TinyIndex, cache: Path
) -> None:
    one = resolve(ask(tiny, index, "  - six\n"), cache)
    other = resolve(ask(tiny, index, "  - six\n  - python\n"), cache)
    assert one.asked != other.asked
    assert one.content == other.content
    assert one.generation("demo") == f"demo-{one.content[:12]}"
    changed = dataclasses.replace(one, variables={"A": "1"})
    assert changed.content != one.content


def test_text_forms_and_schema(tiny: TinyChannel, index: TinyIndex, cache: Path) -> None:
    lock = resolve(ask(tiny, index, WITH_PIP), cache)
    jsonschema.validate(lock.data(), lock_schema())
    for text in (lock.to_yaml(), lock.to_json()):
        again: Lock = load_lock(text, "x.lock.yml")
        assert again == lock
        assert again.packages_digest() == lock.packages_digest()


def test_a_lock_changed_by_hand_is_refused(
    tiny: TinyChannel, index: TinyIndex, cache: Path
) -> None:
    lock = resolve(ask(tiny, index, "  - six\n"), cache)
    data = json.loads(lock.to_json())
    data["conda"][0]["sha256"] = "0" * 64
    with pytest.raises(EnvironmentFileError, match="changed by hand"):
        load_lock(json.dumps(data), "x.lock")
    with pytest.raises(EnvironmentFileError, match="version 99"):
        load_lock(json.dumps({**data, "version": 99}), "x.lock")


def test_explicit_text_has_hashes_and_dependencies_first(
    tiny: TinyChannel, index: TinyIndex, cache: Path
) -> None:
    lock = resolve(ask(tiny, index, "  - numpy=1.26.4=py311_0\n"), cache)
    lines = explicit_text(lock.conda, lock.platform).splitlines()
    assert lines[:2] == ["# platform: linux-64", "@EXPLICIT"]
    assert [line.rpartition("/")[2].partition("#")[0] for line in lines[2:]] == [
        "python-3.11.2-h1_0.tar.bz2",
        "numpy-1.26.4-py311_0.tar.bz2",
    ]
    assert all("#sha256:" in line for line in lines[2:])
