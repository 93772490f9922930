from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from provision.errors import Mark, TemplateError, UndefinedVariable
from provision.secrets import SecretStr, VaultValue
from provision.templating import OMIT, Pending, Scope, Templar, trusted
from provision.yamlsource import Str, load

from tests.templating.support import scope_of


class Later(Mapping[str, Any]):
    """A layer whose names are there and not known yet."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Any:
        if name in self.names:
            raise Pending(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@pytest.fixture
def templar() -> Templar:
    return Templar()


def test_the_highest_layer_wins_and_lower_ones_see_it(templar: Templar) -> None:
    low = load("path: '{{ root }}/bin'\nroot: /usr", "low.yml")
    scope = Scope([low, {"root": "/opt"}], templar=templar)
    assert scope["path"] == "/opt/bin"
    assert scope.child({"root": "/srv"})["path"] == "/srv/bin"
    assert scope["path"] == "/opt/bin"


def test_it_is_a_mapping_of_plain_data(templar: Templar) -> None:
    scope = scope_of("a: {x: ['{{ b }}', {y: '{{ b }}'}]}\nb: 3")
    assert dict(scope) == {"a": {"x": [3, {"y": 3}]}, "b": 3}
    assert type(scope["a"]) is dict
    assert "c" not in scope
    assert scope.get("c", 5) == 5
    with pytest.raises(KeyError):
        scope["c"]


def test_each_variable_is_rendered_once(templar: Templar) -> None:
    scope = scope_of("token: '{{ 999999999999 | random }}'")
    assert templar.render("{{ token == token }}{{ token }}", scope) == f"True{scope['token']}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ later }}",
        "x {{ later }} y",
        "{{ later | default('no') }}",
        "{{ later is defined }}",
        "{{ later.a.b | default('no') | upper }}",
        "{{ [1] | map('default', later) }}",
        "{{ indirect | default('no') }}",
        "{{ inside.value }}",
        "{{ inside }}",
        "{{ lookup('vars', 'later', default=1) }}",
        "{{ lookup('template', 'none', errors='ignore', template_vars=later) }}",
        "{% if later is defined %}x{% endif %}",
        "{% for x in [later] %}{{ x }}{% endfor %}",
        "{% macro m() %}{{ later }}{% endmacro %}{{ m() }}",
    ],
)
def test_what_is_pending_passes_untouched(templar: Templar, text: str) -> None:
    own = load("indirect: 'x{{ later }}'\ninside: {value: ['{{ later }}']}", "v.yml")
    scope = Scope([own, Later("later")], templar=templar)
    with pytest.raises(Pending) as caught:
        templar.render(text, scope)
    assert caught.value.name == "later"


def test_pending_passes_through_conditions_and_loops(templar: Templar) -> None:
    scope = Scope([Later("later")], templar=templar)
    for call in (
        lambda: templar.condition("later is changed", scope),
        lambda: templar.condition("{{ later }}", scope),
        lambda: templar.evaluate("later.stdout_lines", scope),
        lambda: scope["later"],
    ):
        with pytest.raises(Pending):
            call()


def test_a_pending_item_not_asked_for_does_not_matter(templar: Templar) -> None:
    own = load("both: {now: 1, later: '{{ later }}'}", "v")
    scope = Scope([own, Later("later")], templar=templar)
    assert templar.render("{{ both.now }}", scope) == 1
    assert templar.condition(["both.now == 2", "later.rc == 0"], scope) is False


def test_a_recursive_definition_names_the_chain(templar: Templar) -> None:
    scope = scope_of("a: '{{ b }}'\nb: 'x{{ c }}'\nc: '{{ a }}'", file="site.yml")
    with pytest.raises(TemplateError) as caught:
        templar.render("{{ a }}", scope)
    assert caught.value.why == "a → b → c → a"
    assert caught.value.mark == Mark("site.yml", 1, 4)


def test_containers_are_lazy(templar: Templar) -> None:
    scope = scope_of("conf: {broken: '{{ nope }}', good: '{{ 1 }}', same: '{{ conf.good }}'}")
    assert templar.render("{{ conf.good }}{{ conf.same }}{{ conf | length }}", scope) == "113"
    assert templar.render("{{ conf.broken | default('d') }}", scope) == "d"
    with pytest.raises(UndefinedVariable, match="'nope' is undefined"):
        templar.render("{{ conf }}", scope)


def test_lazy_containers_are_rendered_wherever_they_go(templar: Templar) -> None:
    scope = scope_of("l: ['{{ 1 }}', 2]\nd: {a: '{{ 1 }}'}\ne: {b: '{{ 2 }}'}")
    for text, expected in (
        ("{{ l + [3] }}", [1, 2, 3]),
        ("{{ [0] + l }}", [0, 1, 2]),
        ("{{ l == [1, 2] and [1, 2] == l and d == {'a': 1} }}", True),
        ("{{ 1 in l }}", True),
        ("{{ l[::-1] }}", [2, 1]),
        ("{{ l * 2 }}", [1, 2, 1, 2]),
        ("{{ l | sum }}", 3),
        ("{{ d | combine(e) }}", {"a": 1, "b": 2}),
        ("{{ dict(d, **e) }}", {"a": 1, "b": 2}),
        ("{{ d | to_json }}", '{"a": 1}'),
        ("{{ d.items() | list }}", [["a", 1]]),
        ("{{ d.get('a') }}", 1),
        ("{{ d.copy() }}", {"a": 1}),
        ("{{ l ~ '' }}", "[1, 2]"),
    ):
        assert templar.render(text, scope) == expected, text


def test_data_is_never_a_template(templar: Templar) -> None:
    evil = "{{ lookup('pipe', 'touch /tmp/owned') }}"
    scope = Scope([{"fact": evil, "result": {"out": [evil]}}], templar=templar)
    assert templar.render("{{ fact }}", scope) == evil
    assert templar.render("{{ result }}", scope) == {"out": [evil]}
    assert templar.render("x{{ result.out[0] }}", scope) == "x" + evil
    with pytest.raises(TemplateError, match="gives the text"):
        templar.condition("{{ fact }}", scope)


def test_unsafe_text_is_never_a_template(templar: Templar) -> None:
    scope = Scope([{"raw": Str("{{ 1 }}", unsafe=True)}], templar=templar)
    assert templar.render("{{ raw }}", scope) == "{{ 1 }}"
    assert templar.render(Str("{{ 1 }}", unsafe=True), scope) == "{{ 1 }}"


def test_what_a_user_typed_elsewhere_can_be_trusted(templar: Templar) -> None:
    scope = Scope([{"n": 1}, trusted({"a": ["{{ n }}"], "b": {"c": "{{ n }}"}})], templar=templar)
    assert scope["a"] == [1]
    assert scope["b"] == {"c": 1}


def test_a_template_changes_only_its_own_copy(templar: Templar) -> None:
    layer = load("l: [1]\nd: {a: 1}\nt: ['{{ 1 }}']", "v")
    data = {"plain": [1]}
    scope = Scope([layer, data], templar=templar)
    text = "{{ l.append(2) }}{{ plain.append(2) }}{{ t.append(2) }}{{ [l, plain, t] }}"
    assert templar.render(text, scope) == [[1, 2], [1, 2], [1, 2]]
    assert templar.render("{{ d.update({'b': 2}) }}{{ d }}", scope) == {"a": 1, "b": 2}
    assert layer["l"] == [1]
    assert layer["d"] == {"a": 1}
    assert data["plain"] == [1]
    assert scope["t"] == [1]


def test_other_hosts_variables_are_scopes(templar: Templar) -> None:
    other = Scope([load("a: '{{ b }}'\nb: 2\nitems: 7\nchild: 8", "h")], templar=templar)
    scope = Scope([{"hostvars": {"h1": other}}], templar=templar)
    assert templar.render("{{ hostvars['h1'].a }}{{ hostvars.h1['b'] }}", scope) == "22"
    assert templar.render("{{ hostvars.h1.items }} {{ hostvars.h1.child }}", scope) == "7 8"
    assert templar.render("{{ hostvars.h1.get('z', 5) }}{{ 'a' in hostvars.h1 }}", scope) == "5True"
    assert templar.render("{{ hostvars.h1.z | default('none') }}", scope) == "none"
    assert templar.render("{{ ['h1'] | map('extract', hostvars, 'a') | list }}", scope) == [2]
    with pytest.raises(UndefinedVariable, match="has no attribute 'templar'"):
        templar.render("{{ hostvars.h1.templar }}", scope)


def test_secrets_are_revealed_only_when_asked_for(templar: Templar) -> None:
    opened: list[str] = []

    def decrypt(text: str, mark: Mark) -> SecretStr:
        opened.append(text)
        return SecretStr("s3cr{{et", mark)

    secret = VaultValue("cipher", Mark("v.yml", 1, 1), decrypt)
    layer = load("db: {user: me}\nurl: '{{ db.user }}:{{ password }}'", "v.yml")
    layer["password"] = secret
    layer["db"]["password"] = secret
    scope = Scope([layer], templar=templar)
    assert templar.render("{{ db.user }}", scope) == "me"
    assert opened == []
    assert templar.render("{{ url }}", scope) == "me:s3cr{{et"
    assert templar.render("{{ db }}", scope) == {"user": "me", "password": "s3cr{{et"}
    assert templar.condition("password is vault_encrypted", scope)
    assert templar.render({"p": secret}, scope) == {"p": "s3cr{{et"}


def test_omit_is_left_where_the_caller_can_see_it(templar: Templar) -> None:
    scope = scope_of("")
    given = {"a": "{{ omit }}", "b": {"c": "{{ omit }}", "d": 1}, "e": ["{{ omit }}", 2]}
    assert templar.render(given, scope) == {"a": OMIT, "b": {"d": 1}, "e": [2]}
    assert templar.render("{{ x | default(omit) }}", scope) is OMIT
    assert templar.render("{{ [omit, {'a': omit}] }}", scope) == [{}]


def test_containers_are_rendered_with_their_keys(templar: Templar) -> None:
    scope = scope_of("name: web")
    given = load("'{{ name }}_port': ['{{ name }}', 80, null, true]", "t.yml")
    assert templar.render(given, scope) == {"web_port": ["web", 80, None, True]}


def test_names_in_a_template(templar: Templar) -> None:
    value = {"a": "{{ x.y }} {% for i in items %}{{ i }}{% endfor %}", "{{ k }}": ["{{ z }}", "q"]}
    assert templar.names_in(value) == {"x", "items", "k", "z"}
    assert templar.names_in("{{ lookup('env', 'HOME') }}") == set()
    assert templar.names_in("plain") == set()
    assert templar.names_in_expression("a == 1 and b is defined") == {"a", "b"}
    with pytest.raises(TemplateError, match="Syntax error"):
        templar.names_in("{{ x")


def test_is_template(templar: Templar) -> None:
    assert templar.is_template("a {{ b }}")
    assert templar.is_template("{% if a %}")
    assert not templar.is_template("{ a: 1 }")
    assert not templar.is_template(3)


def test_places_and_workings_do_not_show(templar: Templar) -> None:
    scope = scope_of("s: text\nm: {a: '{{ 1 }}'}\nl: ['{{ 1 }}']")
    for name in ("s.mark", "s.unsafe", "m.mark", "m.value_marks", "l.mark", "l.filled", "m.filled"):
        assert templar.render(f"{{{{ {name} is defined }}}}", scope) is False, name
