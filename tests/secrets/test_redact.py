from __future__ import annotations

import base64
import html
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provision.errors import Mark
from provision.secrets import MASK, Redactor, SecretStr, VaultSecrets, VaultValue

SECRET = "p@ss w/rd'\"&ü"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        html.escape(SECRET),
        repr(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_every_form_of_a_secret_is_masked(form: str) -> None:
    assert form not in Redactor([SECRET]).redact(f"before {form} after")


def test_text_around_a_secret_stays() -> None:
    redactor = Redactor(["hunter2"])
    assert redactor.redact("mysql -phunter2 --host=db") == f"mysql -p{MASK} --host=db"
    assert redactor.redact("nothing here") == "nothing here"


def test_quoted_for_a_shell() -> None:
    quoted = shlex.quote("it's a secret")
    assert "secret" not in Redactor(["it's a secret"]).redact(f"echo {quoted}")


def test_inside_a_basic_authorization_header() -> None:
    for user in ("a", "ab", "abc"):
        coded = base64.b64encode(f"{user}:c0rrect-h0rse:x".encode()).decode()
        masked = Redactor(["c0rrect-h0rse"]).redact(f"Authorization: Basic {coded}")
        assert MASK in masked
        shown = masked.removeprefix("Authorization: Basic ").replace(MASK, "")
        assert len(shown) <= len(coded) - 16


def test_lines_of_a_key_are_masked_one_by_one() -> None:
    lines = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    redactor = Redactor([key])
    assert redactor.redact(key) == MASK
    diff = "".join(f"+    {line}\n" for line in key.splitlines())
    masked = redactor.redact(diff)
    assert not any(line in masked for line in lines)
    assert "-----BEGIN PRIVATE KEY-----" in masked


def test_overlapping_secrets_leave_no_rest() -> None:
    assert Redactor(["abcdef", "defghi"]).redact("<abcdefghi>") == f"<{MASK}>"
    assert Redactor(["hunter", "hunter22"]).redact("hunter22") == MASK


def test_what_is_not_masked_inside_text() -> None:
    redactor = Redactor(["", " ", "abc", "true", "root", "localhost"])
    text = "abc root@localhost is true"
    assert redactor.redact(text) is text


def test_nested_values() -> None:
    redactor = Redactor(["s3cret"])
    value = {"url": "http://u:s3cret@h/", "list": ["s3cret", 1, ("x", "s3cret")], "s3cret": None}
    assert redactor.redact_value(value) == {
        "url": f"http://u:{MASK}@h/",
        "list": [MASK, 1, ("x", MASK)],
        MASK: None,
    }
    clean = {"a": [1, 2.5, None, {"b": ("c",)}]}
    assert redactor.redact_value(clean) is clean


def test_secret_values_are_masked_whatever_they_contain() -> None:
    sealed = VaultValue("text", Mark("f"), VaultSecrets().string)
    assert Redactor().redact_value([SecretStr("abc"), sealed]) == [MASK, MASK]


def test_a_secret_learned_late_is_masked_from_then_on() -> None:
    redactor = Redactor(["first-one"])
    assert redactor.redact("first-one second-one") == f"{MASK} second-one"
    redactor.add("second-one")
    assert redactor.redact("first-one second-one") == f"{MASK} {MASK}"


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    masked = redactor.redact(before + secret + after)
    hidden = secret.strip() and Redactor([secret]).redact(secret) != secret
    if hidden and secret not in before + after + MASK:
        assert secret not in masked.replace(MASK, "\0")


@given(st.lists(st.text("abcd:", min_size=4, max_size=8), max_size=6), st.text("abcd: \n"))
def test_all_occurrences_of_all_secrets_go(secrets: list[str], text: str) -> None:
    masked = Redactor(secrets).redact(text).split(MASK)
    for secret in secrets:
        assert not any(secret in part for part in masked)
