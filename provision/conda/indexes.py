"""Where pip takes packages from: said in the playbook, in the file, or in pip's own settings.

Credentials in index URLs travel in environment variables only.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from provision.conda.channels import has_credentials, without_credentials
from provision.conda.envfile import EnvironmentFile

__all__ = ["Indexes", "file_indexes", "pip_settings"]


@dataclass(frozen=True, slots=True)
class Indexes:
    """`url` "" means pip's own default. URLs may hold credentials."""

    url: str = ""
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str = ""
    trusted_hosts: tuple[str, ...] = ()
    pre: bool = False

    def public(self) -> tuple[str, ...]:
        """For locks and messages: without credentials, the main index first."""
        return tuple(without_credentials(url) for url in (self.url, *self.extra, *self.find_links))

    def secrets(self) -> list[str]:
        """What must be masked wherever it shows."""
        found = []
        for url in (self.url, *self.extra, *self.find_links):
            if has_credentials(url):
                password = urlsplit(url).password
                found += [url, *([password] if password else [])]
        return found

    def uv_environ(self) -> dict[str, str]:
        env = {"UV_NO_CONFIG": "1", "UV_INDEX_STRATEGY": "unsafe-best-match"}
        named = {
            "UV_DEFAULT_INDEX": self.url,
            "UV_INDEX": " ".join(self.extra),
            "UV_FIND_LINKS": ",".join(self.find_links),
            "UV_INSECURE_HOST": " ".join(self.trusted_hosts),
            "SSL_CERT_FILE": self.cert,
        }
        return env | {key: value for key, value in named.items() if value}

    def pip_environ(self) -> dict[str, str]:
        """For pip on a host. Empty when it should use the host's own settings."""
        if not (self.url or self.extra or self.find_links):
            return {}
        named = {
            "PIP_INDEX_URL": self.url,
            "PIP_EXTRA_INDEX_URL": " ".join(self.extra),
            "PIP_FIND_LINKS": " ".join(self.find_links),
            "PIP_TRUSTED_HOST": " ".join(self.trusted_hosts),
        }
        env = {key: value for key, value in named.items() if value}
        if self.url:
            env["PIP_CONFIG_FILE"] = os.devnull  # the host's settings would add to ours
        return env

    def distant(self) -> Indexes:
        """Without what lies on this machine only: hosts could not install from it."""

        def keep(urls: Sequence[str]) -> tuple[str, ...]:
            return tuple(url for url in urls if urlsplit(url).scheme in ("http", "https"))

        url = self.url if not self.url or keep([self.url]) else ""
        return replace(self, url=url, extra=keep(self.extra), find_links=keep(self.find_links))


def file_indexes(file: EnvironmentFile, otherwise: Indexes, url: str = "") -> Indexes:
    """The indexes of one environment: `url` (the playbook's word) before the file's, and what
    the file does not say from `otherwise`."""
    said = file.pip_options("index-url")
    extra = file.pip_options("extra-index-url")
    links = file.pip_options("find-links")
    trusted = file.pip_options("trusted-host")
    base = otherwise if not (url or said) else Indexes(cert=otherwise.cert)
    if urlsplit(url).scheme == "http":
        # The playbook's own word for a plain address; what comes from it has the lock's hashes.
        trusted = [*trusted, urlsplit(url).hostname or ""]
    return replace(
        base,
        url=url or (said[-1] if said else base.url),
        extra=(*base.extra, *extra),
        find_links=(*base.find_links, *links),
        trusted_hosts=(*base.trusted_hosts, *trusted),
        pre=bool(file.pip_options("pre")),
    )


def _config_files(environ: Mapping[str, str]) -> list[Path]:
    """pip's configuration files of this machine and user, the weakest first."""
    own = environ.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return []
    home = Path(environ.get("HOME") or Path.home())
    shared = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path(folder) / "pip/pip.conf" for folder in shared.split(":") if folder]
    files += [Path("/etc/pip.conf"), home / ".pip/pip.conf", user / "pip/pip.conf"]
    return [*files, Path(own)] if own else files


def pip_settings(environ: Mapping[str, str] | None = None) -> Indexes:
    """What pip on this machine is set up to use, read without starting it."""
    environ = os.environ if environ is None else environ
    values: dict[str, str] = {}
    for file in _config_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip itself will complain about it better
        for section in ("global", "install"):
            if parser.has_section(section):
                values |= dict(parser.items(section))
    for key, value in environ.items():
        if key.startswith("PIP_") and value:
            values[key[4:].lower().replace("_", "-")] = value

    def words(key: str) -> tuple[str, ...]:
        return tuple(values.get(key, "").split())

    return Indexes(
        url=values.get("index-url", "").strip(),
        extra=words("extra-index-url"),
        find_links=words("find-links"),
        cert=values.get("cert", "").strip(),
        trusted_hosts=words("trusted-host"),
    )
