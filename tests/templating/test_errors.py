"""Where an error is, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from provision.diagnostics import render_error
from provision.errors import ProvisionError, TemplateError, UndefinedVariable
from provision.templating import Scope, Templar

from tests.templating.support import scope_of, yaml_file


@pytest.fixture
def templar() -> Templar:
    return Templar()


def _report(path: Path, error: ProvisionError) -> str:
    return render_error(error).replace(str(path), path.name)


def test_an_undefined_variable_is_shown_in_its_file(tmp_path: Path, templar: Templar) -> None:
    path = tmp_path / "site.yml"
    task = yaml_file(path, 'dest: "/etc/{{ app_nmae }}/conf"\n')
    with pytest.raises(UndefinedVariable) as caught:
        templar.render(task, scope_of("app_name: web"))
    assert caught.value.name == "app_nmae"
    assert _report(path, caught.value) == (
        "error: 'app_nmae' is undefined\n"
        "  --> site.yml:1:16\n"
        "   |\n"
        ' 1 | dest: "/etc/{{ app_nmae }}/conf"\n'
        "   |                ^^^^^^^^\n"
        "  why: in '/etc/{{ app_nmae }}/conf'\n"
        "  hint: did you mean 'app_name'?"
    )


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("v: '{{ a.prot }}'", "1:10", "object of type 'dict' has no attribute 'prot'", "'port'"),
        (
            "v: '{{ a[\"prot\"] }}'",
            "1:11",
            "object of type 'dict' has no attribute 'prot'",
            "'port'",
        ),
        ("v: {x: ['{{ 1 }}', '{{ nope }}']}", "1:24", "'nope' is undefined", ""),
        ("v: |\n  line\n  {{ nope }}\n", "3:6", "'nope' is undefined", ""),
        ("v: >\n  folded\n  text {{ nope }} more\n", "3:11", "'nope' is undefined", ""),
        ("v: plain {{ nope | upper }}", "1:13", "'nope' is undefined", ""),
        ("v: '{{ 1 + nope }}'", "1:12", "'nope' is undefined", ""),
        ("v: '{{ a.list[3] }}'", "1:15", "object of type 'list' has no attribute 3", ""),
        ("v: '{{ a b }}'", "1:10", "Syntax error in template", ""),
        ("v: |\n  x\n  {{ a +* b }}\n", "3:9", "Syntax error in template", ""),
        ("v: '{{ a | uper }}'", "1:12", "no filter named 'uper'", "'upper'"),
        ("v: '{{ a is defned }}'", "1:13", "no test named 'defned'", "'defined'"),
        ("v: '{{ a ? b }}'", "1:10", "Syntax error in template: unexpected char '?'", ""),
        ("v: '{{ 1 / 0 }}'", "1:4", "Error rendering template: division by zero", ""),
        ("v: '{{ \"x\" | from_json }}'", "1:14", "filter 'from_json' failed", ""),
        ("v: '{{ lookup(\"fil\", 1) }}'", "1:4", "no lookup named 'fil'", "'file'"),
        ('v: \'{{ lookup("file", "/nonexistent") }}\'', "1:4", "no file '/nonexistent'", ""),
    ],
)
def test_places(
    tmp_path: Path, templar: Templar, text: str, place: str, message: str, hint: str
) -> None:
    path = tmp_path / "v.yml"
    value: Any = yaml_file(path, text)
    with pytest.raises(ProvisionError) as caught:
        templar.render(value, scope_of("a: {port: 1, list: [1]}"))
    assert str(caught.value.mark) == f"{path}:{place}"
    assert message in caught.value.what
    assert hint in caught.value.hint


def test_the_innermost_place_is_shown_and_who_needed_it(tmp_path: Path, templar: Templar) -> None:
    variables = tmp_path / "vars.yml"
    layer = yaml_file(variables, 'url: "http://{{ hots }}:{{ port }}"\nport: 1\nhost: h\n')
    task = yaml_file(tmp_path / "site.yml", 'msg: "{{ url }}"\n')
    with pytest.raises(UndefinedVariable) as caught:
        templar.render(task, Scope([layer], templar=templar))
    assert str(caught.value.mark) == f"{variables}:1:17"
    assert "needed by '{{ url }}'" in caught.value.why
    assert caught.value.hint == "did you mean 'host'?"


def test_a_condition_names_its_expression(tmp_path: Path, templar: Templar) -> None:
    path = tmp_path / "site.yml"
    task = yaml_file(path, "when:\n  - true\n  - result.rc == 0\n")
    with pytest.raises(UndefinedVariable) as caught:
        templar.condition(task["when"], scope_of("result: {stdout: ''}"))
    assert str(caught.value.mark) == f"{path}:3:12"
    assert "in 'result.rc == 0'" in caught.value.why


def test_a_condition_that_is_no_expression(tmp_path: Path, templar: Templar) -> None:
    path = tmp_path / "site.yml"
    task = yaml_file(path, "when: a = 1\n")
    with pytest.raises(TemplateError, match="Syntax error in expression") as caught:
        templar.condition(task["when"], scope_of("a: 1"))
    assert str(caught.value.mark) == f"{path}:1:9"


def test_a_place_is_given_where_the_text_has_none(templar: Templar) -> None:
    with pytest.raises(UndefinedVariable) as caught:
        templar.render("{{ nope }}", scope_of(""))
    assert caught.value.mark is None
    assert "in '{{ nope }}'" in str(caught.value)


def test_mandatory_says_what_was_asked_for(templar: Templar) -> None:
    with pytest.raises(TemplateError, match="set the release"):
        templar.render("{{ release | mandatory('set the release') }}", scope_of(""))


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ [].append.__self__ }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ lookup.__globals__ }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ vars.templar }}",
        "{{ self.__init__ }}",
        "{{ dict.__subclasses__() }}",
        "{% set f = namespace() %}{{ f.__init__ }}",
    ],
)
def test_the_interpreter_is_out_of_reach(templar: Templar, text: str) -> None:
    with pytest.raises(ProvisionError):
        templar.render(text, scope_of("a: 1"))
