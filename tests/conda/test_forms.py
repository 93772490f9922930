"""Other tools' locks: what is written is read back the same, and what they write is understood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.conda.channels import ChannelMap
from provision.conda.complete import complete
from provision.conda.envfile import EnvironmentFile, parse_environment
from provision.conda.forms import FORMATS, form_path, form_text, read_input, read_locks
from provision.conda.lock import CondaPackage, Lock, PipPackage
from provision.conda.lockfile import Asked, LockFile
from provision.conda.locking import Locking, make_locks, platform_of, platform_words
from provision.conda.platforms import Platform
from provision.errors import EnvironmentFileError

from tests.conda.tinychannel import TinyChannel
from tests.conda.tinyindex import TinyIndex

LINUX = Platform("linux-64", glibc="2.31", kernel="5.10", cuda="12.4")
FORGE = "https://conda.example/forge"
SHA = "ab" * 32


@pytest.fixture(scope="module")
def made(
    tiny: TinyChannel, index: TinyIndex, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LockFile]:
    """A lock of conda and pip packages, from an index that others could reach."""
    if not (tiny.root / "noarch/pip-25.0-0.tar.bz2").exists():
        tiny.add("pip", "25.0", depends=["python"], subdir="noarch")
        tiny.index()
    text = (
        f"channels: [{tiny.url}]\ndependencies:\n  - numpy=1.26.4\n  - pip\n"
        "  - pip:\n    - tool\n    - native\n"
    )
    file = parse_environment(text, "bert.yml")
    with index.served() as url:
        cache = tmp_path_factory.mktemp("cache")
        how = Locking([LINUX], index_url=url, cache=cache)
        yield make_locks(file, Path("bert.yml"), how)


@pytest.mark.parametrize("form", FORMATS)
def test_each_form_says_the_same(made: LockFile, form: str, tmp_path: Path) -> None:
    path = tmp_path / form_path(Path("bert.yml"), form, "linux-64").name
    path.write_text(form_text(made, form))
    assert form_text(made, form) == path.read_text()
    back = read_locks(path)
    how = Locking([], cache=tmp_path / "cache")
    again = make_locks(back, path, how)
    assert again.locks[0].content == made.locks[0].content
    assert again.locks[0].packages() == made.locks[0].packages()
    assert [p.depends for p in again.locks[0].conda] == [p.depends for p in made.locks[0].conda]


def test_ours_is_read_back_whole(made: LockFile, tmp_path: Path) -> None:
    path = tmp_path / "bert.lock.yml"
    path.write_text(made.to_yaml())
    back = read_locks(path)
    assert (back.asked, back.locks) == (made.asked, made.locks)
    assert back.to_yaml() == made.to_yaml()
    assert platform_of(back.locks[0]) == LINUX
    assert platform_words(LINUX) == "linux-64 (glibc 2.31, CUDA 12.4)"


def test_a_lock_knows_what_was_asked_for(made: LockFile) -> None:
    lock = made.locks[0]
    assert (lock.requested, lock.requested_pip) == (("numpy=1.26.4", "pip"), ("tool", "native"))


def test_a_list_of_conda_with_md5_gets_what_it_lacks(
    tiny: TinyChannel, made: LockFile, tmp_path: Path
) -> None:
    path = tmp_path / "spec-file.txt"
    lines = [f"{p.url}#{p.md5}" for p in made.locks[0].conda]
    head = "# This file may be used to create an environment using:\n# platform: linux-64\n"
    path.write_text(head + "@EXPLICIT\n" + "\n".join(lines) + "\n")
    lock = make_locks(read_locks(path), path, Locking([], cache=tmp_path)).locks[0]
    assert {p.url: p.sha256 for p in lock.conda} == {
        p.url: p.sha256 for p in made.locks[0].conda
    }  # fmt: skip
    path.write_text("@EXPLICIT\n" + lines[0].partition("#")[0] + "#" + "0" * 32 + "\n")
    with pytest.raises(EnvironmentFileError, match="not what it was"):
        make_locks(read_locks(path), path, Locking([], cache=tmp_path))


def test_a_package_that_no_channel_lists_any_more(tiny: TinyChannel, tmp_path: Path) -> None:
    gone = CondaPackage("numpy", "1.2.3", "h0_9", tiny.url, "linux-64",
                        f"{tiny.url}/linux-64/numpy-1.2.3-h0_9.conda")  # fmt: skip
    lock = Lock("", "linux-64", (), (tiny.url,), (gone,))
    with pytest.raises(
        EnvironmentFileError, match=r"no channel lists numpy 1\.2\.3 h0_9"
    ) as caught:
        complete(lock, ChannelMap(), tmp_path)
    assert "include-unavailable" in caught.value.hint
    known = Lock("", "linux-64", (), (tiny.url,), (
        CondaPackage(gone.name, gone.version, gone.build, gone.channel, gone.subdir, gone.url, SHA),
    ))  # fmt: skip
    done = complete(known, ChannelMap(), tmp_path)
    assert [p.name for p in done.unlisted] == ["numpy"]
    assert done.lock.conda[0].sha256 == SHA


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("@EXPLICIT\nnot-a-package\n", "is no package's address"),
        ("@EXPLICIT\n", "names no package"),
        (f"@EXPLICIT\n{FORGE}/linux-64/a-1-0.conda\n{FORGE}/linux-64/a-2-0.conda\n", "twice"),
        (f"@EXPLICIT\n{FORGE}/linux-64/a-1-0.conda\n{FORGE}/osx-64/b-2-0.conda\n", "several"),
    ],
)
def test_explicit_lists_that_make_no_sense(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(EnvironmentFileError, match=what):
        read_locks(path)


def test_tokens_in_addresses_are_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"@EXPLICIT\nhttps://conda.example/t/tk-1/forge/noarch/a-1-0.conda#{SHA}\n")
    package = read_locks(path).locks[0].conda[0]
    assert (package.url, package.channel, package.sha256) == (
        f"{FORGE}/noarch/a-1-0.conda", FORGE, SHA,
    )  # fmt: skip


CONDA_LOCK = f"""\
version: 1
metadata:
  content_hash: {{linux-64: abc}}
  channels:
  - url: forge
    used_env_vars: []
  platforms: [linux-64, osx-arm64]
  sources: [environment.yml]
