"""Which lock a host gets."""

from __future__ import annotations

import pytest
from provision.conda.channels import ChannelMap
from provision.conda.lock import CondaPackage, Lock, PipPackage
from provision.conda.locked import channels_of, choose_lock, unmet
from provision.conda.lockfile import Asked, LockFile
from provision.conda.platforms import Platform
from provision.errors import EnvironmentFileError

FORGE = "https://conda.anaconda.org/conda-forge"


def lock(*depends: str, virtual: tuple[str, ...] = (), wheel: str = "", url: str = FORGE) -> Lock:
    path = f"{url}/linux-64/torch-2.1-0.conda"
    package = CondaPackage("torch", "2.1", "0", url, "linux-64", path,
                           "a" * 64, depends=depends)  # fmt: skip
    pip = (PipPackage("native", "1.0", ("sha256:" + "b" * 64,), wheel),) if wheel else ()
    return Lock("c" * 64, "linux-64", virtual, (url,), (package,), pip)


def host(glibc: str = "2.31", cuda: str = "") -> Platform:
    return Platform("linux-64", glibc=glibc, kernel="5.10", cuda=cuda)


@pytest.mark.parametrize(
    ("depends", "platform", "fits"),
    [
        ("__glibc >=2.17,<3.0.a0", host(), True),
        ("__glibc >=2.34", host(), False),
        ("__glibc >=2.34", host("2.36"), True),
        ("__cuda", host(), False),
        ("__cuda", host(cuda="11.8"), True),
        ("__cuda >=12", host(cuda="11.8"), False),
        ("__cuda >=11.2|==10.2", host(cuda="10.2"), True),
        ("__cuda 12.*", host(cuda="12.4"), True),
        ("__cuda ~=12.1", host(cuda="13.0"), False),
        ("__linux", host(), True),
        ("__unix", host(), True),
        ("__win", host(), False),
        ("__archspec 1 x86_64_v3", host(), True),
        ("__glibc <2.40,!=2.30", host(), True),
        ("python >=3.11", host(), True),
    ],
)
def test_what_packages_ask_of_a_host(depends: str, platform: Platform, fits: bool) -> None:
    assert (unmet(lock(depends), platform) == []) == fits


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("native-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", True),
        ("native-1.0-cp311-cp311-manylinux_2_34_x86_64.whl", False),
        ("native-1.0-cp311-cp311-manylinux_2_34_x86_64.manylinux_2_17_x86_64.whl", True),
        ("native-1.0-cp311-cp311-manylinux2014_x86_64.whl", True),
        ("native-1.0-py3-none-any.whl", True),
    ],
)
def test_wheels_and_glibc(wheel: str, fits: bool) -> None:
    assert (unmet(lock(wheel=wheel), host()) == []) == fits


def test_a_node_with_a_driver_gets_the_gpu_lock() -> None:
    cpu = lock(virtual=("__glibc=2.28=0",))
    gpu = lock("__cuda >=12", virtual=("__cuda=12.4=0", "__glibc=2.28=0"))
    whole = LockFile(Asked(), (cpu, gpu), "x.lock.yml")
    assert choose_lock(whole, host(cuda="12.6")) is gpu
    assert choose_lock(whole, host(cuda="11.8")) is cpu
    assert choose_lock(whole, host()) is cpu


def test_what_is_missing_is_said() -> None:
    whole = LockFile(Asked(), (lock("__cuda >=12"),), "x.lock.yml")
    with pytest.raises(EnvironmentFileError, match="cannot run what the lock names") as caught:
        choose_lock(whole, host(cuda="11.8"))
    assert caught.value.why == "torch 2.1 needs __cuda >=12; the host has 11.8"
    with pytest.raises(EnvironmentFileError, match="nothing for linux-aarch64"):
        choose_lock(whole, Platform("linux-aarch64"))


def test_the_vendors_address_in_a_lock_means_the_alias_that_is_set() -> None:
    (channel,) = channels_of(lock(), ChannelMap("http://mirror.example/conda"))
    assert (channel.url, channel.fetch_url) == (FORGE, "http://mirror.example/conda/conda-forge")
    (plain,) = channels_of(lock(), ChannelMap())
    assert plain.fetch_url == FORGE
    own = ChannelMap("http://a.example", {FORGE: "http://b.example/cf"})
    assert channels_of(lock(), own)[0].fetch_url == "http://b.example/cf"


def test_terms_of_a_locks_channels() -> None:
    vendor = lock(url="https://repo.anaconda.com/pkgs/main")
    with pytest.raises(EnvironmentFileError, match="terms of service"):
        channels_of(vendor, ChannelMap())
    assert channels_of(vendor, ChannelMap(), accept_terms=True)
