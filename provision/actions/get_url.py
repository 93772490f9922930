"""The action `get_url`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.actions.args import SecretText, arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import OwnerArgs, said
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "GetUrl", "WebArgs", "checked_checksum", "keep_secrets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebArgs(OwnerArgs):
    """How a host asks for an address."""

    url_username: str | None = arg(
        "User for basic authentication.", default=None, aliases=("username",)
    )
    url_password: SecretText | None = arg(
        "Password for basic authentication.", default=None, aliases=("password",)
    )
    force_basic_auth: bool = arg("Accepted: they are always sent at once.", default=False)
    headers: dict[str, Any] | None = arg("Further headers of the request.", default=None)
    unredirected_headers: list[str] | None = arg(
        "Headers that are not sent on when the server names another address.", default=None
    )
    http_agent: str = arg("What the request calls itself.", default="ansible-httpget")
    timeout: int = arg("Seconds without an answer or data after which it fails.", default=10)
    use_proxy: bool = arg("Use the proxies that the environment names.", default=True)
    validate_certs: bool = arg("Refuse servers whose certificate is not valid.", default=True)
    ca_path: str | None = arg("Certificates that are trusted, a file.", default=None)
    client_cert: str | None = arg("Certificate of the client, a PEM file.", default=None)
    client_key: str | None = arg("Its key, where it is in another file.", default=None)
    ciphers: list[str] | None = arg("OpenSSL's names of ciphers to allow.", default=None)
    decompress: bool = arg("Unpack answers that are sent gzip-encoded.", default=True)
    use_netrc: bool = arg("Take user and password from the login's `.netrc`.", default=True)
    use_gssapi: bool = arg("Not supported.", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WebArgs):
    url: str = arg(
        "The address: http, https, ftp or file.", example="https://example.org/model.onnx"
    )
    dest: str = arg(
        "Where it goes. A directory takes the server's name for it.", example="/srv/models/"
    )
    checksum: str = arg(
        "`ALGORITHM:DIGEST` that the content must have, or `ALGORITHM:ADDRESS` of a list of such. "
        "With it, a file that has it already is not asked for.",
        default="",
        example="sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    force: bool = arg(
        "Download although the file is there; else a file without `checksum` is only asked for "
        "when it is newer on the server.",
        default=False,
        aliases=("thirsty",),
    )
    backup: bool = arg("Keep a copy of the old content beside the file.", default=False)
    tmp_dest: str | None = arg(
        "Accepted: what is downloaded is always staged beside its destination.", default=None
    )


class GetUrl(Action):
    name = "get_url"
    summary = "Download a file on a host."
    Args = Args
    check_mode = (
        "exact for a file that is missing or has a `checksum`; else it asks the server and reads "
        "up to 64 MiB, above that unknown"
    )
    examples = (
        "- get_url:\n    url: https://example.org/tool-1.2.tar.gz\n    dest: /opt/tool.tar.gz\n"
        "    checksum: sha256:https://example.org/SHA256SUMS\n    mode: '0644'\n"
    )
    notes = (
        "The content replaces the file only when it has come completely and its checksum fits. "
        "A password is sent to the first server alone, not to others that it names."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        keep_secrets(args, ctx)
        checked_checksum(args.checksum)
        sent = said(args)
        sent.pop("tmp_dest", None)
        return Call("get_url", sent)


def keep_secrets(args: Any, ctx: ActionContext) -> None:
    if args.url_password:
        ctx.secret(args.url_password)


def checked_checksum(checksum: str) -> None:
    """Raises PlaybookError for one that cannot be read."""
    if not checksum:
        return
    algorithm, colon, value = checksum.partition(":")
    if not colon or not algorithm or not value:
        raise PlaybookError(
            f"get_url: the checksum is written ALGORITHM:DIGEST, not {checksum!r}",
            hint="for instance sha256:…, or sha256:https://… for a list of them",
        )
    digest = "".join(letter for letter in value if letter.isalnum())
    if "://" not in value and not all(c in "0123456789abcdefABCDEF" for c in digest):
        raise PlaybookError(f"get_url: the checksum format is invalid: {value!r}")


ACTION = GetUrl()