package:
- name: numpy
  version: 1.26.4
  manager: conda
  platform: linux-64
  dependencies: {{python: '>=3.11,<3.12.0a0', libblas: '>=3.9.0,<4.0a0'}}
  url: {FORGE}/linux-64/numpy-1.26.4-py311_0.conda
  hash: {{md5: {"cd" * 16}, sha256: {SHA}}}
  category: main
  optional: false
- name: pytest
  version: '8.0'
  manager: pip
  platform: linux-64
  dependencies: {{}}
  url: https://files.example/pytest-8.0-py3-none-any.whl
  hash: {{sha256: {SHA}}}
  category: dev
  optional: true
- name: Tool_x
  version: '1.0'
  manager: pip
  platform: linux-64
  dependencies: {{}}
  url: https://files.example/Tool_x-1.0-py3-none-any.whl
  hash: {{sha256: {SHA}}}
  category: main
  optional: false
"""


def test_what_conda_lock_writes(tmp_path: Path) -> None:
    path = tmp_path / "conda-lock.yml"
    path.write_text(CONDA_LOCK)
    lock, other = read_locks(path).locks
    assert (lock.platform, lock.channels) == ("linux-64", (FORGE,))
    assert lock.conda[0] == CondaPackage(
        "numpy", "1.26.4", "py311_0", FORGE, "linux-64",
        f"{FORGE}/linux-64/numpy-1.26.4-py311_0.conda", SHA, "cd" * 16,
        depends=("python >=3.11,<3.12.0a0", "libblas >=3.9.0,<4.0a0"),
    )  # fmt: skip
    assert lock.pip == (
        PipPackage("tool-x", "1.0", (f"sha256:{SHA}",), "Tool_x-1.0-py3-none-any.whl",
                   "https://files.example/Tool_x-1.0-py3-none-any.whl", sha256=SHA),
    )  # fmt: skip
    assert other.platform == "osx-arm64"
    path.write_text(CONDA_LOCK.replace("version: 1\n", "version: 7\n", 1))
    with pytest.raises(EnvironmentFileError, match="version 7 is not read"):
        read_locks(path)
    path.write_text(CONDA_LOCK.replace("  url: " + FORGE, "  uri: " + FORGE, 1))
    with pytest.raises(EnvironmentFileError, match="damaged"):
        read_locks(path)


PIXI = f"""\
version: 6
environments:
  default:
    channels:
    - url: {FORGE}/
    indexes: ["https://index.example/simple"]
    packages:
      linux-64:
      - conda: {FORGE}/linux-64/numpy-1.26.4-py311_0.conda
      - pypi: https://files.example/tool-1.0-py3-none-any.whl
  gpu:
    channels:
    - url: {FORGE}/
    packages:
      linux-64:
      - conda: {FORGE}/linux-64/numpy-1.26.4-py311_0.conda
