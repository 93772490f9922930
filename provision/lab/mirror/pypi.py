"""The package index's side of the mirror: project pages and files, fetched when asked for."""

from __future__ import annotations

import hashlib
import html
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from provision.lab.mirror.files import FileCache
from provision.lab.mirror.upstream import NotFound, PipClient, UpstreamError

__all__ = [
    "IndexFile",
    "Project",
    "PypiProxy",
    "normalize",
    "parse_page",
    "render_html",
    "render_json",
]

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_PAGE_SECONDS = 600.0


def normalize(name: str) -> str:
    """A project's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class IndexFile:
    """One file of a project. `metadata`: None, or the hash name → value of its PEP 658 file."""

    filename: str
    url: str
    hashes: dict[str, str] = field(default_factory=dict)
    requires_python: str | None = None
    metadata: dict[str, str] | None = None
    yanked: bool | str = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Project:
    name: str
    files: tuple[IndexFile, ...]

    def find(self, filename: str) -> IndexFile | None:
        return next((item for item in self.files if item.filename == filename), None)


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if tag == "base":
            self.base = values.get("href", "")
        elif tag == "a" and "href" in values:
            self.found.append(values)


def _hash(text: str) -> dict[str, str]:
    kind, _, value = text.partition("=")
    return {kind: value} if value else {}


def _parse_html(text: str, url: str) -> Iterator[IndexFile]:
    parser = _Anchors()
    parser.feed(text)
    for anchor in parser.found:
        address, fragment = urldefrag(urljoin(urljoin(url, parser.base), anchor["href"]))
        filename = unquote(urlsplit(address).path.rpartition("/")[2])
        if not filename:
            continue
        metadata = anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata"))
        yield IndexFile(
            filename,
            address,
            _hash(fragment),
            anchor.get("data-requires-python") or None,
            None if metadata in (None, "false") else _hash(metadata or ""),
            anchor["data-yanked"] or True if "data-yanked" in anchor else False,
        )


def _parse_json(text: str, url: str) -> Iterator[IndexFile]:
    for item in json.loads(text)["files"]:
        metadata = item.get("core-metadata", item.get("dist-info-metadata", False))
        yield IndexFile(
            item["filename"],
            urljoin(url, item["url"]),
            dict(item.get("hashes") or {}),
            item.get("requires-python"),
            (dict(metadata) if isinstance(metadata, dict) else {}) if metadata else None,
            item.get("yanked", False),
            item.get("size"),
        )


def parse_page(text: str, content_type: str, url: str) -> list[IndexFile]:
    """A project page in either of the index's two formats."""
    return list(_parse_json(text, url) if "json" in content_type else _parse_html(text, url))


def _belongs(filename: str, project: str) -> bool:
    stem = filename.split("-", 1)[0] if filename.endswith(".whl") else filename.rpartition("-")[0]
    return normalize(stem) == project


def render_json(project: Project) -> bytes:
    files = []
    for item in project.files:
        entry: dict[str, Any] = {
            "filename": item.filename,
            "hashes": item.hashes,
            "url": f"../../files/{project.name}/{quote(item.filename)}",
            "yanked": item.yanked,
        }
        if item.requires_python:
            entry["requires-python"] = item.requires_python
        if item.metadata is not None:
            entry["core-metadata"] = item.metadata or True
        if item.size is not None:
            entry["size"] = item.size
        files.append(entry)
    return json.dumps(
        {"meta": {"api-version": "1.0"}, "name": project.name, "files": files}
    ).encode()


def render_html(project: Project) -> bytes:
    lines = [
        '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0">',
        f"<title>Links for {project.name}</title></head><body>",
    ]
    for item in project.files:
        url = f"../../files/{project.name}/{quote(item.filename)}"
        if "sha256" in item.hashes:
            url += f"#sha256={item.hashes['sha256']}"
        attributes = ""
        if item.requires_python:
            attributes += f' data-requires-python="{html.escape(item.requires_python)}"'
        if item.metadata is not None:
            value = next((f"{k}={v}" for k, v in item.metadata.items()), "true")
            attributes += f' data-core-metadata="{value}" data-dist-info-metadata="{value}"'
        if item.yanked is not False:
            reason = item.yanked if isinstance(item.yanked, str) else ""
            attributes += f' data-yanked="{html.escape(reason)}"'
        shown = html.escape(item.filename)
        lines.append(f'<a href="{html.escape(url)}"{attributes}>{shown}</a><br>')
    return "\n".join([*lines, "</body></html>"]).encode()


