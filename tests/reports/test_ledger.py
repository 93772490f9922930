from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from provision.engine.events import TaskResult
from provision.reports.ledger import LONG_S, SHORT_S, Ledger, Told

HOSTS = ("a", "b", "c")


def _add(ledger: Ledger, host: str, task: int, now: float, *, urgent: bool = False) -> None:
    result = TaskResult(host=host, task=str(task), action="x", place=f"p.yml:{task}:1")
    ledger.add(result, result.status, now, urgent=urgent)


def _told(told: list[Told]) -> list[tuple[str, list[str]]]:
    return [(one.result.task, one.hosts) for one in told]


@given(
    st.lists(st.tuples(st.sampled_from(HOSTS), st.floats(0, 3), st.booleans()), max_size=40),
    st.sets(st.integers(1, 8)),
)
def test_every_result_is_told_once_and_in_order(
    steps: list[tuple[str, float, bool]], skipped_by_b: set[int]
) -> None:
    """Hosts take turns as they like; `b` goes another way and lacks some tasks."""
    ledger = Ledger(HOSTS)
    ways: dict[str, Iterator[int]] = {host: itertools.count(1) for host in HOSTS}
    ways["b"] = itertools.filterfalse(skipped_by_b.__contains__, itertools.count(1))
    now, added, told = 0.0, [], []
    for host, pause_s, look in steps:
        now += pause_s
        task = next(ways[host])
        _add(ledger, host, task, now)
        added.append((host, task))
        if look:
            told.append(list(ledger.due(now)))
    told.append(list(ledger.due(now, everything=True)))
    pairs = [(host, int(one.result.task)) for many in told for one in many for host in one.hosts]
    assert sorted(pairs) == sorted(added)
    for many in told:
        tasks = [int(one.result.task) for one in many]
        assert tasks == sorted(tasks)


def test_a_result_waits_for_the_hosts_that_are_behind() -> None:
    ledger = Ledger(HOSTS)
    for host in HOSTS:
        ledger.begin(host)
    _add(ledger, "a", 1, 0)
    _add(ledger, "b", 1, 1)
    assert not list(ledger.due(LONG_S - 0.1))
    assert _told(list(ledger.due(LONG_S))) == [("1", ["a", "b"])]
    _add(ledger, "c", 1, 6)
    (late,) = ledger.due(6)
    assert (late.hosts, late.before) == (["c"], ("a", "b"))


def test_hosts_that_have_not_begun_are_waited_for_but_shortly() -> None:
    ledger = Ledger(HOSTS)
    _add(ledger, "a", 1, 0)
    assert not list(ledger.due(SHORT_S - 0.1))
    assert _told(list(ledger.due(SHORT_S))) == [("1", ["a"])]


def test_a_host_that_passes_by_or_leaves_is_not_waited_for() -> None:
    ledger = Ledger(HOSTS)
    _add(ledger, "a", 1, 0)
    _add(ledger, "b", 2, 0)
    assert not list(ledger.due(0))
    ledger.end("c")
    assert _told(list(ledger.due(0))) == [("1", ["a"])]
    ledger.end("a")
    assert _told(list(ledger.due(0))) == [("2", ["b"])]


def test_failures_are_due_at_once_their_like_a_little_later() -> None:
    ledger = Ledger(HOSTS)
    for host in HOSTS:
        ledger.begin(host)
    _add(ledger, "a", 1, 0, urgent=True)
    assert _told(list(ledger.due(0))) == [("1", ["a"])]
    _add(ledger, "b", 1, 0.1, urgent=True)
    assert not list(ledger.due(0.1))
    _add(ledger, "c", 1, 0.2, urgent=True)
    (rest,) = ledger.due(0.2)
    assert (rest.hosts, rest.before) == (["b", "c"], ("a",))


def test_the_same_task_again_is_another_line() -> None:
    ledger = Ledger(("a", "b"))
    for task in (1, 2, 1):
        _add(ledger, "a", task, 0)
    for task in (1, 1):
        _add(ledger, "b", task, 0)
    told = _told(list(ledger.due(0, everything=True)))
    assert told == [("1", ["a", "b"]), ("2", ["a"]), ("1", ["a", "b"])]