packages:
- conda: {FORGE}/linux-64/numpy-1.26.4-py311_0.conda
  sha256: {SHA}
  md5: {"cd" * 16}
  depends: ["python >=3.11,<3.12.0a0"]
  size: 7
- pypi: https://files.example/tool-1.0-py3-none-any.whl
  name: tool
  version: '1.0'
  sha256: {SHA}
"""


def test_what_pixi_writes(tmp_path: Path) -> None:
    path = tmp_path / "pixi.lock"
    path.write_text(PIXI)
    lock = read_locks(path).locks[0]
    assert lock.conda[0] == CondaPackage(
        "numpy", "1.26.4", "py311_0", FORGE, "linux-64",
        f"{FORGE}/linux-64/numpy-1.26.4-py311_0.conda", SHA, "cd" * 16, 7,
        ("python >=3.11,<3.12.0a0",),
    )  # fmt: skip
    assert [(p.name, p.hashes) for p in lock.pip] == [("tool", (f"sha256:{SHA}",))]
    assert read_locks(path, "gpu").locks[0].pip == ()
    with pytest.raises(EnvironmentFileError, match="no environment 'cpu'") as caught:
        read_locks(path, "cpu")
    assert caught.value.hint == "it has default, gpu"
    path.write_text(PIXI.replace("version: 6", "version: 99"))
    with pytest.raises(EnvironmentFileError, match="cannot read the lock"):
        read_locks(path)


def test_lists_of_names_are_something_to_solve(tmp_path: Path) -> None:
    export = tmp_path / "export.txt"
    export.write_text("# platform: linux-64\nnumpy=1.26.4=py311_0\ntool=1.0=pypi_0\n")
    found = read_input(export)
    assert isinstance(found, EnvironmentFile)
    assert [spec.text for spec in found.conda] == ["numpy=1.26.4=py311_0"]
    assert [line.text for line in found.pip] == ["tool==1.0"]
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("tool==1.0  # x\n-r more.txt\n")
    (tmp_path / "more.txt").write_text("helper\n")
    found = read_input(requirements, python="3.11")
    assert isinstance(found, EnvironmentFile)
    assert [spec.text for spec in found.conda] == ["python=3.11"]
    assert [line.text for line in found.pip] == ["tool==1.0", "helper"]
    with pytest.raises(EnvironmentFileError, match="something to solve"):
        read_locks(requirements)


def test_forms_that_name_files_need_addresses(tmp_path: Path) -> None:
    pip = PipPackage("tool", "1.0", (f"sha256:{SHA}",))
    conda = CondaPackage("a", "1", "0", FORGE, "linux-64", f"{FORGE}/linux-64/a-1-0.conda", SHA)
    whole = LockFile(Asked(), (Lock("", "linux-64", (), (FORGE,), (conda,), (pip,)),))
    for form in ("conda-lock", "pixi"):
        with pytest.raises(EnvironmentFileError, match=f"tool 1.0 cannot be written in {form}"):
            form_text(whole, form)
    both = LockFile(Asked(), (whole.locks[0], Lock("", "linux-aarch64", (), (), ())))
    with pytest.raises(EnvironmentFileError, match="for one platform"):
        form_text(both, "explicit")