class PypiProxy:
    """`page` and `file` answer from memory and disk where they can, and ask upstream else."""

    def __init__(self, cache: FileCache, client: PipClient | None = None) -> None:
        self._cache = cache
        self._client = client
        self._lock = threading.Lock()
        self._pages: dict[str, tuple[float, Project]] = {}

    @property
    def client(self) -> PipClient:
        with self._lock:
            if self._client is None:
                self._client = PipClient()
            return self._client

    def page(self, name: str) -> Project:
        """All files of a project, over all indexes. Raises NotFound or UpstreamError."""
        project = normalize(name)
        known = self._pages.get(project)
        if known is not None and time.monotonic() - known[0] < _PAGE_SECONDS:
            return known[1]
        files: dict[str, IndexFile] = {}
        failures: list[UpstreamError] = []
        found = False
        for index in self.client.indexes:
            try:
                for item in self._index_page(f"{index.rstrip('/')}/{project}/"):
                    files.setdefault(item.filename, item)
                found = True
            except NotFound:
                continue
            except UpstreamError as error:
                failures.append(error)
        for item in self._found_links(project):
            files.setdefault(item.filename, item)
        if not files and failures:
            raise failures[0]
        if not files and not found:
            raise NotFound(f"no project {project}")
        result = Project(project, tuple(files.values()))
        self._pages[project] = (time.monotonic(), result)
        return result

    def _index_page(self, url: str) -> list[IndexFile]:
        if url.startswith("file:"):
            folder = Path(unquote(urlsplit(url).path))
            if (folder / "index.html").is_file():
                return parse_page((folder / "index.html").read_text(), "text/html", url)
            if folder.is_dir():
                return _listing(folder)
            raise NotFound("no such folder")
        with self.client.get(url, _ACCEPT) as reply:
            text = b"".join(reply.chunks()).decode("utf-8", errors="replace")
            return parse_page(text, reply.content_type, url)

    def _found_links(self, project: str) -> list[IndexFile]:
        found: list[IndexFile] = []
        for link in self.client.find_links:
            folder = Path(unquote(urlsplit(link).path) if link.startswith("file:") else link)
            if folder.is_dir():
                found += [item for item in _listing(folder) if _belongs(item.filename, project)]
        return found

    def file(self, name: str, filename: str) -> Path:
        """A path on disk that holds the file, or its `.metadata`. Raises as `page` does."""
        project = self.page(name)
        item = project.find(filename)
        if item is not None:
            return self._fetched(project, item.filename, item.url, item.hashes)
        owner = project.find(filename.removesuffix(".metadata"))
        if not filename.endswith(".metadata") or owner is None or owner.metadata is None:
            raise NotFound(f"no {filename} in {project.name}")
        return self._fetched(project, filename, f"{owner.url}.metadata", owner.metadata)

    def _fetched(self, project: Project, filename: str, url: str, hashes: dict[str, str]) -> Path:
        if url.startswith("file:"):
            path = Path(unquote(urlsplit(url).path))
            if not path.is_file():
                raise NotFound(f"no {filename}")
            return path
        digest = hashes.get("sha256", "")
        key = f"pypi/{project.name}/{digest or hashlib.sha256(url.encode()).hexdigest()}/{filename}"

        def download(target: Path) -> None:
            with self.client.get(url) as reply, target.open("wb") as file:
                sha = hashlib.sha256()
                for chunk in reply.chunks(1 << 18):
                    sha.update(chunk)
                    file.write(chunk)
            if digest and sha.hexdigest() != digest:
                raise UpstreamError(
                    f"{filename} arrived damaged",
                    why=f"its SHA-256 is {sha.hexdigest()}, not {digest}",
                )

        return self._cache.get(key, download)


def _listing(folder: Path) -> list[IndexFile]:
    return [
        IndexFile(path.name, path.resolve().as_uri())
        for path in sorted(folder.iterdir())
        if path.suffix in (".whl", ".gz", ".zip", ".bz2") and path.is_file()
    ]
