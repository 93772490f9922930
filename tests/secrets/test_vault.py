from __future__ import annotations

import stat
from binascii import hexlify, unhexlify
from pathlib import Path

import pytest
from provision import yamlsource
from provision.errors import Mark, VaultError
from provision.inventory import load_inventory
from provision.secrets import Redactor, SecretStr, VaultSecrets, VaultValue, reveal, yaml_tags
from provision.secrets.files import write_atomically
from provision.secrets.passwords import read_password, split_vault_id
from provision.secrets.vault import is_encrypted

RECORDED = Path(__file__).parent / "recorded"
HERE = Mark("here")
DEFAULT = ("default", b"opensesame")
DEV = ("dev", b"other words")


def _recorded(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("empty.vault", b""),
        ("block.vault", b"exactly 16 bytes"),
        ("labelled.vault", b"token: t0ken-0f-dev\n"),
    ],
)
def test_files_of_ansible_vault_open(name: str, plain: bytes) -> None:
    assert VaultSecrets([DEFAULT, DEV]).decrypt(_recorded(name), HERE) == plain


def test_a_label_is_only_a_hint_which_password_to_try_first() -> None:
    wrongly_labelled = VaultSecrets([("prod", b"no"), ("test", DEV[1])])
    assert wrongly_labelled.decrypt(_recorded("labelled.vault"), HERE) == b"token: t0ken-0f-dev\n"


