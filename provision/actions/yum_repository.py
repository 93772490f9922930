"""The action `yum_repository`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import SecretText, arg
from provision.actions.base import Action, ActionContext, Call
from provision.actions.content.arguments import OwnerArgs, said
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "YumRepository"]

_DNF = "See dnf.conf(5)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(OwnerArgs):
    name: str = arg("Its id, the section of the file.", example="cuda-rhel9")
    state: Literal["present", "absent"] = arg("Whether it is there.", default="present")
    file: str | None = arg("The file, without `.repo`; the name when not said.", default=None)
    reposdir: str = arg("Where the files are.", default="/etc/yum.repos.d")
    description: str | None = arg("Its name for people.", default=None)
    baseurl: list[str] | None = arg("Addresses.", default=None)
    mirrorlist: str | None = arg("Address of a list of addresses.", default=None)
    metalink: str | None = arg("Address of a metalink file.", default=None)
    enabled: bool | None = arg("Whether it is used.", default=None)
    gpgcheck: bool | None = arg("Whether packages have to be signed.", default=None)
    gpgkey: list[str] | None = arg("Addresses of keys.", default=None)
    repo_gpgcheck: bool | None = arg("Whether its lists have to be signed.", default=None)
    gpgcakey: str | None = arg(_DNF, default=None)
    bandwidth: str | None = arg(_DNF, default=None)
    cost: str | None = arg(_DNF, default=None)
    countme: bool | None = arg(_DNF, default=None)
    enablegroups: bool | None = arg(_DNF, default=None)
    exclude: list[str] | None = arg(
        "Packages to leave out.", default=None, aliases=("excludepkgs",)
    )
    failovermethod: Literal["roundrobin", "priority"] | None = arg(_DNF, default=None)
    includepkgs: list[str] | None = arg("The only packages to take.", default=None)
    ip_resolve: Literal["4", "6", "IPv4", "IPv6", "whatever"] | None = arg(_DNF, default=None)
    keepalive: bool | None = arg(_DNF, default=None)
    metadata_expire: str | None = arg(_DNF, default=None)
    module_hotfixes: bool | None = arg(_DNF, default=None)
    priority: str | None = arg(_DNF, default=None)
    protect: bool | None = arg(_DNF, default=None)
    proxy: str | None = arg(_DNF, default=None)
    proxy_username: str | None = arg(_DNF, default=None)
    proxy_password: SecretText | None = arg(_DNF, default=None)
    username: str | None = arg(_DNF, default=None)
    password: SecretText | None = arg(_DNF, default=None)
    retries: str | None = arg(_DNF, default=None)
    s3_enabled: bool | None = arg(_DNF, default=None)
    skip_if_unavailable: bool | None = arg(_DNF, default=None)
    sslcacert: str | None = arg(_DNF, default=None, aliases=("ca_cert",))
    sslclientcert: str | None = arg(_DNF, default=None, aliases=("client_cert",))
    sslclientkey: str | None = arg(_DNF, default=None, aliases=("client_key",))
    sslverify: bool | None = arg(_DNF, default=None, aliases=("validate_certs",))
    throttle: str | None = arg(_DNF, default=None)
    timeout: str | None = arg(_DNF, default=None)
    ui_repoid_vars: str | None = arg(_DNF, default=None)


_OWN = frozenset({"name", "state", "file", "reposdir", "description"}) | {
    "mode", "owner", "group", "attributes", "seuser", "serole", "setype", "selevel",
    "unsafe_writes",
}  # fmt: skip
_LINES = ("baseurl", "gpgkey")


class YumRepository(Action):
    name = "yum_repository"
    summary = "Keep a source of packages for yum and dnf."
    Args = Args
    notes = (
        "The section says what the task says and nothing else; other sections of the file stay. "
        "A file without sections is removed. Returns `repo` and `state`."
    )
    examples = (
        "- yum_repository:\n    name: tools\n    description: Tools\n"
        "    baseurl: https://example.org/el9/$basearch/\n"
        "    gpgcheck: true\n    gpgkey: https://example.org/key.asc\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.state == "present":
            if not (args.baseurl or args.mirrorlist or args.metalink):
                raise PlaybookError(
                    "yum_repository: one of baseurl, metalink, mirrorlist is required"
                )
            if args.description is None:
                raise PlaybookError("yum_repository: 'description' is required")
        if set(args.name) & set("[]\n"):
            raise PlaybookError(f"yum_repository: {args.name!r} cannot be a repository's id")
        for secret in (args.password, args.proxy_password):
            if secret:
                ctx.secret(secret)
        sent = said(args)
        options = {key: _text(key, value) for key, value in sent.items() if key not in _OWN}
        if args.description is not None:
            options["name"] = args.description
        kept = {key: value for key, value in sent.items() if key in _OWN and key != "description"}
        path = f"{args.reposdir.rstrip('/')}/{args.file or args.name}.repo"
        return Call(
            "yum_repository", {**kept, "state": args.state, "path": path, "options": options}
        )


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list):
        return ("\n" if key in _LINES else " ").join(str(item) for item in value)
    return str(value)


ACTION = YumRepository()
