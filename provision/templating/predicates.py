"""Ansible's tests (`is changed`, `is version(...)`); Jinja2's are kept beside them."""

from __future__ import annotations

import math
import os.path
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from provision.templating.filters import internal
from provision.templating.guard import with_context
from provision.templating.running import ScopeContext
from provision.templating.undefined import type_name
from provision.templating.versions import compare

__all__ = ["TESTS"]

_VAULT = "$ANSIBLE_VAULT;"


def _result(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"'{name}' looks at a task's result, not at a {type_name(value)}")
    return value


def failed(result: Any) -> bool:
    return bool(_result(result, "failed").get("failed", False))


def succeeded(result: Any) -> bool:
    return not failed(result)


def unreachable(result: Any) -> bool:
    return bool(_result(result, "unreachable").get("unreachable", False))


def changed(result: Any) -> bool:
    """Of a loop's result too, when any item changed."""
    table = _result(result, "changed")
    items = table.get("results")
    if "changed" not in table and isinstance(items, list) and items:
        return any(isinstance(item, Mapping) and bool(item.get("changed")) for item in items)
    return bool(table.get("changed", False))


def skipped(result: Any) -> bool:
    return bool(_result(result, "skipped").get("skipped", False))


def started(result: Any) -> bool:
    """Always so for a task that is not asynchronous."""
    table = _result(result, "started")
    return bool(table["started"]) if "started" in table else True


def finished(result: Any) -> bool:
    table = _result(result, "finished")
    return bool(table["finished"]) if "finished" in table else True


def timed_out(result: Any) -> bool:
    timeout = _result(result, "timedout").get("timedout")
    return bool(timeout and timeout.get("period", False))


def regex(
    value: object = "",
    pattern: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    match_type: str = "search",
) -> bool:
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    compiled = re.compile(str(pattern), flags)
    ways = {"search": compiled.search, "match": compiled.match, "fullmatch": compiled.fullmatch}
    return bool(ways.get(match_type, compiled.search)(str(value)))


def match(
    value: object, pattern: str = "", ignorecase: bool = False, multiline: bool = False
) -> bool:
    """At the text's beginning."""
    return regex(value, pattern, ignorecase, multiline, "match")


def search(
    value: object, pattern: str = "", ignorecase: bool = False, multiline: bool = False
) -> bool:
    return regex(value, pattern, ignorecase, multiline, "search")


def truthy(value: Any, convert_bool: bool = False) -> bool:
    """As Python sees it; with `convert_bool`, the text "no" is false."""
    if convert_bool:
        words = ("y", "yes", "on", "1", "true", "t", "n", "no", "off", "0", "false", "f")
        if isinstance(value, str) and value.lower() in words:
            value = value.lower() in words[:6]
    return bool(value)


def falsy(value: Any, convert_bool: bool = False) -> bool:
    return not truthy(value, convert_bool)


def _subset(left: Iterable[Any], right: Iterable[Any]) -> bool:
    members = list(right)
    return all(item in members for item in left)


def contains(container: Any, value: Any) -> bool:
    try:
        return value in container
    except TypeError:
        return False


def is_nan(value: Any) -> bool:
    try:
        return math.isnan(value)
    except TypeError:
        return False


def same_file(left: str, right: str) -> bool:
    return os.path.exists(left) and os.path.exists(right) and os.path.samefile(left, right)  # noqa: PTH110, PTH121


def uri(value: Any, schemes: list[str] | None = None) -> bool:
    try:
        parts = urlsplit(value)
    except (AttributeError, TypeError, ValueError):
        return False
    return schemes is None or parts.scheme in schemes


def url(value: Any, schemes: list[str] | None = None) -> bool:
    return uri(value, schemes) and bool(urlsplit(value).netloc and urlsplit(value).scheme)


def urn(value: Any) -> bool:
    if not uri(value, ["urn"]):
        return False
    return bool(re.match(r"urn:[a-z0-9][a-z0-9-]{0,31}:.", str(value), re.IGNORECASE))


def vaulted(value: Any) -> bool:
    """Whether the text was encrypted in the user's file, or is encrypted still."""
    from provision.secrets import SecretStr

    return isinstance(value, SecretStr) or str(value).startswith(_VAULT)


@with_context
def vaulted_file(context: ScopeContext, path: str) -> bool:
    from provision.templating.lookups.call import LookupCall

    with LookupCall("vaulted_file", context.scope).need("files", path).open("rb") as stream:
        return stream.read(len(_VAULT)) == _VAULT.encode()


def _named(names: str, function: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    return dict.fromkeys(names.split(), function)


TESTS: Mapping[str, Callable[..., Any]] = {
    **internal.TESTS,
    **_named("failed failure", failed),
    **_named("succeeded success successful", succeeded),
    **_named("changed change", changed),
    **_named("skipped skip", skipped),
    **_named("version version_compare", compare),
    **_named("subset issubset", _subset),
    **_named("superset issuperset", lambda left, right: _subset(right, left)),
    **_named("nan isnan", is_nan),
    **_named("exists", os.path.exists),
    **_named("link_exists", os.path.lexists),
    **_named("file is_file", os.path.isfile),
    **_named("directory is_dir", os.path.isdir),
    **_named("link is_link", os.path.islink),
    **_named("mount is_mount", os.path.ismount),
    **_named("abs is_abs", os.path.isabs),
    **_named("same_file is_same_file", same_file),
    "all": all,
    "any": any,
    "contains": contains,
    "falsy": falsy,
    "finished": finished,
    "match": match,
    "reachable": lambda result: not unreachable(result),
    "regex": regex,
    "search": search,
    "started": started,
    "timedout": timed_out,
    "truthy": truthy,
    "unreachable": unreachable,
    "uri": uri,
    "url": url,
    "urn": urn,
    "vault_encrypted": vaulted,
    "vaulted_file": vaulted_file,
}
