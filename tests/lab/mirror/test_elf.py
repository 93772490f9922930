"""Objects built for a newer glibc, made to load on an older one."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from provision.errors import LabError
from provision.lab.mirror.elf import Elf, is_elf, lower_requirements, needed_glibc
from provision.lab.mirror.thunks import SYSTEM_CALLS, SystemCall, shared_object

_PROGRAM = Path("/usr/bin/env")
_NEW = needed_glibc(_PROGRAM.read_bytes()) > (2, 31)
newer_glibc = pytest.mark.skipif(not _NEW, reason="this machine's programs suit glibc 2.31")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    target = tmp_path / "env"
    shutil.copy2(_PROGRAM, target)
    return target


@newer_glibc
def test_a_lowered_program_asks_for_the_floor_and_still_runs(program: Path) -> None:
    needs = lower_requirements(program)
    assert needs is not None
    assert needed_glibc(program.read_bytes()) <= (2, 31)
    assert subprocess.run([program, "echo", "alive"], capture_output=True).stdout == b"alive\n"


@newer_glibc
def test_lowering_twice_changes_nothing(program: Path) -> None:
    lower_requirements(program)
    once = program.read_bytes()
    assert lower_requirements(program) is None
    assert program.read_bytes() == once


@newer_glibc
def test_an_import_without_a_stand_in_is_refused(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = program.read_bytes()
    monkeypatch.setattr("provision.lab.mirror.elf.KNOWN", {})
    with pytest.raises(LabError, match=r"env imports __libc_start_main of GLIBC_2\.34"):
        lower_requirements(program)
    assert program.read_bytes() == before


def test_what_is_an_elf_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    (tmp_path / "link").symlink_to(_PROGRAM)
    assert is_elf(_PROGRAM.resolve())
    assert not is_elf(tmp_path / "text")
    assert not is_elf(tmp_path / "link")
    assert not is_elf(tmp_path / "missing")
    with pytest.raises(LabError, match="not a 64-bit little-endian ELF"):
        Elf(b"#!/bin/sh\n" * 20, "text")


@pytest.fixture
def thunks(tmp_path: Path) -> ctypes.CDLL:
    path = tmp_path / "libthunks.so"
    text = {"demo_text": b"/a/prefix/share"}
    path.write_bytes(shared_object("libthunks.so", SYSTEM_CALLS, text))
    return ctypes.CDLL(str(path), use_errno=True)


@pytest.mark.skipif(sys.maxsize < 2**32, reason="x86-64 only")
def test_thunks_answer_as_libc_does(thunks: ctypes.CDLL, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1234)
    (tmp_path / "link").symlink_to(file)
    buffer = ctypes.create_string_buffer(256)

    def size() -> int:
        return int.from_bytes(buffer.raw[48:56], "little")

    assert thunks.stat64(os.fsencode(tmp_path / "link"), buffer) == 0
    assert size() == 1234
    assert thunks.lstat(os.fsencode(tmp_path / "link"), buffer) == 0
    assert size() == len(os.fsencode(file))
    assert thunks.fstatat64(-100, os.fsencode(tmp_path / "link"), buffer, 0x100) == 0
    assert size() == len(os.fsencode(file))
    assert thunks.mknod(os.fsencode(tmp_path / "pipe"), 0o010600, 0) == 0
    assert (tmp_path / "pipe").is_fifo()


def test_thunks_set_errno(thunks: ctypes.CDLL) -> None:
    buffer = ctypes.create_string_buffer(256)
    assert thunks.stat(b"/no/such/file", buffer) == -1
    assert ctypes.get_errno() == 2


def test_random_bytes_fill_the_whole_buffer(thunks: ctypes.CDLL) -> None:
    buffer = ctypes.create_string_buffer(200)
    thunks.arc4random_buf(buffer, 200)
    assert buffer.raw[192:] != bytes(8)


def test_strings_are_exported_as_data(thunks: ctypes.CDLL) -> None:
    place = ctypes.addressof(ctypes.c_char.in_dll(thunks, "demo_text"))
    assert ctypes.string_at(place) == b"/a/prefix/share"


def test_too_many_functions_for_the_layout() -> None:
    calls = {f"call_{number}": SystemCall(39) for number in range(2000)}
    with pytest.raises(ValueError, match="does not fit"):
        shared_object("libbig.so", calls)
