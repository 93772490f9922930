"""Rules about the pip section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from provision.conda.channels import has_credentials
from provision.conda.envtext import Edit, EnvText
from provision.conda.lint.model import Finding, Subject
from provision.conda.pipspecs import PipLine, normalised, plain_requirement
from provision.conda.vendor import LOCAL_VERSION_INDEXES

__all__ = [
    "editable",
    "git",
    "index_credentials",
    "local_versions",
    "pip_unasked",
    "somewhere",
]

_WHEEL = re.compile(r"(?P<name>[A-Za-z0-9_.]+?)-(?P<version>[0-9][^-]*)-.*\.whl")
_SDIST = re.compile(r"(?P<name>.+)-(?P<version>[0-9][^-]*?)\.(?:tar\.gz|zip|tar\.bz2)")
_COMMIT = re.compile(r"@(?P<rev>[^#@/]+)(?:#|$)")


def git(subject: Subject) -> Iterator[Finding]:
    for line in subject.file.pip_packages:
        if line.kind != "git":
            continue
        found = _COMMIT.search(line.text.rpartition("://")[2])
        fixed = bool(found and re.fullmatch(r"[0-9a-f]{7,40}", found["rev"]))
        why = "it is built anew on each host, with git, compilers and what the day brings"
        if not fixed:
            why = "it names no commit, so each host may get another one; " + why
        yield Finding(
            "pip-git", "error", line.mark or subject.whole,
            f"{plain_requirement(line)} is built from a repository", why,
            "name a release (name==version), or build a wheel and give its URL",
        )  # fmt: skip


def editable(subject: Subject) -> Iterator[Finding]:
    for line in subject.file.pip_packages:
        if line.kind == "editable":
            yield Finding(
                "pip-editable", "error", line.mark or subject.whole,
                f"{plain_requirement(line)} is an editable install",
                "it is the working copy of one person on one machine",
                "build a wheel and give its URL, or install the code with the service",
            )  # fmt: skip


def _release(path: str) -> str:
    """`name==version` as an archive's name tells, or ""."""
    name = unquote(urlsplit(path).path if "://" in path else path).rpartition("/")[2]
    found = _WHEEL.fullmatch(name) or _SDIST.fullmatch(name)
    return f"{normalised(found['name'])}=={found['version']}" if found else ""


def somewhere(subject: Subject) -> Iterator[Finding]:
    """Entries that lead to a place on one machine's disk."""
    conda = {spec.name for spec in subject.file.conda}
    for line in subject.file.pip_packages:
        local_url = line.kind == "url" and "file://" in line.text
        if line.kind != "path" and not local_url:
            continue
        where = line.text.partition("@")[2].strip() or line.text
        built_by_conda = bool(re.search(r"/(?:croot|feedstock_root|conda-bld|tmp/build)/", where))
        if built_by_conda and line.name in conda:
            yield Finding(
                "pip-path", "error", line.mark or subject.whole,
                f"{line.name} is conda's own, told by pip with the path it was built at",
                "`pip freeze` lists conda's packages as well",
                "leave the line out", subject.drop(line.mark),
            )  # fmt: skip
            continue
        release = _release(where) or (line.name if built_by_conda else "")
        yield Finding(
            "pip-path", "error", line.mark or subject.whole,
            f"{plain_requirement(line)} lies on one machine",
            "no other machine has that file",
            f"`{release}`, if an index has it" if release else
            "publish it, or capture the environment with --include-unavailable",
            subject.replace(line.mark, release) if release else (),
        )  # fmt: skip


def _told_indexes(subject: Subject) -> str:
    told = [
        line.value
        for line in subject.file.pip
        if line.option in ("index-url", "extra-index-url", "find-links")
    ]
    return " ".join(told)


def local_versions(subject: Subject) -> Iterator[Finding]:
    told = _told_indexes(subject)
    asked: set[str] = set()
    for line in subject.file.pip_packages:
        local = line.version.partition("+")[2]
        if not local or (told and (local in told or not _index(subject, local))):
            continue
        option = f"--extra-index-url {_index(subject, local)}" if _index(subject, local) else ""
        edits: tuple[Edit, ...] = ()
        if option and option not in asked:
            first = next((p for p in subject.file.pip if p.mark), line)
            edits = subject.insert_before(first.mark, option)
            asked.add(option)
        yield Finding(
            "local-version", "error", line.mark or subject.whole,
            f"{plain_requirement(line)} is on no public index",
            "the part behind + names a build of a vendor's own index, which the export has lost",
            f"add `{option}`" if option else "add the --extra-index-url it was installed from",
            edits,
        )  # fmt: skip


def _index(subject: Subject, local: str) -> str:
    """The address of the index that has this local version, "" when unknown."""
    for pattern, address in LOCAL_VERSION_INDEXES:
        if re.fullmatch(pattern, local):
            return (subject.settings.index or address).format(tag=local)
    return ""


def index_credentials(subject: Subject) -> Iterator[Finding]:
    for line in subject.file.pip:
        url = line.value if line.kind == "option" else line.text.rpartition(" @ ")[2]
        if not _has_password(url):
            continue
        plain = plain_requirement(line)
        yield Finding(
            "index-token", "error", line.mark or subject.whole,
            f"{plain} holds a password",
            "whoever gets the file gets it",
            "say the address without it; give the full one in `pip_index_url`",
            subject.replace(line.mark, plain),
        )  # fmt: skip


def _has_password(url: str) -> bool:
    url = re.sub(r"^(?:-e|--editable)[\s=]+", "", url.partition("#")[0]).strip()
    if url.startswith(("git+", "hg+", "svn+", "bzr+")):
        parts = urlsplit(url)
        return bool(parts.password) or ("@" in parts.netloc and parts.scheme.endswith("https"))
    return has_credentials(url) and url.startswith("http") and "@" in urlsplit(url).netloc


def pip_unasked(subject: Subject) -> Iterator[Finding]:
    lines: list[PipLine] = list(subject.file.pip_packages)
    if not lines or not isinstance(subject.text, EnvText):
        return
    if any(spec.name == "pip" for spec in subject.file.conda):
        return
    edit = subject.text.insert_dependency("pip")
    yield Finding(
        "pip-unasked", "warning", subject.key("dependencies"),
        "there is a pip section, and pip is not among the dependencies",
        "conda adds one of its choice, with a warning; some releases do not",
        "add `- pip`",
        (edit,) if edit else (),
    )  # fmt: skip
