"""create, install, remove, update: what is on disk afterwards, and conda's surprises."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.lab.mirror.conftest import Served, Standin, put


def records(prefix: Path) -> dict[str, dict[str, object]]:
    found = [json.loads(path.read_text()) for path in (prefix / "conda-meta").glob("*.json")]
    return {record["name"]: record for record in found}


@pytest.fixture
def env(conda: Standin) -> Path:
    conda.ok("create", "-y", "-q", "-n", "one", "six=1.16", "texts")
    return conda.root / "envs/one"


class TestCreate:
    def test_records_are_conda_s(self, conda: Standin, env: Path, mirror: Served) -> None:
        six = records(env)["six"]
        assert six["version"] == "1.16.0"
        assert six["url"] == f"{mirror.url}/conda/conda-forge/noarch/six-1.16.0-py_0.conda"
        assert six["channel"] == f"{mirror.url}/conda/conda-forge/noarch"
        assert six["requested_spec"] == "six=1.16"
        assert records(env)["python"]["requested_spec"] == "None"
        files = six["files"]
        assert isinstance(files, list)
        assert "lib/python3.11/site-packages/six.py" in files
        assert "bin/six-hello" in files
        assert all((env / name).exists() for name in files if not name.endswith(".pyc"))
        for path in (env / "conda-meta").iterdir():
            assert path.stat().st_mode & 0o777 == 0o644

    def test_the_history_names_what_was_asked_for(self, env: Path) -> None:
        text = (env / "conda-meta/history").read_text()
        assert "\n+conda-forge/noarch::six-1.16.0-py_0\n" in text
        assert "\n# update specs: ['six=1.16', 'texts']\n" in text
        assert text.startswith("==> ")

    def test_python_files_are_compiled_by_the_environment(self, env: Path) -> None:
        site = env / "lib/python3.11/site-packages"
        assert list(site.glob("__pycache__/six.*.pyc"))

    def test_the_prefix_replaces_the_placeholder(self, env: Path) -> None:
        assert (env / "etc/texts.conf").read_text() == f"home = {env}/share\n"
        paths = records(env)["texts"]["paths_data"]
        assert isinstance(paths, dict)
        (entry,) = paths["paths"]
        assert entry["sha256_in_prefix"] != entry["sha256"]

    def test_files_are_hard_links_into_the_cache(self, conda: Standin, env: Path) -> None:
        cached = conda.root / "pkgs/six-1.16.0-py_0/site-packages/six.py"
        assert os.path.samefile(cached, env / "lib/python3.11/site-packages/six.py")
        assert "/noarch/six-1.16.0-py_0.conda\n" in (conda.root / "pkgs/urls.txt").read_text()

    def test_copies_on_request(self, conda: Standin) -> None:
        conda.ok("create", "-y", "-n", "copied", "--copy", "six")
        cached = conda.root / "pkgs/six-1.17.0-py_0/site-packages/six.py"
        made = conda.root / "envs/copied/lib/python3.11/site-packages/six.py"
        assert not os.path.samefile(cached, made)

    def test_a_binary_prefix_keeps_the_file_s_size(self, conda: Standin) -> None:
        conda.ok("create", "-y", "-n", "p", "prefix-demo")
        prefix = conda.root / "envs/p"
        data = (prefix / "lib/libprefix-demo.so").read_bytes()
        assert f"{prefix}/share/prefix-demo\0".encode() in data
        original = conda.root / "pkgs/prefix-demo-2.0-h1_0/lib/libprefix-demo.so"
        assert len(data) == original.stat().st_size

    def test_an_existing_one_without_a_terminal_is_left_alone(
        self, conda: Standin, env: Path
    ) -> None:
        done = conda("create", "-n", "one", "six=1.17")
        assert done.returncode == 0
        assert "CondaSystemExit: Exiting." in done.stdout
        assert records(env)["six"]["version"] == "1.16.0"

    def test_an_existing_one_with_yes_is_replaced(self, conda: Standin, env: Path) -> None:
        put(env, "mine.txt", "mine")
        conda.ok("create", "-y", "-n", "one", "six=1.17")
        assert records(env)["six"]["version"] == "1.17.0"
        assert not (env / "mine.txt").exists()

    def test_what_a_killed_conda_left_is_refused(self, conda: Standin) -> None:
        half = conda.root / "envs/half"
        (half / "conda-meta").mkdir(parents=True)
        assert conda.error("create", "-y", "-n", "half", "six")["exception_name"] == (
            "DirectoryNotACondaEnvironmentError"
        )

    def test_json_is_mixed_with_progress(self, conda: Standin) -> None:
        text = conda.ok("create", "-y", "--json", "-n", "j", "texts")
        *progress, last = text.split("\0")
        assert json.loads(progress[0])["fetch"].startswith("texts-1.0-0")
        result = json.loads(last)
        assert result["success"] is True
        assert [item["name"] for item in result["actions"]["LINK"]] == ["texts"]
        quiet = conda.ok("create", "-y", "--json", "-q", "-n", "k", "gpu-demo")
        assert json.loads(quiet)["success"] is True

    def test_the_driver_chooses_the_build(self, conda: Standin) -> None:
        conda.ok("create", "-y", "-n", "cpu", "gpu-demo")
        assert records(conda.root / "envs/cpu")["gpu-demo"]["build"] == "cpu_0"
        conda.environment["CONDA_OVERRIDE_CUDA"] = "12.4"
        conda.ok("create", "-y", "-n", "gpu", "gpu-demo")
        assert records(conda.root / "envs/gpu")["gpu-demo"]["build"] == "cuda_1"

    def test_post_link_scripts_run_and_speak_on_standard_error(self, conda: Standin) -> None:
        done = conda("create", "-y", "-n", "s", "postlink-demo", "--json", "-q")
        assert json.loads(done.stdout)["success"] is True
        assert "postlink-demo was linked" in done.stderr
        text = (conda.root / "envs/s/postlink-demo.txt").read_text()
        assert text == "postlink-demo 1.0 0\n"

    def test_a_failing_post_link_script_leaves_half_an_environment(self, conda: Standin) -> None:
        error = conda.error("create", "-y", "-q", "-n", "bad", "broken-link")
        assert error["exception_name"] == "LinkError"
        assert (conda.root / "envs/bad/conda-meta").is_dir()
        assert not (conda.root / "envs/bad/conda-meta/history").exists()


class TestErrors:
    def test_no_such_package(self, conda: Standin) -> None:
        error = conda.error("create", "-y", "-n", "x", "no-such-thing")
        assert error["exception_name"] == "PackagesNotFoundInChannelsError"
        assert error["packages"] == ["no-such-thing"]
        assert not (conda.root / "envs/x").exists()

    def test_unsatisfiable(self, conda: Standin) -> None:
        error = conda.error("create", "-y", "-n", "x", "old-six-demo", "six=1.17")
        assert error["exception_name"] == "RattlerUnsatisfiableError"

    def test_a_solver_that_crashes(self, conda: Standin) -> None:
        conda.environment["CONDA_STANDIN_CRASH"] = "1"
        done = conda("create", "-y", "-n", "x", "old-six-demo", "six=1.17", "--json")
        assert done.returncode == -6

    def test_a_channel_that_is_not_there(self, conda: Standin, mirror: Served) -> None:
        error = conda.error("create", "-y", "-n", "x", "-c", "nodefaults", "six")
        assert error["exception_name"] == "UnavailableInvalidChannel"
        assert error["channel_url"] == f"{mirror.url}/conda/nodefaults"

    def test_a_damaged_download_is_nested_under_errors(
        self, conda: Standin, mirror: Served
    ) -> None:
        mirror.fault(path_regex=r"texts.*\.conda$", corrupt=True)
        error = conda.error("create", "-y", "-q", "-n", "x", "texts")
        assert error["exception_name"] == "CondaMultiError"
        assert error["errors"][0]["exception_name"] == "ChecksumMismatchError"
        assert not list((conda.root / "pkgs").glob("texts*"))

    def test_a_server_that_recovers_is_tried_again(self, conda: Standin, mirror: Served) -> None:
        mirror.fault(path_regex=r"texts.*\.conda$", status=503, count=2)
        conda.ok("create", "-y", "-n", "x", "texts")

    def test_in_words_without_json(self, conda: Standin) -> None:
        done = conda("list", "-n", "nowhere")
        assert done.returncode == 1
        assert "EnvironmentNameNotFound: Could not find conda environment: nowhere" in done.stderr
        assert done.stdout == ""

    def test_a_wrong_flag_ends_with_2(self, conda: Standin) -> None:
        assert conda("create", "--no-such-flag").returncode == 2


class TestExplicit:
    def test_an_exact_copy_offline(self, conda: Standin, env: Path, tmp_path: Path) -> None:
        listed = tmp_path / "list.txt"
        listed.write_text(conda.ok("list", "-n", "one", "--explicit", "--sha256"))
        assert "@EXPLICIT\n" in listed.read_text()
        done = conda.ok(
            "create", "-p", str(tmp_path / "copy"), "--offline", "--file", str(listed), "--json"
        )
        assert done == ""  # conda is silent here, even with --json
        urls = {record["url"] for record in records(env).values()}
        assert {record["url"] for record in records(tmp_path / "copy").values()} == urls

    @pytest.mark.parametrize("flag", ["--md5", "--sha256"])
    def test_wrong_hashes_are_found_over_http(
        self, conda: Standin, env: Path, tmp_path: Path, flag: str
    ) -> None:
        url, digest = conda.ok("list", "-n", "one", "--explicit", flag).splitlines()[-1].split("#")
        (tmp_path / "list.txt").write_text(f"@EXPLICIT\n{url}#{'0' * len(digest)}\n")
        error = conda.error("create", "-y", "-n", "two", "--file", str(tmp_path / "list.txt"))
        assert error["errors"][0]["exception_name"] == "ChecksumMismatchError"

    def test_and_not_looked_at_for_local_files(
        self, conda: Standin, mirror: Served, tmp_path: Path
    ) -> None:
        archive = mirror.built.channel / "noarch/texts-1.0-0.tar.bz2"
        (tmp_path / "list.txt").write_text(f"@EXPLICIT\n{archive.as_uri()}#{'0' * 32}\n")
        conda.ok("create", "-n", "local", "--file", str(tmp_path / "list.txt"))
        assert "texts" in records(conda.root / "envs/local")

    def test_offline_and_not_in_the_cache(
        self, conda: Standin, mirror: Served, tmp_path: Path
    ) -> None:
        url = f"{mirror.url}/conda/conda-forge/noarch/texts-1.0-0.conda"
        (tmp_path / "list.txt").write_text(f"@EXPLICIT\n{url}\n")
        command = ("create", "-n", "o", "--offline", "--file", str(tmp_path / "list.txt"))
        assert conda(*command).returncode == 1
        (conda.root / "pkgs").mkdir(exist_ok=True)
        source = mirror.built.channel / "noarch/texts-1.0-0.conda"
        (conda.root / "pkgs/texts-1.0-0.conda").write_bytes(source.read_bytes())
        conda.ok(*command)

    @pytest.mark.parametrize("line", ["http://x/noarch/six-1.0-py_0.zip", "http://x/six.conda",
                                      "http://x/noarch/six-1.0-py_0.conda#abc"])  # fmt: skip
    def test_lines_that_name_no_package(self, conda: Standin, tmp_path: Path, line: str) -> None:
        (tmp_path / "list.txt").write_text(f"@EXPLICIT\n{line}\n")
        error = conda.error("create", "-y", "-n", "x", "--file", str(tmp_path / "list.txt"))
        assert error["exception_name"] == "ParseError"


class TestChange:
    def test_install_keeps_the_rest(self, conda: Standin, env: Path) -> None:
        conda.ok("install", "-y", "-n", "one", "gpu-demo")
        found = records(env)
        assert found["six"]["version"] == "1.16.0"
        assert "gpu-demo" in found
        conda.ok("install", "-y", "-n", "one", "six=1.17")
        assert records(env)["six"]["version"] == "1.17.0"
        assert "1.17.0" in (env / "lib/python3.11/site-packages/six.py").read_text()

    def test_installing_again_does_nothing(self, conda: Standin, env: Path) -> None:
        before = (env / "conda-meta/history").read_text()
        text = conda.ok("install", "-y", "-n", "one", "texts")
        assert "All requested packages already installed" in text
        assert (env / "conda-meta/history").read_text() == before

    def test_update(self, conda: Standin) -> None:
        conda.ok("create", "-y", "-n", "u", "six=1.16")
        prefix = conda.root / "envs/u"
        text = (prefix / "conda-meta/history").read_text().replace("six=1.16", "six")
        (prefix / "conda-meta/history").write_text(text)
        conda.ok("update", "-y", "-n", "u", "six")
        assert records(prefix)["six"]["version"] == "1.17.0"
        assert conda.error("update", "-y", "-n", "u", "texts")["exception_name"] == (
            "PackageNotInstalledError"
        )

    def test_pins_hold(self, conda: Standin, env: Path) -> None:
        (env / "conda-meta/pinned").write_text("# why\nsix 1.16.*\n")
        assert conda.error("install", "-y", "-n", "one", "six=1.17")["exception_name"] == (
            "RattlerUnsatisfiableError"
        )

    def test_remove_takes_what_depends_on_it_too(self, conda: Standin, env: Path) -> None:
        conda.ok("remove", "-y", "-n", "one", "python")
        assert set(records(env)) == {"texts"}
        assert not (env / "lib").exists()
        assert not (env / "bin").exists()
        assert "\n# remove specs: ['python']\n" in (env / "conda-meta/history").read_text()

    def test_removing_what_is_not_there(self, conda: Standin, env: Path) -> None:
        assert conda.error("remove", "-y", "-n", "one", "nothing")["packages"] == ["nothing"]

    def test_pre_unlink_scripts_run(self, conda: Standin) -> None:
        conda.ok("create", "-y", "-n", "s", "postlink-demo", "texts")
        conda.ok("remove", "-y", "-n", "s", "postlink-demo")
        assert not (conda.root / "envs/s/postlink-demo.txt").exists()

    def test_frozen_environments_refuse(self, conda: Standin, env: Path) -> None:
        (env / "conda-meta/frozen").write_text("{}")
        assert conda.error("install", "-y", "-n", "one", "gpu-demo")["exception_name"] == (
            "EnvironmentIsFrozenError"
        )
        conda.ok("install", "-y", "-n", "one", "--override-frozen", "gpu-demo")

    def test_a_dry_run_changes_nothing(self, conda: Standin, env: Path) -> None:
        done = conda("install", "-y", "-n", "one", "--dry-run", "--json", "gpu-demo")
        assert json.loads(done.stdout)["actions"]["LINK"][0]["name"] == "gpu-demo"
        assert "gpu-demo" not in records(env)


def test_search(conda: Standin) -> None:
    found = json.loads(conda.ok("search", "six", "--json"))
    assert [item["version"] for item in found["six"]] == ["1.16.0", "1.17.0"]
    assert "gpu-demo" in conda.ok("search")
    assert conda.error("search", "no-such")["exception_name"] == "PackagesNotFoundInChannelsError"


def test_clean_keeps_what_environments_link_to(conda: Standin, env: Path) -> None:
    conda.ok("create", "-y", "-n", "gone", "gpu-demo")
    conda.ok("env", "remove", "-y", "-n", "gone")
    conda.ok("clean", "--all", "-y")
    left = {path.name for path in (conda.root / "pkgs").iterdir() if path.is_dir()}
    assert "six-1.16.0-py_0" in left
    assert "gpu-demo-1.0-cpu_0" not in left
    assert not list((conda.root / "pkgs").glob("*.conda"))
