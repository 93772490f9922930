"""What every command asks: where the root is, which environment is meant, which channels."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .errors import CondaError
from .settings import Source, load_sources, merged

__all__ = ["Context"]


@dataclass
class Context:
    """`options` are the parsed command line (an argparse namespace as a dict)."""

    options: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def root(self) -> Path:
        return Path(sys.prefix)

    @cached_property
    def sources(self) -> list[Source]:
        line: dict[str, Any] = {}
        for option, key in (
            ("yes", "always_yes"),
            ("offline", "offline"),
            ("json", "json"),
            ("quiet", "quiet"),
            ("copy", "always_copy"),
        ):
            if self.options.get(option):
                line[key] = True
        if self.options.get("channel"):
            line["channels"] = list(self.options["channel"])
        if self.options.get("strict_channel_priority"):
            line["channel_priority"] = "strict"
        active = os.environ.get("CONDA_PREFIX")
        return load_sources(self.root, Path(active) if active else None, line)

    def setting(self, key: str) -> Any:
        return merged(self.sources, key)

    @property
    def json(self) -> bool:
        return bool(self.options.get("json")) or self.setting("json") is True

    @property
    def offline(self) -> bool:
        return self.setting("offline") is True

    # -- environments ------------------------------------------------------------------------

    @cached_property
    def envs_dirs(self) -> list[Path]:
        own = [self.root / "envs", Path.home() / ".conda/envs"]
        if not os.access(
            self.root / "envs" if (self.root / "envs").exists() else self.root, os.W_OK
        ):
            own.reverse()
        configured = [
            Path(os.path.expandvars(entry)).expanduser() for entry in self.setting("envs_dirs")
        ]
        return list(dict.fromkeys([*configured, *own]))

    @cached_property
    def pkgs_dirs(self) -> list[Path]:
        configured = [
            Path(os.path.expandvars(entry)).expanduser() for entry in self.setting("pkgs_dirs")
        ]
        return configured or list(dict.fromkeys([self.root / "pkgs", Path.home() / ".conda/pkgs"]))

    def locate(self, name: str) -> Path | None:
        """The existing environment of that name."""
        if name in ("base", "root"):
            return self.root
        return next((folder / name for folder in self.envs_dirs if (folder / name).is_dir()), None)

    def target(self, *, must_exist: bool = True) -> Path:
        """The prefix that -p, -n or the activated environment means."""
        if self.options.get("prefix"):
            prefix = Path(self.options["prefix"]).expanduser().absolute()
            if "/" not in str(self.options["prefix"]) and self.locate(self.options["prefix"]):
                prefix = self.locate(self.options["prefix"]) or prefix
        elif self.options.get("name"):
            prefix = self._named(self.options["name"], must_exist=must_exist)
        else:
            prefix = Path(os.environ.get("CONDA_PREFIX") or self.root)
        if must_exist and not (prefix / "conda-meta/history").is_file():
            if prefix.is_dir() and any(prefix.iterdir()):
                raise self.not_an_environment(prefix)
            raise CondaError(
                "EnvironmentLocationNotFound",
                f"Not a conda environment: {prefix}",
                location=str(prefix),
            )
        return prefix

    def changeable(self) -> Path:
        """`target`, unless it is frozen (CEP 22)."""
        prefix = self.target()
        frozen = prefix / "conda-meta/frozen"
        if frozen.is_file() and not self.options.get("override_frozen"):
            raise CondaError(
                "EnvironmentIsFrozenError",
                f"Environment at '{prefix}' is marked as frozen.\n"
                "Bypass these protections with `--override-frozen`.\n",
                prefix=str(prefix),
            )
        return prefix

    @staticmethod
    def not_an_environment(prefix: Path) -> CondaError:
        return CondaError(
            "DirectoryNotACondaEnvironmentError",
            "The target directory exists, but it is not a conda environment.\n"
            "Use 'conda create' to convert the directory to a conda environment.\n"
            f"  target directory: {prefix}\n",
            target_directory=str(prefix),
        )

    def _named(self, name: str, *, must_exist: bool) -> Path:
        if "/" in name or any(character in name for character in " :#"):
            raise CondaError(
                "CondaValueError",
                f"Invalid environment name: '{name}'\n"
                "Characters not allowed: ('/', ' ', ':', '#')\n"
                "If you are specifying a path to an environment, the `-p`\n"
                "flag should be used instead.",
            )
        found = self.locate(name)
        if found is not None:
            return found
        if must_exist:
            raise CondaError(
                "EnvironmentNameNotFound",
                f"Could not find conda environment: {name}\n"
                "You can list all discoverable environments with `conda info "
                "--envs`.\n",
                environment_name=name,
            )
        for folder in self.envs_dirs:
            nearest = next(path for path in (folder, *folder.parents) if path.exists())
            if os.access(nearest, os.W_OK):
                return folder / name
        raise CondaError("NoWritableEnvsDirError", "No writeable envs directories configured.")

    def name_of(self, prefix: Path) -> str:
        """The environment's name, or its path when it lies outside the envs directories."""
        if prefix.resolve() == self.root.resolve():
            return "base"
        for folder in self.envs_dirs:
            if prefix.parent == folder:
                return prefix.name
        return str(prefix)

    # -- channels ----------------------------------------------------------------------------

    def channels(self, from_file: list[str] | None = None) -> list[str]:
        """Base URLs, in order of priority, without trailing slashes."""
        given = [*(self.options.get("channel") or []), *(from_file or [])]
        names = list(dict.fromkeys(given))
        if not self.options.get("override_channels"):
            configured = [
                name
                for source in reversed(self.sources)
                if source.name != "cmd_line"
                for name in _as_list(source.values.get("channels"))
            ]
            names += configured or ([] if names and from_file else ["defaults"])
        elif not names:
            raise CondaError(
                "ArgumentError",
                "At least one -c / --channel flag must be supplied when using --override-channels.",
            )
        urls: dict[str, None] = {}
        for name in names:
            for url in self.channel_urls(name):
                urls.setdefault(url, None)
        return list(urls)

    def channel_urls(self, name: str) -> list[str]:
        if name == "defaults":
            return [self._url(entry) for entry in self.setting("default_channels")]
        multi = self.setting("custom_multichannels").get(name)
        if multi:
            return [self._url(entry) for entry in multi]
        return [self._url(name)]

    def _url(self, name: str) -> str:
        if "://" in name:
            return name.rstrip("/")
        if name.startswith(("/", "./", "../", "~")):
            return "file://" + str(Path(name).expanduser().resolve())
        for key, base in self.setting("custom_channels").items():
            if name == key or name.startswith(f"{key}/"):
                return f"{str(base).rstrip('/')}/{name}"
        return f"{str(self.setting('channel_alias')).rstrip('/')}/{name}"

    def canonical(self, url: str) -> str:
        """`http://host/conda/conda-forge/linux-64` → `conda-forge`."""
        base = url.rstrip("/")
        for subdir in ("/noarch", f"/{self.setting('subdir')}"):
            base = base.removesuffix(subdir)
        if base in self.channel_urls("defaults"):
            return "defaults"
        alias = str(self.setting("channel_alias")).rstrip("/") + "/"
        if base.startswith(alias):
            return base[len(alias) :]
        return base if urlsplit(base).scheme else base or "<unknown>"


def _as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
