from __future__ import annotations

from pathlib import Path

import pytest
from provision.errors import InputError, TemplateError
from provision.templating import Scope, Templar
from provision.yamlsource import load


def _plugin(folder: Path, text: str, name: str = "mine.py") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


def test_filters_tests_and_lookups_of_a_playbook(tmp_path: Path) -> None:
    templar = Templar(
        filter_dirs=[
            _plugin(
                tmp_path / "filter_plugins",
                "class FilterModule:\n"
                "    def filters(self):\n"
                "        return {'shout': lambda text, mark='!': text.upper() + mark,\n"
                "                'kinds': lambda value: [type(value).__name__,\n"
                "                    type(value['in']).__name__, value['in'][0]]}\n",
            )
        ],
        test_dirs=[
            _plugin(
                tmp_path / "test_plugins",
                "class TestModule:\n"
                "    def tests(self):\n"
                "        return {'even': lambda n: n % 2 == 0}\n",
            )
        ],
        lookup_dirs=[
            _plugin(
                tmp_path / "lookup_plugins",
                "class LookupModule:\n"
                "    def run(self, terms, variables=None, **kwargs):\n"
                "        return [kwargs.get('prefix', '') + variables[term] for term in terms]\n",
                "value_of.py",
            ),
            tmp_path / "no such folder",
        ],
    )
    scope = Scope([load("a: '{{ b }}'\nb: x\nd: {in: ['{{ b }}']}", "v.yml")], templar=templar)
    assert templar.render("{{ a | shout }}{{ a | shout(mark='?') }}", scope) == "X!X?"
    assert templar.render("{{ d | kinds }}", scope) == ["dict", "list", "x"]
    assert templar.render("{{ gone | shout | default('none') }}", scope) == "none"
    assert templar.condition("4 is even and 3 is not even", scope)
    assert templar.render("{{ lookup('value_of', 'a', prefix='-') }}", scope) == "-x"


def test_a_playbooks_own_filter_wins(tmp_path: Path) -> None:
    text = (
        "class FilterModule:\n    def filters(self):\n        return {'upper': lambda t: 'mine'}\n"
    )
    templar = Templar(filter_dirs=[_plugin(tmp_path / "f", text)])
    assert templar.render("{{ 'a' | upper }}", Scope([], templar=templar)) == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import ansible.errors\n", "plugins that import Ansible's own code"),
        ("x = (\n", "SyntaxError"),
        ("class Other: pass\n", "no class FilterModule"),
    ],
)
def test_plugins_that_do_not_load(tmp_path: Path, text: str, message: str) -> None:
    folder = _plugin(tmp_path / "f", text)
    with pytest.raises(InputError) as caught:
        Templar(filter_dirs=[folder])
    assert message in f"{caught.value} {caught.value.hint}"
    assert caught.value.mark is not None
    assert caught.value.mark.file == str(folder / "mine.py")


def test_a_plugin_that_fails(tmp_path: Path) -> None:
    text = (
        "class FilterModule:\n    def filters(self):\n        return {'boom': lambda t: t['x']}\n"
    )
    templar = Templar(filter_dirs=[_plugin(tmp_path / "f", text)])
    with pytest.raises(TemplateError, match="filter 'boom' failed"):
        templar.render("{{ {} | boom }}", Scope([], templar=templar))
