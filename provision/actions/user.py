"""The action `user`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import SecretText, arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "User"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The login name.", aliases=("user",))
    state: Literal["present", "absent"] = arg("Whether it exists.", default="present")
    uid: int | None = arg("Its number.", default=None)
    non_unique: bool = arg("Allow a number that another user has.", default=False)
    group: str | None = arg("Primary group, by name or number.", default=None)
    groups: list[str] | None = arg(
        "Further groups; an empty list means none, unless `append`.", default=None
    )
    append: bool = arg("Add to the further groups, take it out of none.", default=False)
    comment: str | None = arg("Full name and such (GECOS).", default=None)
    shell: str | None = arg("Login shell.", default=None)
    home: str | None = arg("Home directory.", default=None)
    create_home: bool = arg(
        "Make the home directory when it is missing.", default=True, aliases=("createhome",)
    )
    move_home: bool = arg("Move the home directory's content when `home` changes.", default=False)
    skeleton: str | None = arg("What a new home directory is copied from.", default=None)
    umask: str | None = arg("umask for a new home directory.", default=None)
    system: bool = arg("A system account, when it is made.", default=False)
    password: SecretText | None = arg("The password's hash, never the password.", default=None)
    update_password: Literal["always", "on_create"] = arg(
        "Whether an existing user's password is set.", default="always"
    )
    password_lock: bool | None = arg("Whether the password is locked.", default=None)
    password_expire_max: int | None = arg("Days until it must be changed.", default=None)
    password_expire_min: int | None = arg("Days until it may be changed.", default=None)
    password_expire_warn: int | None = arg("Days of warning before that.", default=None)
    password_expire_account_disable: int | None = arg(
        "Days after that until the account is disabled.", default=None
    )
    expires: float | None = arg(
        "When the account ends, in seconds since 1970; negative: never.", default=None
    )
    remove: bool = arg("With `absent`: remove home directory and mail.", default=False)
    force: bool = arg("With `absent`: also when logged in.", default=False)
    local: bool = arg("Look only into the host's own files.", default=False)
    seuser: str | None = arg("SELinux user, when it is made.", default=None)
    login_class: str | None = arg("Taken and ignored: not on Linux.", default=None)
    uid_min: int | None = arg("Smallest number for a new user.", default=None)
    uid_max: int | None = arg("Largest number for a new user.", default=None)
    generate_ssh_key: bool = arg("Make an SSH key when there is none.", default=False)
    ssh_key_type: str = arg("Kind of key.", default="rsa")
    ssh_key_bits: int | None = arg("Its size.", default=None)
    ssh_key_file: str | None = arg("Where, from the home directory.", default=None)
    ssh_key_comment: str | None = arg("Its comment.", default=None)
    ssh_key_passphrase: SecretText | None = arg("Its passphrase.", default=None)


class User(Action):
    name = "user"
    summary = "Make, change and remove users."
    Args = Args
    notes = (
        "What is not given stays as it is. A password never appears in arguments of a program, "
        "in output or in a diff. When nothing is to be changed no program is run."
    )
    examples = (
        "- user:\n    name: modelsvc\n    system: true\n    shell: /usr/sbin/nologin\n"
        "    home: /srv/models\n    create_home: false\n"
        "- user:\n    name: alice\n    groups: [video, render]\n    append: true\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name or args.name.startswith("-") or set(args.name) & set(":\n/"):
            raise PlaybookError(f"user: {args.name!r} cannot be a login name")
        for secret in (args.password, args.ssh_key_passphrase):
            if secret:
                ctx.secret(secret)
        if set(args.password or "") & set(":\n"):
            raise PlaybookError("user: 'password' takes a hash, which has no ':' or newline")
        if args.append and args.groups is None:
            raise PlaybookError("user: 'append' needs 'groups'")
        return Call("user", wire(args))


ACTION = User()
