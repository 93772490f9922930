"""Rules about a file's name, prefix, keys and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provision.conda.envtext import Edit, EnvText
from provision.conda.lint.data import VAGUE_NAMES
from provision.conda.lint.model import DEFAULT_NAMES, Finding, Level, Subject
from provision.errors import Mark

__all__ = [
    "is_secret",
    "machine_variables",
    "name_convention",
    "path_name",
    "prefix",
    "secret_variables",
    "slug",
    "unread_keys",
]

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|APIKEY|API_KEY|ACCESS_KEY"
    r"|ACCESS_KEY_ID|SECRET_KEY|PRIVATE_KEY|CREDENTIALS?|AUTH|PAT|PWD)(?:_|$)"
)
_SECRET_VALUE = re.compile(
    r"hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{20,}|sk-[\w-]{20,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|glpat-[\w-]{15,}|dapi[0-9a-f]{30,}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@"
)
_NO_VALUE = re.compile(r"(?:|\$\{?\w+\}?|<.*>|change-?me|x{3,}|\*+|your[-_ ].*|true|false|none)")
_MACHINE_PATH = re.compile(r"(?:^|[:=;])(?:/home/|/Users/|/root/|~/|[A-Za-z]:\\)")
_PLACED = re.compile(r"/(?:usr/local/cuda|opt|mnt|data|scratch|work|nfs|srv)[/-]")


def slug(name: str) -> str:
    """`My_Whisper (large)` → `my-whisper-large`."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")


def prefix(subject: Subject) -> Iterator[Finding]:
    if subject.file.prefix and isinstance(subject.text, EnvText):
        edit = subject.text.drop_key("prefix")
        yield Finding(
            "prefix", "warning", subject.key("prefix"),
            f"`prefix: {subject.file.prefix}` names a directory of one machine",
            "conda wrote it into the export; elsewhere it leads nowhere or to another's files",
            "leave the line out",
            (edit,) if edit else (),
        )  # fmt: skip


def _name_finding(
    subject: Subject, rule: str, level: Level, what: str, why: str, better: str
) -> Finding:
    mark = subject.key("name")
    edits: tuple[Edit, ...] = ()
    if isinstance(subject.text, EnvText) and better:
        place = subject.text.value_mark("name", subject.path)
        mark = place or mark
        edits = subject.replace(place, better)
    hint = f"`name: {better}`" if better else "say what it is for, and which version of it"
    return Finding(rule, level, mark, what, why, hint, edits)


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or name.startswith("~")


def path_name(subject: Subject) -> Iterator[Finding]:
    name = subject.file.name
    if _is_path(name):
        yield _name_finding(
            subject, "path-name", "error", f"the name {name!r} is a path",
            "conda exports the path of an environment that lies outside its directory; no other "
            "conda takes it for a name",
            _conventional(re.split(r"[/\\]", name.rstrip("/\\"))[-1], subject.settings.names),
        )  # fmt: skip


def name_convention(subject: Subject) -> Iterator[Finding]:
    name, pattern = subject.file.name, subject.settings.names
    if not isinstance(subject.text, EnvText) or _is_path(name):
        return
    if not name:
        yield Finding(
            "no-name", "note", subject.whole, "the file names no environment",
            "who creates it must say `-n`, and everyone may say another one",
            "add `name:`",
        )  # fmt: skip
        return
    said = "the convention is " + ("meaning-v1" if pattern == DEFAULT_NAMES else repr(pattern))
    if not re.fullmatch(pattern, name):
        yield _name_finding(
            subject, "name-convention", "warning", f"the name {name!r} breaks the convention",
            f"{said}: what it is for and which version, so that two of them can stand side by side",
            _conventional(name, pattern),
        )  # fmt: skip
    elif pattern == DEFAULT_NAMES and _is_vague(name):
        yield _name_finding(
            subject, "name-convention", "warning", f"the name {name!r} says nothing",
            "whoever finds it on a server cannot tell what it is for", "",
        )  # fmt: skip


def _words(name: str) -> list[str]:
    return [w for w in re.split(r"[-_.]", name) if w and not re.fullmatch(r"v?\d+", w)]


def _is_vague(name: str) -> bool:
    return all(w in VAGUE_NAMES or re.fullmatch(r"(?:py|python|cu|cuda|env)\d*", w)
               for w in _words(name))  # fmt: skip


def _conventional(name: str, pattern: str) -> str:
    """A name near this one that fits the pattern; "" when a person must find it."""
    plain = slug(name)
    versioned = re.sub(r"-?v?(\d+(?:\.\d+)*)$", r"-v\1", plain)
    for guess in (plain, versioned, versioned.replace(".", "-"), f"{plain}-v1",
                  f"{plain.replace('.', '-')}-v1"):  # fmt: skip
        if re.fullmatch(pattern, guess) and not _is_vague(guess):
            return guess
    return ""


def unread_keys(subject: Subject) -> Iterator[Finding]:
    for line in subject.file.ignored:
        yield Finding(
            "unread-key", "note", line.mark or subject.whole,
            f"conda does not read `{line.name}:`",
            "it says something to people or to other tools, and nothing to conda",
            "make it a comment",
        )  # fmt: skip


def _variable(subject: Subject, key: str) -> Mark | None:
    if not isinstance(subject.text, EnvText):
        return None
    return subject.text.inner_mark("variables", key, subject.path)


def secret_variables(subject: Subject) -> Iterator[Finding]:
    for key, value in subject.file.variables.items():
        if not is_secret(key, value):
            continue
        mark = _variable(subject, key)
        yield Finding(
            "secret-variable", "error", mark or subject.key("variables"),
            f"the variable {key} looks like a secret",
            "the file is copied, mailed and committed, and everyone who may read the environment "
            "on a host may read its variables",
            "leave it out; give it to the service as a credential",
            subject.drop(mark),
        )  # fmt: skip


def is_secret(key: str, value: str) -> bool:
    """Whether a variable looks like one that nobody else should see."""
    if _SECRET_VALUE.search(value):
        return True
    named = bool(_SECRET_NAME.search(key.upper()))
    return named and not _NO_VALUE.fullmatch(value.strip().lower()) and len(value) >= 6


def machine_variables(subject: Subject) -> Iterator[Finding]:
    for key, value in subject.file.variables.items():
        if is_secret(key, value):
            continue
        home = _MACHINE_PATH.search(value)
        if home or (_PLACED.search(value) and value.startswith("/")):
            mark = _variable(subject, key)
            yield Finding(
                "machine-variable", "warning", mark or subject.key("variables"),
                f"the variable {key} holds a path of one machine",
                "other hosts need not have it, or have something else there",
                "leave it to the service or the host, or make the path one that every host has",
                subject.drop(mark) if home else (),
            )  # fmt: skip
