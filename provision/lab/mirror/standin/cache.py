"""The package cache: archives are fetched, checked, unpacked and kept as conda keeps them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import CondaError, MultiError
from .model import Package

__all__ = ["PackageCache", "download", "open_url"]


def open_url(url: str, timeout: float = 60.0) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": "conda-standin"})  # noqa: S310
    return urllib.request.urlopen(request, timeout=timeout)  # noqa: S310


def http_error(url: str, error: Exception) -> CondaError:
    if isinstance(error, urllib.error.HTTPError):
        return CondaError(
            "CondaHTTPError",
            f"HTTP {error.code} {error.reason.upper()} for url <{url}>\nElapsed: 00:00.01\n\n"
            "An HTTP error occurred when trying to retrieve this URL.\n"
            "HTTP errors are often intermittent, and a simple retry will get you on your way.\n",
            url=url,
            status_code=error.code,
            reason=error.reason,
        )
    return CondaError(
        "CondaHTTPError",
        f"HTTP 000 CONNECTION FAILED for url <{url}>\nElapsed: -\n\n{error}\n",
        url=url,
        status_code="000",
        reason="CONNECTION FAILED",
    )


def download(url: str, target: Path, retries: int = 3) -> tuple[str, str]:
    """Fetches `url` into `target`; returns (sha256, md5). Raises CondaError."""
    for attempt in range(retries + 1):
        sha, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        try:
            with open_url(url) as reply, target.open("wb") as file:
                expected = reply.headers.get("Content-Length")
                size = 0
                while chunk := reply.read(1 << 18):
                    file.write(chunk)
                    sha.update(chunk)
                    md5.update(chunk)
                    size += len(chunk)
            if expected is not None and size != int(expected):
                raise OSError(f"connection broken: {size} of {expected} bytes")
            return sha.hexdigest(), md5.hexdigest()
        except (OSError, urllib.error.URLError) as error:
            final = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if final or attempt == retries:
                raise http_error(url, error) from error
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")


class PackageCache:
    """The first writable of `folders` takes what is fetched; all of them are looked in."""

    def __init__(self, folders: Sequence[Path], *, offline: bool, progress: bool = False) -> None:
        self.folders = list(folders)
        self.offline = offline
        self._progress = progress

    def writable(self) -> Path:
        for folder in self.folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if os.access(folder, os.W_OK):
                    (folder / "urls").touch()
                    (folder / "urls.txt").touch()
                    return folder
            except OSError:
                continue
        raise CondaError(
            "NoWritablePkgsDirError",
            "No writeable pkgs directories configured.",
            pkgs_dirs=[str(folder) for folder in self.folders],
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with (self.writable() / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def fetch(self, packages: Sequence[Package]) -> list[Path]:
        """Each package's unpacked folder, fetched and unpacked where it is missing."""
        with self.locked(), ThreadPoolExecutor(max_workers=5) as pool:
            futures = [pool.submit(self._fetch_one, package) for package in packages]
            folders: list[Path] = []
            errors: list[CondaError] = []
            for future in futures:
                try:
                    folders.append(future.result())
                except CondaError as error:
                    errors.append(error)
        if errors:
            raise MultiError(errors)
        return folders

    def unpacked(self, package: Package) -> Path | None:
        """An unpacked copy of just that package."""
        for folder in self.folders:
            place = folder / package.stem
            record = place / "info/repodata_record.json"
            if not record.is_file() or not (place / "info/index.json").is_file():
                continue
            known = json.loads(record.read_text())
            if known.get("fn") != package.filename:
                continue
            if package.sha256 and known.get("sha256") not in (None, "", package.sha256):
                continue
            if package.md5 and known.get("md5") not in (None, "", package.md5):
                continue
            return place
        return None

    def _fetch_one(self, package: Package) -> Path:
        found = self.unpacked(package)
        if found is not None:
            return found
        archive = self._archive(package)
        target = archive.parent / package.stem
        staged = archive.parent / f".{package.stem}.{os.getpid()}"
        shutil.rmtree(staged, ignore_errors=True)
        from rattler.package_streaming import extract

        try:
            extract(archive, staged)
        except Exception as error:
            shutil.rmtree(staged, ignore_errors=True)
            raise CondaError(
                "InvalidArchiveError",
                f"Error with archive {archive}.  You probably need to delete and "
                f"re-download or re-create this file.  Message was:\n\n{error}",
            ) from error
        self._write_record(package, archive, staged)
        shutil.rmtree(target, ignore_errors=True)
        staged.rename(target)
        with (archive.parent / "urls.txt").open("a") as urls:
            urls.write(f"{package.url}\n")
        return target

    def _archive(self, package: Package) -> Path:
        for folder in self.folders:
            path = folder / package.filename
            if path.is_file() and self._matches(path, package):
                return path
        target = self.writable() / package.filename
        if package.url.startswith("file://"):
            source = Path(unquote(urlsplit(package.url).path))
            if not source.is_file():
                raise CondaError(
                    "CondaHTTPError", f"HTTP 404 NOT FOUND for url <{package.url}>", url=package.url
                )
            shutil.copyfile(source, target)  # conda does not check the hashes of local files
            package.sha256, package.md5 = _digests(target)
            return target
        if self.offline:
            raise CondaError(
                "CondaHTTPError",
                f"HTTP 000 OFFLINE for url <{package.url}>\n"
                "conda is offline and the package is not in the cache",
                url=package.url,
            )
        staged = target.with_name(f"{target.name}.partial")
        sha256, md5 = download(package.url, staged)
        for kind, actual, expected in (
            ("sha256", sha256, package.sha256),
            ("md5", md5, package.md5),
        ):
            if expected and actual != expected:
                staged.unlink(missing_ok=True)
                raise CondaError(
                    "ChecksumMismatchError",
                    f"Conda detected a mismatch between the expected content and downloaded "
                    f"content\nfor url '{package.url}'.\n  download saved to: {target}\n"
                    f"  expected {kind}: {expected}\n  actual {kind}: {actual}\n",
                    url=package.url,
                    target_full_path=str(target),
                )
        package.sha256, package.md5 = sha256, md5
        staged.rename(target)
        if self._progress:
            self._report(package)
        return target

    @staticmethod
    def _report(package: Package) -> None:
        """With --json, conda mixes its progress into standard output, NUL bytes included."""
        for finished in ("false", "true"):
            sys.stdout.write(
                f'{{"fetch":"{package.stem} | ","finished":{finished},"maxval":1,"progress":1}}\n\0'
            )

    @staticmethod
    def _matches(path: Path, package: Package) -> bool:
        if not (package.sha256 or package.md5):
            return True
        sha256, md5 = _digests(path)
        return sha256 == package.sha256 if package.sha256 else md5 == package.md5

    @staticmethod
    def _write_record(package: Package, archive: Path, folder: Path) -> None:
        index = json.loads((folder / "info/index.json").read_text())
        sha256, md5 = _digests(archive)
        record = {
            **index,
            **package.record,
            "channel": package.channel_url,
            "fn": package.filename,
            "md5": md5,
            "sha256": sha256,
            "size": archive.stat().st_size,
            "url": package.url,
            "subdir": package.subdir,
        }
        (folder / "info/repodata_record.json").write_text(
            json.dumps(record, indent=2, sort_keys=True)
        )


def _digests(path: Path) -> tuple[str, str]:
    sha, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha.update(chunk)
            md5.update(chunk)
    return sha.hexdigest(), md5.hexdigest()
