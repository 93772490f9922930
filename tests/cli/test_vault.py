from __future__ import annotations

import os
from pathlib import Path

import pytest
from provision import yamlsource
from provision.errors import Mark
from provision.secrets import VaultSecrets, reveal, yaml_tags

from tests.cli.inprocess import provision

VAULT = VaultSecrets([("default", b"opensesame"), ("dev", b"other words")])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pw").write_text("opensesame\n")
    (tmp_path / "dev").write_text("other words\n")
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if "_VAULT_" in name:
            monkeypatch.delenv(name)
    monkeypatch.delenv("VISUAL", raising=False)
    return tmp_path


def _plain(name: str) -> bytes:
    return VAULT.decrypt(Path(name).read_bytes(), Mark(name))


def test_encrypt_and_decrypt_in_place() -> None:
    Path("a.yml").write_text("x: 1\n")
    ended = provision("vault", "encrypt", "a.yml", "--vault-password-file", "pw")
    assert (ended.code, ended.out, ended.err) == (0, "", "encrypted: a.yml\n")
    assert _plain("a.yml") == b"x: 1\n"
    assert provision("vault", "view", "a.yml", "--vault-password-file", "pw").out == "x: 1\n"
    ended = provision("vault", "decrypt", "a.yml", "--vault-password-file", "pw")
    assert ended.err == "decrypted: a.yml\n"
    assert Path("a.yml").read_text() == "x: 1\n"


def test_from_standard_input_to_standard_output() -> None:
    sealed = provision("vault", "encrypt", "--vault-id", "dev@dev", stdin=b"x\n")
    assert sealed.out.startswith("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    ended = provision("vault", "decrypt", "--vault-id", "@dev", stdin=sealed.out.encode())
    assert ended.out == "x\n"


def test_which_of_several_ids() -> None:
    both = ["--vault-id", "dev@dev", "--vault-id", "prod@pw"]
    ended = provision("vault", "encrypt", *both, stdin=b"x")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "error: several vault ids were given")
    ended = provision("vault", "encrypt", *both, "--encrypt-vault-id", "prod", stdin=b"x")
    assert ended.out.splitlines()[0].endswith(";prod")


def test_passwords_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "dev")
    assert provision("vault", "encrypt", stdin=b"x").code == 0
    monkeypatch.setenv("PROVISION_VAULT_IDENTITY_LIST", "prod@pw")
    assert provision("vault", "encrypt", stdin=b"x").out.splitlines()[0].endswith(";prod")


def test_one_bad_file_leaves_all_as_they_are() -> None:
    Path("a").write_text("plain")
    Path("b").write_text(VAULT.encrypt("x", "dev"))
    before = Path("b").read_text()
    ended = provision("vault", "encrypt", "a", "b", "--vault-password-file", "pw")
    assert (ended.code, ended.err) == (2, "error: already encrypted\n  --> b\n")
    assert (Path("a").read_text(), Path("b").read_text()) == ("plain", before)


def test_a_wrong_password() -> None:
    Path("a").write_text(VAULT.encrypt("x", "default"))
    ended = provision("vault", "view", "a", "--vault-password-file", "dev")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: cannot decrypt: no vault password fits, or the data was altered\n"
        "  --> a\n"
        "  why: tried the passwords of: default\n"
    )


def test_asking_needs_a_terminal() -> None:
    ended = provision("vault", "encrypt", "--ask-vault-password", stdin=b"x")
    assert ended.code == 2
    assert "there is no terminal" in ended.err


def test_edit_keeps_id_and_password(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.yml").write_text(VAULT.encrypt("x: 1\n", "dev"))
    seen = project / "seen"
    editor = project / "editor"
    editor.write_text(f'#!/bin/sh\necho "$1" > {seen}\nstat -c %a "$1" >> {seen}\necho y >> "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    ended = provision("vault", "edit", "a.yml", "--vault-id", "dev@dev")
    assert (ended.code, ended.err) == (0, "encrypted: a.yml\n")
    assert Path("a.yml").read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    assert _plain("a.yml") == b"x: 1\ny\n"
    path, mode = seen.read_text().splitlines()
    assert mode == "600"
    assert Path(path).name == "a.yml"
    assert not Path(path).parent.exists()


def test_an_edit_without_a_change_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").write_text(VAULT.encrypt("x", "default"))
    before = Path("a").read_text()
    monkeypatch.setenv("EDITOR", "true")
    ended = provision("vault", "edit", "a", "--vault-password-file", "pw")
    assert (ended.code, ended.err) == (0, "unchanged: a\n")
    monkeypatch.setenv("EDITOR", "false")
    ended = provision("vault", "edit", "a", "--vault-password-file", "pw")
    assert (ended.code, ended.err.splitlines()[0]) == (
        1, "error: editor 'false' failed with exit code 1",
    )  # fmt: skip
    assert Path("a").read_text() == before


def test_create(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    editor = project / "editor"
    editor.write_text('#!/bin/sh\necho new > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    assert provision("vault", "create", "n", "--vault-password-file", "pw").code == 0
    assert _plain("n") == b"new\n"
    assert Path("n").stat().st_mode & 0o777 == 0o600
    ended = provision("vault", "create", "n", "--vault-password-file", "pw")
    assert ended.err == "error: n is there already\n  hint: provision vault edit n\n"


def test_rekey() -> None:
    Path("a").write_text(VAULT.encrypt("x", "default"))
    ended = provision(
        "vault", "rekey", "a", "--vault-password-file", "pw", "--new-vault-id", "dev@dev"
    )
    assert (ended.code, ended.err) == (0, "rekeyed: a\n")
    assert Path("a").read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    assert VaultSecrets([("dev", b"other words")]).decrypt(Path("a").read_bytes(), Mark("a")) == (
        b"x"
    )


def test_encrypt_string_makes_yaml() -> None:
    ended = provision(
        "vault", "encrypt-string", "--vault-password-file", "pw", "one", "two", "-n", "a",
        "-n", "b", "--stdin-name", "c", stdin=b"three\n",
    )  # fmt: skip
    data = yamlsource.load(ended.out, "out", tags=yaml_tags(VAULT))
    assert reveal(data) == {"a": "one", "b": "two", "c": "three\n"}
    unnamed = provision("vault", "encrypt-string", "--vault-password-file", "pw", stdin=b"x")
    assert unnamed.out.startswith("!vault |\n          $ANSIBLE_VAULT;1.1;AES256\n")


def test_more_names_than_strings() -> None:
    ended = provision(
        "vault", "encrypt-string", "--vault-password-file", "pw", "x", "-n", "a", "-n", "b"
    )
    assert (ended.code, ended.err) == (2, "error: 2 names for 1 strings\n")
