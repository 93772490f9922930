"""Text and names alone are rendered without Jinja2, and just as Jinja2 does it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provision.errors import ProvisionError
from provision.templating import Scope, Templar, TemplateOptions
from provision.templating.simple import simple_expression, simple_text
from provision.yamlsource import load

from tests.templating.support import plain

VARS = """
a: 1
b: "{{ a }}"
text: "x\\n"
nothing: null
l: [1, "{{ a }}"]
d: {k: "{{ b }}", items: 3, gone: "{{ nope }}", _p: 5}
loop_: 4
"""


class Jinja(Templar):
    """Takes the long way for everything: a None beside other values does not count."""

    def render_text(self, source: str, scope: Scope) -> Any:
        return super().render_text("{{ none }}" + source, scope)


PIECES = st.sampled_from(
    [
        *("{{ a }}", "{{b}}", "{{ text }}", "{{ nothing }}", "{{ l }}", "{{ d.k }}", "{{ d }}"),
        *("{{ nope }}", "{{ d.nope.x }}", "{{ d.gone }}", "{{ true }}", "{{ vars.a }}"),
        *("{{ d._p }}", "{{ a.__class__ }}", "{{ not a }}", "{{ l.0 }}", "{{- a }}", "{{ loop_ }}"),
        *("\n", " ", "é", "{", "}", "}}", "{{", "\\", "'", "\r\n", "{{ d.items }}", "{{\na }}"),
    ]
)
TEMPLAR = Templar()
JINJA = Jinja()


def _outcome(templar: Templar, text: str) -> tuple[str, Any]:
    scope = Scope([load(VARS, "v.yml")], templar=templar)
    try:
        return "value", repr(plain(templar.render(text, scope)))
    except ProvisionError as exc:
        return "error", exc.what


@settings(deadline=None)
@given(text=st.lists(PIECES, max_size=5).map("".join))
def test_it_is_what_jinja2_does(text: str) -> None:
    assert _outcome(TEMPLAR, text) == _outcome(JINJA, text)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("{{ a }}", True),
        ("x {{ a.b }} {{c}}\n", True),
        ("plain", True),
        ("{{ a | upper }}", False),
        ("{{ none }}", False),
        ("{% if a %}{% endif %}", False),
        ("{{ a }", False),
        ("{{{ a }}", False),
        ("{# c #}{{ a }}", False),
    ],
)
def test_what_takes_the_short_way(text: str, taken: bool) -> None:
    environment = TEMPLAR.files.environment(TemplateOptions())
    assert (simple_text(text, environment) is not None) is taken


def test_expressions() -> None:
    environment = TEMPLAR.files.environment(TemplateOptions())
    assert simple_expression(" a.b ", environment) is not None
    assert simple_expression("not a", environment) is None
    assert simple_expression("true", environment) is None
    assert simple_expression("a == 1", environment) is None
