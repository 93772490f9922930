"""Actions that need no host: set_fact, debug, assert, fail."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError, UndefinedVariable
from provision.yamlsource import Seq, Str

from tests.actions.harness import ActionHost


def test_set_fact_keeps_types(here: ActionHost) -> None:
    outcome = here.run("set_fact", ports=[8001, 8002], on=True, size=None, text="yes")
    assert outcome.status == "ok"
    assert outcome.host_vars == {"ports": [8001, 8002], "on": True, "size": None, "text": "yes"}
    assert outcome.facts == {}


def test_set_fact_cacheable_makes_them_facts(here: ActionHost) -> None:
    outcome = here.run("set_fact", cacheable="yes", a=1)
    assert outcome.facts == outcome.host_vars == {"a": 1}


@pytest.mark.parametrize("name", ["a-b", "1a", "for", "ü"])
def test_set_fact_refuses_names_templates_cannot_use(here: ActionHost, name: str) -> None:
    values: dict[str, Any] = {name: 1}
    with pytest.raises(PlaybookError, match="cannot be the name of a variable"):
        here.run("set_fact", **values)


def test_set_fact_needs_a_variable(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="no variable"):
        here.run("set_fact", cacheable=True)


def test_debug_prints_a_message_or_an_expression(here: ActionHost) -> None:
    assert here.run("debug").msg == "Hello world!"
    outcome = here.run("debug", var="a.b", variables={"a": {"b": [1, 2]}})
    assert outcome.data == {"a.b": [1, 2]}
    assert here.run("debug", msg={"k": 1}).data == {"msg": {"k": 1}}


def test_debug_of_an_undefined_variable_says_so(here: ActionHost) -> None:
    outcome = here.run("debug", var="nothing")
    assert outcome.status == "ok"
    assert "NOT DEFINED" in outcome.data["nothing"]


def test_debug_waits_for_verbosity(here: ActionHost) -> None:
    assert here.run("debug", msg="x", verbosity=2).status == "skipped"
    loud = here.run("debug", msg="x", verbosity=2, variables={"ansible_verbosity": 2})
    assert loud.status == "ok"


def test_assert_names_the_condition_that_fails(here: ActionHost) -> None:
    outcome = here.run("assert", that=["a > 1", "a > 5"], variables={"a": 3})
    assert (outcome.status, outcome.data["assertion"]) == ("failed", "a > 5")
    assert outcome.msg == "Assertion failed: a > 5"


def test_assert_takes_one_condition_with_commas(here: ActionHost) -> None:
    outcome = here.run("assert", that="a in ['x', 'y']", variables={"a": "y"})
    assert (outcome.status, outcome.msg) == ("ok", "All assertions passed")


def test_assert_takes_a_list_from_a_variable(here: ActionHost) -> None:
    conditions = Seq()
    conditions += [Str("n == 1"), Str("n == 2")]
    outcome = here.run("assert", that=Str("{{ wanted }}"), variables={"wanted": conditions, "n": 1})
    assert (outcome.status, outcome.data["assertion"]) == ("failed", "n == 2")


def test_assert_uses_the_given_messages(here: ActionHost) -> None:
    assert here.run("assert", that=False, msg="too small").msg == "too small"
    assert here.run("assert", that=True, success_msg="fits").msg == "fits"


def test_assert_with_an_undefined_variable_is_an_error(here: ActionHost) -> None:
    with pytest.raises(UndefinedVariable, match="nothing"):
        here.run("assert", that="nothing == 1")


def test_fail_fails(here: ActionHost) -> None:
    outcome = here.run("fail", msg="no GPU")
    assert (outcome.status, outcome.msg, outcome.data["msg"]) == ("failed", "no GPU", "no GPU")
