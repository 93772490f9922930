from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from provision.templating import Scope, Templar
from provision.yamlsource import load


def test_many_hosts_render_with_one_templar(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("{% include 'i.j2' %} {{ url }}\n")
    (tmp_path / "i.j2").write_text("{{ host }}")
    templar = Templar()
    shared = load(
        "url: 'http://{{ host }}:{{ ports[0] }}'\nports: ['{{ base + 1 }}']\nbase: 80", "v"
    )

    def render(number: int) -> list[object]:
        scope = Scope([shared, {"host": f"h{number}"}], templar=templar)
        text = "{{ url }}" + " " * (number % 7)
        return [
            templar.render(text, scope).strip(),
            templar.condition(f"host == 'h{number}'", scope),
            templar.template_file(tmp_path / "t.j2", scope),
        ]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(render, range(200)))
    for number, result in enumerate(results):
        url = f"http://h{number}:81"
        assert result == [url, True, f"h{number} {url}\n"]
