"""condarc files: where they are read, how they are merged, how `conda config` edits them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from provision.lab.mirror.standin.context import Context
from provision.lab.mirror.standin.settings import Source, convert, merged

from tests.lab.mirror.conftest import Standin


def test_lists_are_joined_with_the_strongest_first() -> None:
    sources = [
        Source("system", {"channels": ["a", "b"], "offline": True}),
        Source("user", {"channels": ["c", "a"], "offline": False}),
    ]
    assert merged(sources, "channels") == ["c", "a", "b"]
    assert merged(sources, "offline") is False
    assert merged(sources, "channel_priority") == "flexible"


def test_maps_are_joined() -> None:
    sources = [
        Source("system", {"custom_channels": {"x": "http://one"}}),
        Source("user", {"custom_channels": {"x": "http://two", "y": "http://three"}}),
    ]
    assert merged(sources, "custom_channels")["x"] == "http://two"
    assert merged(sources, "custom_channels")["y"] == "http://three"


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [(True, "no", False), (True, "On", True), (3, "7", 7), (60.0, "1.5", 1.5),
     ("flexible", "strict", "strict"), (None, "true", True), ("x", "1", "1")],
)  # fmt: skip
def test_conversion(default: object, text: str, value: object) -> None:
    assert convert(default, text) == value


def context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, **options: object
) -> Context:
    (tmp_path / ".condarc").write_text(text)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    return Context(dict(options))


RC = "channel_alias: http://m/conda/\nchannels: [conda-forge]\ncustom_channels: {lab: http://l}\n"


def test_channel_names_become_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = context(tmp_path, monkeypatch, RC, channel=["lab", "file:///srv/c", "/srv/d"])
    assert made.channels() == [
        "http://l/lab", "file:///srv/c", "file:///srv/d", "http://m/conda/conda-forge",
    ]  # fmt: skip
    assert made.canonical("http://m/conda/conda-forge/noarch") == "conda-forge"


def test_a_file_s_channels_come_first_and_the_condarc_s_are_appended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = context(tmp_path, monkeypatch, RC)
    assert made.channels(["lab"]) == ["http://l/lab", "http://m/conda/conda-forge"]


def test_nodefaults_is_a_channel_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = context(tmp_path, monkeypatch, RC, override_channels=True)
    assert made.channels(["nodefaults"]) == ["http://m/conda/nodefaults"]


class TestConfig:
    def test_a_user_s_new_file_starts_as_a_copy_of_the_system_s(self, conda: Standin) -> None:
        conda.ok("config", "--set", "channel_priority", "strict")
        written = yaml.safe_load((conda.home / ".condarc").read_text())
        assert written["channel_priority"] == "strict"
        assert written["channels"] == ["conda-forge"]

    def test_set_add_remove_in_a_chosen_file(self, conda: Standin, tmp_path: Path) -> None:
        file = tmp_path / "rc"
        file.write_text("always_yes: true\n")
        conda.ok("config", "--file", str(file), "--add", "channels", "one")
        conda.ok("config", "--file", str(file), "--prepend", "channels", "two")
        conda.ok("config", "--file", str(file), "--append", "channels", "three")
        conda.ok("config", "--file", str(file), "--remove", "channels", "one")
        conda.ok("config", "--file", str(file), "--remove-key", "always_yes")
        assert yaml.safe_load(file.read_text()) == {"channels": ["two", "three"]}

    def test_get_and_show_as_json(self, conda: Standin) -> None:
        got = json.loads(conda.ok("config", "--system", "--get", "channels", "--json"))
        assert got["get"] == {"channels": ["conda-forge"]}
        shown = json.loads(conda.ok("config", "--show", "--json"))
        assert shown["channels"] == ["conda-forge"]
        assert shown["pkgs_dirs"][0] == str(conda.root / "pkgs")
        sources = json.loads(conda.ok("config", "--show-sources", "--json"))
        assert sources[str(conda.root / ".condarc")]["channels"] == ["conda-forge"]

    def test_keys_that_conda_does_not_know(self, conda: Standin) -> None:
        error = conda.error("config", "--set", "no_such_key", "1")
        assert error["exception_name"] == "CondaKeyError"
        assert error["message"] == "'no_such_key': unknown parameter"
        assert conda.error("config", "--set", "channels", "x")["message"] == (
            "'channels': invalid parameter"
        )

    def test_a_file_that_is_no_mapping(self, conda: Standin) -> None:
        (conda.root / ".condarc").write_text("- a list\n")
        assert conda.error("info")["exception_name"] == "ConfigurationLoadError"

    def test_the_environment_overrides_files(self, conda: Standin) -> None:
        conda.environment["CONDA_CHANNELS"] = "lab,other"
        conda.environment["CONDA_PKGS_DIRS"] = "/big/pkgs"
        shown = json.loads(conda.ok("config", "--show", "channels", "pkgs_dirs", "--json"))
        assert shown == {"channels": ["lab", "other", "conda-forge"], "pkgs_dirs": ["/big/pkgs"]}
