from __future__ import annotations

import os
from pathlib import Path

import pytest
from provision.diagnostics import render_error
from provision.errors import InputError, Mark, ProvisionError, TemplateError, UndefinedVariable
from provision.templating import LookupContext, Scope, Templar, TemplateOptions
from provision.yamlsource import load

from tests.templating.support import scope_of


@pytest.fixture
def templar() -> Templar:
    return Templar()


@pytest.fixture
def scope(templar: Templar) -> Scope:
    return scope_of("x: '{{ 1 }}'\nl: [a, b]", templar=templar)


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\n", "plain\n"),
        ("{{ x }}\n\n", "1\n\n"),
        ("{{ x }}", "1"),
        ("{{ none }}", ""),
        ("a {{ none }}b {{ true }} {{ l }}\n", "a b True ['a', 'b']\n"),
        ("{% for i in l %}\n{{ i }}\n{% endfor %}\n", "a\nb\n"),
        ("  {% if true %}\nx\n  {% endif %}\n", "  x\n  \n"),
        ("{{ 'a\\tb' }}\n", "a\tb\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("#jinja2: lstrip_blocks: True\n  {% if true %}\nx\n  {% endif %}\n", "x\n"),
        ("#jinja2: trim_blocks:False\n{% if true %}\nx{% endif %}\n", "\nx\n"),
        ("#jinja2: variable_start_string: '[[', variable_end_string: ']]'\n[[ x ]]{{\n", "1{{\n"),
    ],
)
def test_text(tmp_path: Path, templar: Templar, scope: Scope, text: str, expected: str) -> None:
    _write(tmp_path, t=text)
    assert templar.template_file(tmp_path / "t", scope) == expected


def test_options_of_the_call(tmp_path: Path, templar: Templar, scope: Scope) -> None:
    path = _write(tmp_path, t="<< x >>\n{% if true %}\ny\n{% endif %}\n") / "t"
    text = templar.template_file(
        path,
        scope,
        variable_start_string="<<",
        variable_end_string=">>",
        trim_blocks=False,
        newline_sequence="\r\n",
    )
    assert text == "1\r\n\r\ny\r\n"
    assert templar.template_file(path, scope, options=TemplateOptions(trim_blocks=False)) == (
        "<< x >>\n\ny\n"
    )
    with pytest.raises(TemplateError, match="unknown template option 'trim_block'") as caught:
        templar.template_file(path, scope, trim_block=True)
    assert "trim_blocks" in caught.value.hint


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("#jinja2: trim_blok:True", "unknown template option 'trim_blok'"),
        ("#jinja2: trim_blocks:yes", "cannot read 'yes'"),
        ("#jinja2: trim_blocks", "Missing key-value separator in 'trim_blocks'"),
        ("#jinja2: trim_blocks:'a'", "takes a bool"),
    ],
)
def test_a_broken_header(
    tmp_path: Path, templar: Templar, scope: Scope, header: str, message: str
) -> None:
    path = _write(tmp_path, t=f"{header}\nx\n") / "t"
    with pytest.raises(TemplateError, match=message) as caught:
        templar.template_file(path, scope)
    assert caught.value.mark == Mark(str(path), 1, 1)


def test_includes_imports_and_inheritance(tmp_path: Path, templar: Templar, scope: Scope) -> None:
    _write(
        tmp_path,
        inc="inc {{ x }}{% for i in l %}{{ i }}{% endfor %}\n",
        macros="{% macro m(v) %}<{{ v }}>{% endmacro %}\n{% macro n() %}{{ x }}{% endmacro %}\n",
        base="head\n{% block body %}base {% endblock %}\ntail\n",
        a="{% for i in ['q'] %}{% include 'inc' %} {{ i }}{% endfor %}\n",
        b="{% import 'macros' as k %}{% from 'macros' import n with context %}"
        "{{ k.m(x) }}{{ n() }}",
        c="{% extends 'base' %}{% block body %}{{ super() }}{{ x }}{% endblock %}",
        d="{% include ['none', 'inc'] %}{% include 'none' ignore missing %}",
        sub__e="{% include 'f' %}",
        sub__f="beside",
    )
    rendered = {name: templar.template_file(tmp_path / name, scope) for name in "abcd"}
    assert rendered == {
        "a": "inc 1ab q\n",
        "b": "<1>1",
        "c": "head\nbase 1tail",
        "d": "inc 1ab",
    }
    assert templar.template_file(tmp_path / "sub/e", scope) == "beside"


def test_the_search_path(tmp_path: Path) -> None:
    _write(tmp_path, shared__s="shared", role__templates__r="role", here__t="{% include 's' %}")
    _write(tmp_path, here__u="{% include 'r' %}")
    templar = Templar(search_path=[tmp_path / "shared"])
    scope = Scope([{"ansible_search_path": [str(tmp_path / "role")]}], templar=templar)
    assert templar.template_file(tmp_path / "here/t", scope) == "shared"
    assert templar.template_file(tmp_path / "here/u", scope) == "role"
    assert templar.render("<{% include 's' %}>", scope) == "<shared>"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub/../../secret"])
