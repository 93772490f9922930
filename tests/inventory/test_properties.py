"""Properties of patterns, ranges and INI lines over generated inputs."""

from __future__ import annotations

import shlex
import string

from hypothesis import given
from hypothesis import strategies as st
from provision.inventory import Inventory, load_inventory
from provision.inventory.graph import Graph
from provision.inventory.ini import parse_ini
from provision.inventory.ranges import expand_hosts

NAMES = st.text(string.ascii_lowercase + string.digits + "-._", min_size=1, max_size=8).filter(
    lambda name: name[0] not in "-." and name not in ("all", "localhost")
)
HOSTS = st.lists(NAMES, min_size=1, max_size=12, unique=True)
VALUES = st.text(string.printable.replace("\n", "").replace("\r", "").replace("\x0b\x0c", ""))


def _of(hosts: list[str]) -> Inventory:
    return load_inventory([",".join(hosts) + ","])


def _select(inventory: Inventory, pattern: str) -> list[str]:
    return [host.name for host in inventory.select(pattern)]


@given(st.integers(0, 500), st.integers(0, 60), st.integers(1, 7))
def test_a_numeric_range_is_pythons_range(first: int, length: int, step: int) -> None:
    last = first + length
    names, _ = expand_hosts(f"n[{first}:{last}:{step}]x")
    assert names == [f"n{number}x" for number in range(first, last + 1, step)]


@given(HOSTS, st.data())
def test_subscripts_are_pythons_indices(hosts: list[str], data: st.DataObject) -> None:
    inventory = _of(hosts)
    index = data.draw(st.integers(-len(hosts), len(hosts) - 1))
    first = data.draw(st.integers(0, len(hosts) - 1))
    last = data.draw(st.integers(first, len(hosts) + 2))
    assert _select(inventory, f"all[{index}]") == [hosts[index]]
    assert _select(inventory, f"all[{first}:{last}]") == hosts[first : last + 1]


@given(HOSTS, st.data())
def test_union_intersection_and_exclusion_are_those_of_sets(
    hosts: list[str], data: st.DataObject
) -> None:
    inventory = _of(hosts)
    some = st.lists(st.sampled_from(hosts), max_size=5)
    union, both, without = data.draw(some), data.draw(some), data.draw(some)
    terms = [*union, *(f"&{name}" for name in both[:1]), *(f"!{name}" for name in without)]
    expected = dict.fromkeys(union or (hosts if terms else []))
    kept = [name for name in expected if name in both[:1] or not both]
    assert _select(inventory, ",".join(terms)) == [name for name in kept if name not in without]


@given(HOSTS)
def test_a_glob_star_selects_everything_in_order(hosts: list[str]) -> None:
    assert _select(_of(hosts), "*") == hosts


@given(NAMES, st.dictionaries(NAMES, st.text(string.printable, max_size=20), max_size=4))
def test_quoted_values_of_host_lines_come_back(host: str, values: dict[str, str]) -> None:
    values = {key: "x" + "".join(value.split()) for key, value in values.items()}
    line = " ".join([host, *(f"{key}={shlex.quote(value)}" for key, value in values.items())])
    graph = Graph()
    parse_ini(graph, line, "hosts")
    assert graph.hosts[host].vars == values
