"""Fixtures of the conda tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conda.tinychannel import TinyChannel
from tests.conda.tinyindex import TinyIndex


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyChannel:
    """python, numpy 1.26.4 and 2.0.0, torch in a CUDA and a CPU build, and a conflict."""
    channel = TinyChannel(tmp_path_factory.mktemp("channel") / "tiny")
    channel.add("python", "3.11.2", "h1_0")
    channel.add("python", "3.12.1", "h1_0")
    for version in ("1.26.4", "2.0.0"):
        channel.add("numpy", version, "py311_0", depends=["python >=3.11,<3.12.0a0"])
    channel.add("numpy", "1.26.4", "py311_1", depends=["python >=3.11,<3.12.0a0"])
    channel.add("six", "1.16.0", "py_0", depends=["python"], subdir="noarch")
    channel.add("old", "1.0", depends=["numpy <2"])
    channel.add("new", "1.0", depends=["numpy >=2"])
    channel.add("torch", "2.1.0", "cuda_1", depends=["__cuda >=12", "numpy"])
    channel.add("torch", "2.1.0", "cpu_0", depends=["numpy"])
    channel.add("broken", "1.0", depends=["nowhere >=3"])
    channel.index()
    return channel


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> TinyIndex:
    """tool 1.0 needs helper; modern needs numpy 2; wheels for two platforms."""
    made = TinyIndex(tmp_path_factory.mktemp("index") / "simple")
    made.add("tool", "1.0", requires=["helper>=1", "numpy<2"])
    made.add("tool", "1.1", requires=["helper>=1", "numpy<2"])
    made.add("helper", "1.5")
    made.add("modern", "1.0", requires=["numpy>=2"])
    made.add("native", "1.0", tag="cp311-cp311-manylinux_2_28_x86_64")
    made.add("native", "1.0", tag="cp311-cp311-manylinux_2_28_aarch64")
    made.add("native", "1.0", tag="cp312-cp312-manylinux_2_28_x86_64")
    made.add("numpy", "2.1.0")
    return made
