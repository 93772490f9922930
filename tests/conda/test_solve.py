"""Solves on a channel made for the purpose."""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.conda.channels import Channel, ChannelMap
from provision.conda.envfile import parse_environment
from provision.conda.lock import CondaPackage
from provision.conda.platforms import Platform
from provision.conda.solve import Priority, SolveRequest, solve_conda
from provision.errors import EnvironmentFileError, ProvisionError

from tests.conda.tinychannel import TinyChannel

LINUX = Platform("linux-64", glibc="2.36", kernel="6.1")


def solve(
    specs: list[str],
    channels: list[Channel],
    cache: Path,
    platform: Platform = LINUX,
    priority: Priority = "flexible",
) -> dict[str, CondaPackage]:
    text = "dependencies:\n" + "".join(f"  - {spec!r}\n" for spec in specs)
    asked = parse_environment(text, "environment.yml")
    request = SolveRequest(asked.conda, channels, platform, cache, priority, "environment.yml")
    return {package.name: package for package in solve_conda(request)}


def channel(tiny: TinyChannel) -> list[Channel]:
    return ChannelMap().resolve(tiny.url)


def test_newest_versions_and_their_dependencies(tiny: TinyChannel, cache: Path) -> None:
    found = solve(["numpy"], channel(tiny), cache)
    assert (found["numpy"].version, found["python"].version) == ("2.0.0", "3.11.2")
    assert found["numpy"].url == f"{tiny.url}/linux-64/numpy-2.0.0-py311_0.tar.bz2"
    assert len(found["numpy"].sha256) == 64
    assert found["numpy"].depends == ("python >=3.11,<3.12.0a0",)


def test_an_exact_spec_gets_that_build(tiny: TinyChannel, cache: Path) -> None:
    found = solve(["numpy=1.26.4=py311_0"], channel(tiny), cache)
    assert found["numpy"].build == "py311_0"


def test_virtual_packages_decide(tiny: TinyChannel, cache: Path) -> None:
    gpu = Platform("linux-64", glibc="2.36", kernel="6.1", cuda="12.4")
    assert solve(["torch"], channel(tiny), cache)["torch"].build == "cpu_0"
    assert solve(["torch=2.1.0=cuda*"], channel(tiny), cache, gpu)["torch"].build == "cuda_1"


def test_a_conflict_is_explained_with_the_lines(tiny: TinyChannel, cache: Path) -> None:
    with pytest.raises(EnvironmentFileError) as caught:
        solve(["python", "numpy=2.0.0", "old"], channel(tiny), cache)
    error = caught.value
    assert "old" in error.why
    assert "numpy" in error.why
    marks = [error.mark, *(mark for mark, _ in error.related)]
    assert {mark.line for mark in marks if mark} == {3, 4}


def test_an_unknown_package_is_named_at_its_line(tiny: TinyChannel, cache: Path) -> None:
    with pytest.raises(EnvironmentFileError) as caught:
        solve(["python", "nunpy=2"], channel(tiny), cache)
    assert caught.value.mark is not None
    assert caught.value.mark.line == 3
    assert "no channel has nunpy=2" in caught.value.what
    assert "no package of that name" in caught.value.why


def test_a_build_that_is_gone_names_what_there_is(tiny: TinyChannel, cache: Path) -> None:
    with pytest.raises(EnvironmentFileError) as caught:
        solve(["numpy=1.26.4=py311_7"], channel(tiny), cache)
    assert "1.26.4=py311_1" in caught.value.why


def test_a_missing_driver_is_said(tiny: TinyChannel, cache: Path) -> None:
    with pytest.raises(EnvironmentFileError) as caught:
        solve(["torch=2.1.0=cuda_1"], channel(tiny), cache)
    assert "__cuda" in caught.value.why
    assert "__glibc 2.36" in caught.value.hint


def test_an_exact_export_may_break_todays_metadata(tiny: TinyChannel, cache: Path) -> None:
    specs = ["old=1.0=0", "numpy=2.0.0=py311_0", "python=3.12.1=h1_0"]
    found = solve(specs, channel(tiny), cache)
    assert {name: package.version for name, package in found.items()} == {
        "old": "1.0",
        "numpy": "2.0.0",
        "python": "3.12.1",
    }


def test_channel_order_decides_and_flexible_reaches_below(
    tiny: TinyChannel, cache: Path, tmp_path: Path
) -> None:
    first = TinyChannel(tmp_path / "first")
    first.add("numpy", "1.25.0")
    first.index()
    both = ChannelMap().resolve(first.url) + channel(tiny)
    assert solve(["numpy"], both, cache)["numpy"].version == "1.25.0"
    assert solve(["torch", "new"], both, cache)["numpy"].version == "2.0.0"
    with pytest.raises(EnvironmentFileError):
        solve(["torch", "new"], both, cache, priority="strict")


def test_a_mirror_is_read_and_the_canonical_address_recorded(
    tiny: TinyChannel, cache: Path
) -> None:
    names = ChannelMap("https://alias.example", {"forge": tiny.url})
    found = solve(["forge::six"], names.resolve("forge"), cache)
    assert found["six"].url == "https://alias.example/forge/noarch/six-1.16.0-py_0.tar.bz2"
    assert found["six"].channel == "https://alias.example/forge"


def test_a_channel_that_is_not_there(tmp_path: Path, cache: Path) -> None:
    nowhere = ChannelMap().resolve((tmp_path / "nowhere").as_uri())
    with pytest.raises(ProvisionError, match="cannot read the channels") as caught:
        solve(["numpy"], nowhere, cache)
    assert not isinstance(caught.value, EnvironmentFileError)
