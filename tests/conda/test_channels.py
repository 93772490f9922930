"""Channels, indexes and platforms: where things come from and for what they are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.conda.channels import ChannelMap, has_credentials, without_credentials
from provision.conda.envfile import parse_environment
from provision.conda.indexes import Indexes, file_indexes, pip_settings
from provision.conda.platforms import cuda_of_driver, host_platform
from provision.errors import EnvironmentFileError, HostError

FACTS = {"machine": "x86_64", "libc": "glibc 2.36", "kernel": "6.1.0-20-amd64", "nvidia": ""}


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://me:secret@host.example/team", "https://host.example/team"),
        ("https://host.example/t/tk-123/team", "https://host.example/team"),
        ("https://host.example/team", "https://host.example/team"),
        ("file:///srv/t/x/channel", "file:///srv/t/x/channel"),
        ("conda-forge", "conda-forge"),
    ],
)
def test_credentials_are_taken_out(url: str, plain: str) -> None:
    assert without_credentials(url) == plain
    assert has_credentials(url) == (url != plain)


def test_names_get_the_alias_and_mirrors_their_own_address() -> None:
    names = ChannelMap(
        "https://alias.example/conda/",
        {
            "conda-forge": "http://mirror.example/cf",
            "https://repo.example": "http://mirror.example",
        },
    )
    forge, team, url = names.resolve_all(
        [("conda-forge", None), ("team", None), ("https://repo.example/pkgs/main/", None)]
    )
    assert (forge.url, forge.fetch_url) == (
        "https://alias.example/conda/conda-forge",
        "http://mirror.example/cf",
    )
    assert team.url == team.fetch_url == "https://alias.example/conda/team"
    assert (url.url, url.fetch_url) == (
        "https://repo.example/pkgs/main",
        "http://mirror.example/pkgs/main",
    )


def test_a_token_is_for_fetching_only() -> None:
    (channel,) = ChannelMap("https://h.example/t/tk-1").resolve("team")
    assert channel.url == "https://h.example/team"
    assert channel.fetch_url == "https://h.example/t/tk-1/team"


@pytest.mark.parametrize("name", ["./local", "/srv/channel", "ftp://host.example/x"])
def test_what_is_no_channel_for_others(name: str) -> None:
    with pytest.raises(EnvironmentFileError):
        ChannelMap().resolve(name)


def test_a_platform_from_facts() -> None:
    platform = host_platform(FACTS)
    assert platform.subdir == "linux-64"
    assert platform.virtual_packages() == [
        ("__archspec", "1", "x86_64"),
        ("__glibc", "2.36", "0"),
        ("__linux", "6.1", "0"),
        ("__unix", "0", "0"),
    ]


def test_like_nodes_share_a_platform() -> None:
    other = {**FACTS, "kernel": "6.1.0-31-amd64", "nodename": "gpu02"}
    assert host_platform(FACTS) == host_platform(other)
    assert host_platform(FACTS) != host_platform({**FACTS, "libc": "glibc 2.31"})


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [("535.104.05", "12.2"), ("580.65.06", "13.0"), ("999.1", "13.0"), ("390.1", ""), ("", "")],
)
def test_cuda_of_a_driver(driver: str, cuda: str) -> None:
    assert cuda_of_driver(driver) == cuda


def test_the_operator_overrules_the_driver() -> None:
    gpu = {**FACTS, "nvidia": "535.104.05"}
    assert host_platform(gpu).cuda == "12.2"
    assert host_platform(gpu, cuda="").cuda == ""
    assert host_platform(FACTS, cuda="12.4").cuda == "12.4"


def test_an_architecture_without_packages() -> None:
    with pytest.raises(HostError, match="no packages for mips"):
        host_platform({**FACTS, "machine": "mips"})


def test_pip_settings_of_this_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".config/pip").mkdir(parents=True)
    (home / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://me:pw@index.example/simple\n"
        "extra-index-url =\n  https://a.example\n  https://b.example\n"
    )
    found = pip_settings({"HOME": str(home), "XDG_CONFIG_DIRS": str(tmp_path)})
    assert found.url == "https://me:pw@index.example/simple"
    assert found.extra[-2:] == ("https://a.example", "https://b.example")
    assert "https://index.example/simple" in found.public()
    assert "pw" in found.secrets()
    env = {"HOME": str(home), "PIP_INDEX_URL": "https://other.example/simple"}
    assert pip_settings(env).url == "https://other.example/simple"


def test_which_index_counts() -> None:
    text = (
        "dependencies:\n  - pip:\n    - --index-url https://file.example\n"
        "    - -f https://l.example\n    - a\n"
    )
    file = parse_environment(text, "e.yml")
    own = Indexes(url="https://own.example", extra=("https://more.example",), cert="/ca.pem")
    found = file_indexes(file, own)
    assert (found.url, found.extra, found.find_links, found.cert) == (
        "https://file.example",
        (),
        ("https://l.example",),
        "/ca.pem",
    )
    assert file_indexes(file, own, "https://playbook.example").url == "https://playbook.example"
    plain = parse_environment("dependencies:\n  - pip:\n    - a\n", "e.yml")
    assert file_indexes(plain, own) == own


def test_what_lies_on_the_controller_is_not_for_hosts() -> None:
    own = Indexes(url="file:///srv/simple", extra=("https://a.example",), find_links=("/wheels",))
    assert own.distant() == Indexes(extra=("https://a.example",))


def test_passwords_go_through_the_environment() -> None:
    own = Indexes(url="https://me:pw@index.example/simple")
    assert own.pip_environ()["PIP_INDEX_URL"] == "https://me:pw@index.example/simple"
    assert own.uv_environ()["UV_DEFAULT_INDEX"] == "https://me:pw@index.example/simple"
    assert Indexes().pip_environ() == {}