@pytest.mark.parametrize("plain", [b"", b"x", b"exactly 16 bytes", bytes(range(256)) * 5])
def test_what_is_encrypted_opens_again(plain: bytes) -> None:
    vault = VaultSecrets([DEFAULT, DEV])
    text = vault.encrypt(plain, "dev")
    assert text.startswith("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    assert max(map(len, text.splitlines())) <= 80
    assert is_encrypted(text)
    assert is_encrypted(text.encode())
    assert vault.decrypt(text, HERE) == plain
    assert vault.encrypt(plain, "dev") != text


def test_the_default_id_is_written_as_1_1() -> None:
    text = VaultSecrets([DEFAULT]).encrypt("x")
    assert text.splitlines()[0] == "$ANSIBLE_VAULT;1.1;AES256"


def test_replacing_keeps_id_and_password() -> None:
    data = _recorded("labelled.vault")
    changed = VaultSecrets([DEFAULT, DEV]).replace(data, HERE, b"new")
    assert changed.startswith("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    assert VaultSecrets([DEV]).decrypt(changed, HERE) == b"new"


def _altered(data: bytes) -> bytes:
    """With another last digit of what is encrypted."""
    header, _, body = data.partition(b"\n")
    inner = unhexlify(body.replace(b"\n", b""))
    inner = inner[:-1] + (b"0" if inner[-1:] != b"0" else b"1")
    return header + b"\n" + hexlify(inner)


@pytest.mark.parametrize(
    ("data", "what", "why"),
    [
        (b"plain", "not encrypted by ansible-vault", ""),
        (b"$ANSIBLE_VAULT;1.0;AES\n00", "unknown vault format '$ANSIBLE_VAULT;1.0;AES'", ""),
        (b"$ANSIBLE_VAULT;1.1;ROT13\n00", "unknown vault cipher 'ROT13'", ""),
        (b"$ANSIBLE_VAULT;1.1;AES256\nzz", "the encrypted data is damaged", "Non-hex"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n", "the encrypted data is damaged", "not enough values"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n\xff", "the encrypted data is damaged", "'ascii' codec"),
        (_recorded("block.vault")[:-41], "the encrypted data is damaged", "it is not complete"),
        (
            _recorded("labelled.vault"),
            "cannot decrypt (vault id 'dev'): no vault password fits, or the data was altered",
            "tried the passwords of: default",
        ),
        (
            _altered(_recorded("block.vault")),
            "cannot decrypt: no vault password fits, or the data was altered",
            "tried the passwords of: default",
        ),
    ],
)
def test_what_cannot_be_decrypted(data: bytes, what: str, why: str) -> None:
    with pytest.raises(VaultError) as caught:
        VaultSecrets([DEFAULT]).decrypt(data, HERE)
    assert caught.value.what == what
    assert why in caught.value.why
    assert caught.value.mark == HERE


def test_without_a_password_the_error_says_how_to_give_one() -> None:
    with pytest.raises(VaultError) as caught:
        VaultSecrets().decrypt(_recorded("labelled.vault"), HERE)
    assert caught.value.what == "encrypted (vault id 'dev'), and no vault password was given"
    assert "--vault-password-file" in caught.value.hint


@pytest.mark.parametrize(
    ("passwords", "vault_id", "what"),
    [
        ([], None, "no vault password to encrypt with"),
        ([DEFAULT, DEV], None, "several vault ids were given"),
        ([DEFAULT, DEV], "prod", "no password for vault id 'prod'"),
    ],
)
def test_which_password_to_encrypt_with(
    passwords: list[tuple[str, bytes]], vault_id: str | None, what: str
) -> None:
    with pytest.raises(VaultError) as caught:
        VaultSecrets(passwords).encrypt(b"x", vault_id)
    assert caught.value.what == what


def test_inline_values_are_decrypted_when_asked_for_and_no_templates() -> None:
    told: list[str] = []
    vault = VaultSecrets([DEFAULT], told.append)
    data = yamlsource.load(_recorded("inline.yml").decode(), "v.yml", tags=yaml_tags(vault))
    assert told == []
    assert "pa55" not in f"{data}"
    value = data["inline"]
    assert isinstance(value, VaultValue)
    secret = value.reveal()
    assert secret == "pa55 w0rd {{ kept }}"
    assert isinstance(secret, SecretStr)
    assert secret.unsafe
    assert secret.mark == Mark("v.yml", 1, 9)
    assert "pa55" not in repr(secret)
    assert value.reveal() is secret
    assert f"<{value}>" == "<pa55 w0rd {{ kept }}>"
    assert "pa55" not in repr(value)
    assert told == ["pa55 w0rd {{ kept }}"]
    # The other one has another password: it is no error until somebody needs it.
    with pytest.raises(VaultError, match="vault id 'dev'") as caught:
        data["other"].reveal()
    assert caught.value.mark == Mark("v.yml", 8, 8)


def test_revealing_whole_structures() -> None:
    tags = yaml_tags(VaultSecrets([DEFAULT, DEV]))
    data = yamlsource.load(_recorded("inline.yml").decode(), "v.yml", tags=tags)
    nested = {"a": [data], "b": 1}
    assert reveal(nested) == {
        "a": [{"inline": "pa55 w0rd {{ kept }}", "other": "another"}],
        "b": 1,
    }
    plain = {"a": [1, {"b": "c"}]}
    assert reveal(plain) is plain


def test_unsafe_strings_are_marked() -> None:
    data = yamlsource.load("a: !unsafe '{{ x }}'\n", "v.yml", tags=yaml_tags())
    assert data["a"] == "{{ x }}"
    assert data["a"].unsafe


def test_encrypted_variable_files_and_inventories(tmp_path: Path) -> None:
    redactor = Redactor()
    vault = VaultSecrets([DEFAULT], redactor.add)
    (tmp_path / "hosts").write_text(vault.encrypt("h token=inv3ntory-t0ken\n"))
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/h.yml").write_bytes(_recorded("vars.vault"))
    inventory = load_inventory([str(tmp_path / "hosts")], tags=yaml_tags(vault), vault=vault)
    variables = inventory.variables("h")
    assert variables["db_password"] == "grün und blau"
    assert variables["port"] == 5432
    assert isinstance(variables["db_password"], SecretStr)
    assert not variables["db_password"].unsafe
    assert str(variables["db_password"].mark).endswith("h.yml:1:14")
    assert isinstance(variables["token"], SecretStr)
    text = "grün und blau, inv3ntory-t0ken, http://h/?key=k3y-0f-th3-s3rvice"
    assert redactor.redact(text) == "********, ********, ********h********"


def test_a_run_without_passwords_cannot_read_encrypted_files(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("h\n")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/h.yml").write_bytes(_recorded("vars.vault"))
    inventory = load_inventory([str(tmp_path / "hosts")])
    with pytest.raises(VaultError) as caught:
        inventory.variables("h")
    assert str(caught.value.mark) == str(tmp_path / "host_vars/h.yml")


def test_passwords_never_show() -> None:
    assert "opensesame" not in repr(VaultSecrets([DEFAULT, DEV]))


def _no_prompt(vault_id: str) -> str:
    raise AssertionError(vault_id)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("dev@file", ("dev", "file")),
        ("file", ("default", "file")),
        ("@prompt", ("default", "prompt")),
        ("dev@a@b", ("dev", "a@b")),
    ],
)
def test_vault_ids_and_their_sources(text: str, parts: tuple[str, str]) -> None:
    assert split_vault_id(text) == parts


def test_passwords_from_files_programs_and_prompts(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("  s3cret \n")
    program = tmp_path / "program.sh"
    program.write_text("#!/bin/sh\necho from program\n")
    client = tmp_path / "keyring-client.sh"
    client.write_text('#!/bin/sh\necho "$1 $2"\n')
    for path in (program, client):
        path.chmod(0o755)
    assert read_password("dev", str(plain), _no_prompt) == b"s3cret"
    assert read_password("dev", str(program), _no_prompt) == b"from program"
    assert read_password("dev", str(client), _no_prompt) == b"--vault-id dev"
    assert read_password("dev", "prompt", lambda vault_id: f"typed for {vault_id}") == (
        b"typed for dev"
    )


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("absent", None, "no such vault password file"),
        ("empty", "\n", "the vault password is empty"),
        ("fails.sh", "#!/bin/sh\nexit 3\n", "vault password program failed with exit code 3"),
        (
            "keyring-client",
            "#!/bin/sh\nexit 2\n",
            "vault password program knows no password for vault id 'dev'",
        ),
        ("broken.sh", "#!/no/such/program\n", "cannot run vault password program"),
    ],
)
def test_password_sources_that_do_not_work(
    tmp_path: Path, name: str, text: str | None, what: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o600)
    with pytest.raises(VaultError) as caught:
        read_password("dev", str(path), _no_prompt)
    assert caught.value.what == what
    assert caught.value.mark == Mark(str(path))


def test_rewriting_keeps_mode_and_symlinks(tmp_path: Path) -> None:
    target = tmp_path / "real"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh"
    write_atomically(fresh, b"x")
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "link", "real"]
