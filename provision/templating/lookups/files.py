"""Lookups that read files of the controller."""

from __future__ import annotations

import configparser
import csv
import glob
import io
import os.path
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from provision.errors import InputError
from provision.templating.filters.data import to_bool
from provision.templating.lookups.call import Lookup, LookupCall, options_in
from provision.templating.undefined import Missing, type_name

__all__ = ["LOOKUPS"]


def file(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text of files, without the white space at its end unless `rstrip` is false."""
    found = []
    for term in terms:
        text = call.text(call.need("files", str(term)))
        text = text.lstrip() if to_bool(options.get("lstrip", False)) else text
        found.append(text.rstrip() if to_bool(options.get("rstrip", True)) else text)
    return found


def unvault(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return [call.text(call.need("files", str(term))) for term in terms]


def template(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """Rendered template files; `template_vars` are further variables."""
    from provision.templating.options import TemplateOptions

    extra = options.pop("template_vars", None) or {}
    options.pop("convert_data", None)
    options.pop("jinja2_native", None)
    chosen = TemplateOptions().with_values(options)
    scope = call.scope.child(extra) if extra else call.scope
    templar = call.scope.templar
    return [
        templar.files.render(call.need("templates", str(term)), scope, chosen) for term in terms
    ]


def fileglob(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    """The files that match; a relative pattern in the first folder that has any."""
    found: list[Any] = []
    for term in terms:
        pattern = os.path.expanduser(str(term))  # noqa: PTH111
        folders = [Path("/")] if os.path.isabs(pattern) else call.folders("files")  # noqa: PTH117
        for folder in folders:
            paths = glob.glob(str(folder / pattern))  # noqa: PTH207
            files = [path for path in paths if os.path.isfile(path)]  # noqa: PTH113
            if files:
                found += files
                break
    return found


def _names(value: Any) -> list[str]:
    """A list of paths, or a text with several separated by commas, colons or semicolons."""
    if isinstance(value, str):
        return [part for part in re.split(r"[,;:]", value) if part]
    if isinstance(value, Missing) or value is None:
        return []
    return [name for item in value for name in _names(item)]


def _candidates(terms: Iterable[Any], options: Mapping[str, Any]) -> Iterator[str]:
    for term in terms:
        if isinstance(term, Missing):
            continue
        if isinstance(term, Mapping):
            files, paths = _names(term.get("files")), _names(term.get("paths"))
            for folder in paths or [""]:
                for name in files or ([""] if paths else []):
                    yield os.path.join(folder, name)  # noqa: PTH118
        elif isinstance(term, (list, tuple)):
            yield from _candidates(term, options)
        elif isinstance(term, str):
            yield term
        else:
            kind = type_name(term)
            raise TypeError(f"a term must be a string, a dictionary or a list, not {kind!r}")


def _skips(terms: Iterable[Any]) -> bool:
    for term in terms:
        if isinstance(term, (list, tuple)) and _skips(term):
            return True
        if isinstance(term, Mapping) and to_bool(term.get("skip", False)):
            return True
    return False


def first_found(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The first of several files that exists; with `skip`, nothing when none does.

    Names that are undefined are passed over. Relative ones are looked for among the task's
    variables files, templates or files, by what the task's action reads.
    """
    given: list[Any] = list(terms)
    if options.get("files") or options.get("paths"):
        given = [*given, options] if given else [options]
    tried = []
    for name in _candidates(given, options):
        tried.append(name)
        path = call.find(call.kind, name)
        if path is not None:
            return [str(path.absolute())]
    if to_bool(options.get("skip", False)) or _skips(given):
        return []
    raise InputError("No file was found when using first_found", why=f"tried {', '.join(tried)}")


def csv_file(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """A column of the rows whose first column is the term."""
    known = ("file", "delimiter", "encoding", "default", "col", "keycol")
    found: list[Any] = []
    if not terms:
        raise ValueError("Search key is required but was not found")
    for term in terms:
        key, inline = options_in(str(term), known)
        if not key:
            raise ValueError("Search key is required but was not found")
        chosen = {"file": "ansible.csv", "delimiter": "\t", "col": 1, "keycol": 0}
        chosen |= {name: options[name] for name in known if name in options} | inline
        value = _csv_value(call, key, chosen)
        found += value if isinstance(value, list) else [] if value is None else [value]
    return found


def _csv_value(call: LookupCall, key: str, chosen: Mapping[str, Any]) -> Any:
    delimiter = "\t" if chosen["delimiter"] in ("TAB", "\\t") else str(chosen["delimiter"])
    column, key_column = (_column(name, chosen[name]) for name in ("col", "keycol"))
    text = call.text(call.need("files", str(chosen["file"])))
    for row in csv.reader(io.StringIO(text), delimiter=delimiter):
        if row and row[key_column] == key:
            return row[column]
    return chosen.get("default")


def _column(name: str, value: Any) -> int:
    try:
        return int(str(value))
    except ValueError as exc:
        raise ValueError(f"{name} has an invalid value: {value!r} is not a number") from exc


def ini(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The values of keys of an INI or properties file."""
    known = ("type", "file", "section", "re", "default", "encoding", "case_sensitive")
    found: list[Any] = []
    for term in terms:
        key, inline = options_in(str(term), known)
        chosen = {"type": "ini", "file": "ansible.ini", "section": "global", "default": ""}
        chosen |= {name: options[name] for name in known if name in options} | inline
        parser = configparser.RawConfigParser(
            allow_no_value=to_bool(options.get("allow_no_value", False))
        )
        if to_bool(chosen.get("case_sensitive", False)):
            parser.optionxform = str  # type: ignore[method-assign,assignment]
        text = call.text(call.need("files", str(chosen["file"])))
        section = str(chosen["section"])
        if chosen["type"] == "properties":
            section, text = "java_properties", f"[java_properties]\n{text}"
        parser.read_string(text)
        if to_bool(chosen.get("re", False)):
            pairs = parser.items(section) if parser.has_section(section) else []
            found += [value for name, value in pairs if re.match(key, name)]
        else:
            found.append(parser.get(section, key, fallback=chosen["default"]))
    return found


LOOKUPS: Mapping[str, Lookup] = {
    "csvfile": csv_file,
    "file": file,
    "fileglob": fileglob,
    "first_found": first_found,
    "ini": ini,
    "template": template,
    "unvault": unvault,
}
