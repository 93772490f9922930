"""Exports as people publish them, locked against channels that have what they ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.conda.locking import Locking, make_locks
from provision.conda.platforms import Platform
from provision.errors import EnvironmentFileError

from tests.conda.exportworld import EXPORTS, ExportWorld, export

pytestmark = pytest.mark.slow  # a solve is a second; here are two dozen
GPU = Platform("linux-64", glibc="2.31", kernel="5.10", cuda="12.4")

#: Exports that cannot be rebuilt as they are: what is said, and at which line.
REFUSED = {
    "latent": ("lies on one machine", 17),
    "llama": ("pip would overwrite conda's ninja", 16),
    "macos-freeze": ("lies on one machine", 11),
    "whisper": ("has no hash", 13),
}
LOCKED = sorted(
    path.stem for path in EXPORTS.glob("*.yml") if not REFUSED.get(path.stem, ("", 0))[1]
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> ExportWorld:
    return ExportWorld(tmp_path_factory.mktemp("world"))


def how(world: ExportWorld, cache: Path) -> Locking:
    return Locking([GPU], world.channels, index_url=world.index.url, accept_terms=True, cache=cache)


@pytest.mark.parametrize("name", LOCKED)
def test_the_same_bytes_run_after_run(world: ExportWorld, name: str, tmp_path: Path) -> None:
    file = export(name)
    path = Path(file.path)
    first = make_locks(file, path, how(world, tmp_path / "a"))
    second = make_locks(export(name), path, how(world, tmp_path / "b"))
    assert first.to_yaml() == second.to_yaml()
    packages = {package.name: package for package in first.locks[0].conda}
    for spec in file.conda:
        if spec.exact:
            package = packages[spec.name]
            assert (package.version, package.build) == (spec.version, spec.build)
        assert len(packages[spec.name].sha256) == 64
    pip = {package.name: package for package in first.locks[0].pip}
    for line in file.pip_packages:
        if line.name not in packages:
            assert pip[line.name].version == (line.version or "1.0")
            assert pip[line.name].hashes


@pytest.mark.parametrize("name", sorted(set(REFUSED) - set(LOCKED)))
def test_what_cannot_be_rebuilt_is_said_with_its_line(
    world: ExportWorld, name: str, tmp_path: Path
) -> None:
    what, line = REFUSED[name]
    with pytest.raises(EnvironmentFileError, match=what) as caught:
        make_locks(export(name), EXPORTS / f"{name}.yml", how(world, tmp_path))
    assert caught.value.mark is not None
    assert caught.value.mark.line == line
