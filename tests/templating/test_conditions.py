from __future__ import annotations

import pytest
from provision.errors import Mark, TemplateError
from provision.templating import Scope, Templar

from tests.templating.support import scope_of


class Told:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, message: str, _mark: Mark | None) -> None:
        self.messages.append(message)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def templar(told: Told) -> Templar:
    return Templar(on_warning=told)


@pytest.fixture
def scope(templar: Templar) -> Scope:
    return scope_of("yes_: true\nno_: false\nn: 3\ntext: abc", templar=templar)


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (True, True),
        (False, False),
        ("yes_", True),
        ("not yes_", False),
        ("n > 2 and text == 'abc'", True),
        (["yes_", "n == 3"], True),
        (["yes_", "n == 4"], False),
        ([], True),
        ("text == '{{ text }}'", True),
        ("undefined_name is defined and undefined_name.x", False),
    ],
)
def test_answers(
    templar: Templar, scope: Scope, told: Told, condition: object, answer: bool
) -> None:
    assert templar.condition(condition, scope) is answer
    assert told.messages == []


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("{{ yes_ }}", True),
        ("{{ n }} == 3", True),
        ("not {{ no_ }} and {{ yes_ }}", True),
        ("{{ no_ }}", False),
    ],
)
def test_braces_work_as_parentheses_and_are_warned_of(
    templar: Templar, scope: Scope, told: Told, condition: str, answer: bool
) -> None:
    assert templar.condition(condition, scope) is answer
    assert templar.condition(condition, scope) is answer
    assert len(told.messages) == 1
    assert "without braces" in told.messages[0]


def test_a_condition_in_a_variable(templar: Templar) -> None:
    scope = scope_of("wanted: n == 3\nn: 3", templar=templar)
    assert templar.condition("{{ wanted }}", scope)


def test_what_is_no_boolean_is_warned_of(templar: Templar, scope: Scope, told: Told) -> None:
    assert templar.condition("text", scope)
    assert "gives a str, not true or false" in told.messages[0]


def test_what_is_no_boolean_can_be_an_error(scope: Scope) -> None:
    strict = Templar(strict_conditions=True)
    with pytest.raises(TemplateError, match="gives a str") as caught:
        strict.condition("text", scope)
    assert "| bool" in caught.value.hint


def test_an_empty_condition(templar: Templar, scope: Scope) -> None:
    with pytest.raises(TemplateError, match="empty"):
        templar.condition("", scope)
