"""How long templates take: controller CPU for many hosts, and for single kinds of template.

    python -m benchmarks.templating [--hosts N] [--profile]

The whole: `hosts` × 20 tasks of mixed arguments and conditions, a fresh Scope for each.
The budget is 5 s of CPU for 1,000 hosts, 0.25 ms a task.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from provision.templating import Scope, Templar
from provision.yamlsource import load

VARS = """
app: web
port: 8080
base: "/srv/{{ app }}"
conf: "{{ base }}/etc"
listen: "{{ ansible_host | default('127.0.0.1') }}:{{ port }}"
services:
  - {name: api, port: 1, env: {HOME: "{{ base }}"}}
  - {name: "{{ app }}", port: 2}
  - {name: worker, port: 3}
limits: {nofile: 1024, nproc: 64}
"""

TASKS = """
- args: {path: "{{ conf }}/x.conf", mode: "0644", owner: "{{ app }}", state: file}
- when: ansible_os_family == 'Debian' and port > 80
  args: {src: a.j2, dest: "{{ base }}/{{ inventory_hostname }}.conf"}
- when: enabled | default(true) | bool
  args: {name: "{{ app }}-{{ port }}", state: started, enabled: true}
- args: {content: "{{ services | map(attribute='name') | join(',') }} {{ listen }}", dest: /etc/l}
- when: [result is changed, "'web' in group_names"]
  args: {cmd: "systemctl restart {{ app }}", creates: "{{ mode | default(omit) }}"}
"""

SINGLE = {
    "no template": "plain text",
    "one name": "{{ port }}",
    "nested names": "{{ conf }}",
    "text around": "a {{ port }} b",
    "filters": "{{ app | upper | default('x') }}",
    "attribute": "{{ limits.nofile }}",
    "lazy list": "{{ services[1].name }}",
    "map and join": "{{ services | map(attribute='name') | join(',') }}",
    "loop": "{% for s in services %}{{ s.name }}:{{ s.port }} {% endfor %}",
    "default of undefined": "{{ gone.a.b | default('x') }}",
}


def _layers(host: str) -> list[Mapping[str, Any]]:
    """As many layers as a play with a role has."""
    facts: dict[str, object] = {f"ansible_fact_{number}": number for number in range(100)}
    facts["ansible_os_family"] = "Debian"
    return [
        *({f"default_{number}": 1} for number in range(4)),
        load(VARS, "group_vars/all.yml"),
        facts,
        *({f"play_{number}": 1} for number in range(4)),
        {"result": {"changed": True}},
        {"inventory_hostname": host, "group_names": ["web"]},
    ]


def _host(templar: Templar, layers: list[Mapping[str, Any]], tasks: list[Any]) -> None:
    for task in tasks:
        scope = Scope(layers, templar=templar)
        assert templar.condition(task.get("when", True), scope)
        templar.render(task["args"], scope)


def _single(templar: Templar, layers: list[Mapping[str, Any]], text: str) -> None:
    templar.render(text, Scope(layers, templar=templar))


def _timed(work: Callable[[], object], times: int) -> float:
    """Seconds of CPU for one call."""
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    templar = Templar()
    tasks = load(TASKS, "tasks.yml") * 4
    layers = _layers("gpu01")
    first = _timed(lambda: _host(templar, layers, tasks), 1)
    print(f"first host, with compiling  {first * 1000:8.1f} ms")
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(_timed, lambda: _host(templar, layers, tasks), 200)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    each = _timed(lambda: _host(templar, layers, tasks), options.hosts)
    print(f"{options.hosts} hosts x {len(tasks)} tasks  {each * options.hosts:13.2f} s of CPU")
    print(f"one task                    {each / len(tasks) * 1000:8.3f} ms")
    print("\nms for 1,000 renderings, each in a new Scope")
    for name, text in SINGLE.items():
        spent = _timed(partial(_single, templar, layers, text), 2000)
        print(f"  {name:24}  {spent * 1e6:8.2f}")


if __name__ == "__main__":
    main()