def test_includes_stay_inside(tmp_path: Path, templar: Templar, scope: Scope, name: str) -> None:
    _write(tmp_path, secret="no", inner__sub__x="", inner__t="{% include '" + name + "' %}")
    with pytest.raises(TemplateError, match="no template"):
        templar.template_file(tmp_path / "inner/t", scope)


def test_a_changed_file_is_read_again(tmp_path: Path, templar: Templar, scope: Scope) -> None:
    path = _write(tmp_path, t="{% include 'i' %}", i="old") / "t"
    assert templar.template_file(path, scope) == "old"
    _write(tmp_path, i="newer")
    os.utime(tmp_path / "i", (1, 1))
    assert templar.template_file(path, scope) == "newer"
    _write(tmp_path, t="{{ x }}!")
    assert templar.template_file(path, scope) == "1!"


def test_a_template_knows_itself(tmp_path: Path, templar: Templar, scope: Scope) -> None:
    path = (
        _write(tmp_path, t="{{ template_path }} {{ template_uid }} {{ template_mtime.year }}") / "t"
    )
    os.utime(path, (86400 * 400, 86400 * 400))
    assert templar.template_file(path, scope) == f"{path} {path.owner()} 1971"
    own = scope.child({"template_path": "mine"})
    assert templar.template_file(path, own).startswith("mine ")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a\n{{ nope }}\n", 2, 4, "'nope' is undefined"),
        ("a\n{% for i in l %}\n{{ i }}{{ nope }}\n{% endfor %}\n", 3, 11, "'nope' is undefined"),
        ("#jinja2: trim_blocks: False\na\n{{ nope }}\n", 3, 4, "'nope' is undefined"),
        ("{{ x }}\n\n{{ x.y.z }}\n", 3, 6, "object of type 'int' has no attribute 'y'"),
        ("a\n{{ x +}}\n", 2, 7, "Syntax error in template: unexpected 'end of print"),
        ("a\n\n{% if x %}\n", 3, 11, "Syntax error in template: Unexpected end"),
        ("a\n{{ x | nofilter }}", 2, 8, "no filter named 'nofilter'"),
        ("\n{{ 'q' | from_json }}", 2, 10, "filter 'from_json' failed"),
        ("\n\n{{ 1 / 0 }}", 3, 1, "division by zero"),
        ("\n{% include 'gone' %}", 2, 13, "no template 'gone'"),
    ],
)
def test_errors_name_the_templates_line(
    tmp_path: Path, templar: Templar, scope: Scope, text: str, line: int, column: int, message: str
) -> None:
    path = _write(tmp_path, t=text) / "t"
    with pytest.raises(ProvisionError) as caught:
        templar.template_file(path, scope)
    assert message in caught.value.what
    assert caught.value.mark == Mark(str(path), line, column)


def test_errors_in_an_included_file_name_it(tmp_path: Path, templar: Templar, scope: Scope) -> None:
    _write(
        tmp_path, t="\n\n{% include 'i' %}", i="x\n {{ nope }}", s="{% include 'j' %}", j="\n{{ }"
    )
    with pytest.raises(UndefinedVariable) as caught:
        templar.template_file(tmp_path / "t", scope)
    assert caught.value.mark == Mark(str(tmp_path / "i"), 2, 5)
    with pytest.raises(TemplateError) as syntax:
        templar.template_file(tmp_path / "s", scope)
    assert syntax.value.mark is not None
    assert syntax.value.mark.file == str(tmp_path / "j")
    assert syntax.value.mark.line == 2


def test_an_error_shows_the_line(tmp_path: Path, templar: Templar) -> None:
    path = _write(tmp_path, t="[Service]\nExecStart={{ comand }}\n") / "t"
    with pytest.raises(UndefinedVariable) as caught:
        templar.template_file(path, scope_of("command: x"))
    assert render_error(caught.value).replace(str(tmp_path), "templates") == (
        "error: 'comand' is undefined\n"
        "  --> templates/t:2:14\n"
        "   |\n"
        " 2 | ExecStart={{ comand }}\n"
        "   |              ^^^^^^\n"
        "  why: in '[Service] ExecStart={{ comand }}'\n"
        "  hint: did you mean 'command'?"
    )


def test_files_that_cannot_be_read(tmp_path: Path, templar: Templar, scope: Scope) -> None:
    with pytest.raises(InputError, match="cannot read the template"):
        templar.template_file(tmp_path / "gone", scope)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateError, match="not UTF-8"):
        templar.template_file(tmp_path / "binary", scope)


def test_an_encrypted_template(tmp_path: Path) -> None:
    def decrypt(data: bytes, mark: Mark) -> bytes:
        assert mark.file.endswith("/t")
        return b"{{ x }} " + data[-3:]

    templar = Templar(lookup_context=LookupContext(decrypt=decrypt))
    scope = Scope([load("x: 1", "v")], templar=templar)
    path = _write(tmp_path, t="$ANSIBLE_VAULT;1.1;AES256\nabc") / "t"
    assert templar.template_file(path, scope) == "1 abc"
