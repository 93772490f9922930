"""From a request to hosts, addresses and names."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from provision.errors import InputError, LabError
from provision.lab.model import (
    LabHost,
    LabState,
    Wanted,
    grow,
    load_state,
    renumbered,
    save_state,
)
from provision.lab.network import choose_network

NETWORK = IPv4Network("10.88.0.0/21")


def test_three_bookworm_hosts_unless_asked_otherwise() -> None:
    hosts = grow(Wanted(), NETWORK)
    assert [(h.name, h.release, h.python, h.address) for h in hosts] == [
        ("gpu01", "bookworm", True, "10.88.0.11"),
        ("gpu02", "bookworm", True, "10.88.0.12"),
        ("gpu03", "bookworm", True, "10.88.0.13"),
    ]


def test_releases_are_dealt_in_turn_and_the_last_hosts_lack_python() -> None:
    wanted = Wanted(hosts=4, releases=("bookworm", "trixie"), without_python=1)
    hosts = grow(wanted, NETWORK)
    assert [h.release for h in hosts] == ["bookworm", "trixie", "bookworm", "trixie"]
    assert [h.python for h in hosts] == [True, True, True, False]


def test_growing_keeps_what_is_there() -> None:
    first = grow(Wanted(hosts=2, without_python=1), NETWORK)
    again = grow(Wanted(hosts=2, without_python=1, known=first), NETWORK)
    assert again == first
    more = grow(Wanted(hosts=4, without_python=1, known=first), NETWORK)
    assert more[:2] == first
    assert [h.python for h in more] == [True, False, True, True]
    assert len({h.address for h in more}) == 4
    assert grow(Wanted(hosts=1, known=first), NETWORK) == first


def test_named_hosts_without_python() -> None:
    hosts = grow(Wanted(hosts=3, without_python=("gpu01", "gpu03")), NETWORK)
    assert [h.python for h in hosts] == [False, True, False]
    with pytest.raises(InputError, match="cannot boot 'gpu02' without Python") as caught:
        grow(Wanted(without_python=("gpu02",), known=hosts), NETWORK)
    assert "already up with Python" in caught.value.why
    with pytest.raises(InputError) as caught:
        grow(Wanted(hosts=3, without_python=("gpu9",)), NETWORK)
    assert "no such host" in caught.value.why


def test_a_host_cannot_change_its_release() -> None:
    hosts = grow(Wanted(hosts=1), NETWORK)
    with pytest.raises(InputError, match="gpu01 runs bookworm, not trixie"):
        grow(Wanted(releases=("trixie",), known=hosts), NETWORK)


def test_a_thousand_names_on_thirty_hosts() -> None:
    network = choose_network([], 30 * 34)
    hosts = grow(Wanted(hosts=30, addresses_per_host=34), network)
    pairs = [pair for host in hosts for pair in host.names()]
    assert len(pairs) == len({name for name, _ in pairs}) == len({a for _, a in pairs}) == 1020
    assert pairs[0] == ("gpu01-001", "10.88.0.11")


def test_too_small_a_network_is_an_error() -> None:
    with pytest.raises(LabError, match="too few addresses"):
        grow(Wanted(hosts=3, addresses_per_host=100), IPv4Network("10.88.0.0/24"))


def test_networks_avoid_what_is_used_and_grow_with_the_lab() -> None:
    used = [IPv4Network("10.88.0.0/24"), IPv4Network("192.0.2.0/24"), IPv4Network("0.0.0.0/0")]
    assert choose_network(used, 3) == IPv4Network("10.88.8.0/21")
    assert choose_network(used, 3, "10.88.16.0/21") == IPv4Network("10.88.16.0/21")
    assert choose_network(used, 3, "10.88.0.0/21") == IPv4Network("10.88.8.0/21")
    assert choose_network([], 6000).prefixlen == 19
    with pytest.raises(LabError, match="no free network"):
        choose_network([IPv4Network("10.0.0.0/8")], 3)
    with pytest.raises(LabError, match="cannot have 70000 addresses"):
        choose_network([], 70000)


def test_renumbering_keeps_the_distance() -> None:
    host = LabHost("gpu01", 1, "bookworm", True, ("10.88.0.11", "10.88.1.2"))
    moved = renumbered([host], NETWORK, IPv4Network("10.88.16.0/21"))
    assert moved == (replace(host, addresses=("10.88.16.11", "10.88.17.2")),)


def test_state_survives_a_round_trip_and_damage_reads_as_none(tmp_path: Path) -> None:
    path = tmp_path / "lab.json"
    state = LabState(str(NETWORK), grow(Wanted(addresses_per_host=2), NETWORK), mirror_port=8088)
    save_state(path, state)
    assert load_state(path) == state
    assert state.mirror_url == "http://10.88.0.1:8088"
    text = path.read_text()
    for damaged in (text[:40], "", "[]", "null", text.replace('"version": 1', '"version": 99')):
        path.write_text(damaged)
        assert load_state(path) is None
    path.unlink()
    assert load_state(path) is None


def test_an_unknown_host_gets_a_suggestion() -> None:
    state = LabState(str(NETWORK), grow(Wanted(), NETWORK))
    with pytest.raises(InputError) as caught:
        state.host("gpu1")
    assert caught.value.hint == "did you mean 'gpu01'?"
