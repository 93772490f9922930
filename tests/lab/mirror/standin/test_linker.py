"""Prefixes in texts, scripts and binaries."""

from __future__ import annotations

import pytest
from provision.lab.mirror.standin.errors import CondaError
from provision.lab.mirror.standin.linker import replace_prefix

OLD = "/" + "placehold_" * 20


def test_text() -> None:
    text = f"home = {OLD}/share\nagain = {OLD}\n".encode()
    assert replace_prefix(text, "text", OLD, "/opt/e") == b"home = /opt/e/share\nagain = /opt/e\n"


def test_binary_strings_keep_their_length_and_neighbours() -> None:
    data = b"\x7fELF\0before\0" + f"{OLD}/lib:{OLD}/bin".encode() + b"\0\0after\0"
    made = replace_prefix(data, "binary", OLD, "/opt/e")
    assert len(made) == len(data)
    assert b"\0/opt/e/lib:/opt/e/bin\0" in made
    assert made.endswith(b"\0after\0")


def test_a_prefix_longer_than_the_room_for_it() -> None:
    with pytest.raises(CondaError, match="too short"):
        replace_prefix(f"{OLD}\0".encode(), "binary", OLD, "/" + "x" * 300)


def test_a_first_line_too_long_for_the_kernel() -> None:
    script = f"#!{OLD}/bin/python3.11 -E\nprint(1)\n".encode()
    long = "/srv/" + "x" * 130
    assert replace_prefix(script, "text", OLD, long) == b"#!/usr/bin/env python3.11 -E\nprint(1)\n"
    short = replace_prefix(script, "text", OLD, "/opt/e")
    assert short.startswith(b"#!/opt/e/bin/python3.11 -E\n")
