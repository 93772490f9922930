"""The host's databases of users and groups."""

from __future__ import annotations

import errno
import grp
import os
import pwd

from provision.agent import fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from provision.agent.core import Args, Context

PASSWD, SHADOW, GROUP = "/etc/passwd", "/etc/shadow", "/etc/group"


def local_lines(path: str) -> List[List[str]]:
    """The records of a colon-separated file. Raises OSError."""
    text = fs.read_bytes(path).decode("utf-8", "surrogateescape")
    return [line.split(":") for line in text.splitlines() if line and line[0] not in "#+-"]


def user(name: str, local: bool = False) -> Optional[pwd.struct_passwd]:
    """A user; with `local`, only when the host's own file has it."""
    if local and not any(line[0] == name for line in local_lines(PASSWD)):
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def group(name: str, local: bool = False) -> Optional[grp.struct_group]:
    if local and not any(line[0] == name for line in local_lines(GROUP)):
        return None
    try:
        return grp.getgrnam(name)
    except KeyError:
        return None


def gid_of(name: str, numbers: bool = True) -> Optional[int]:
    """A group's number by name, or by number; None when there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        pass
    if numbers and name.isdigit():
        try:
            return grp.getgrgid(int(name)).gr_gid
        except KeyError:
            return None
    return None


def further_groups(name: str, primary: int) -> List[str]:
    """Names of the groups that list the user as a member, the primary one left out."""
    return [g.gr_name for g in grp.getgrall() if name in g.gr_mem and g.gr_gid != primary]


def shadow(name: str) -> List[str]:
    """The nine fields of a user's line in /etc/shadow; empty ones where there is no line.
    Raises Fail when it may not be read."""
    try:
        for line in local_lines(SHADOW):
            if line[0] == name and len(line) >= 9:
                return line
    except OSError as exc:
        if exc.errno == errno.EACCES:
            raise Fail("/etc/shadow can only be read as root") from None
        if exc.errno != errno.ENOENT:
            raise
    return [name] + [""] * 8


def date_of(days: int) -> str:
    """YYYY-MM-DD for days since 1970."""
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(days * 86400))


def make_home(entry: pwd.struct_passwd, skeleton: Optional[str], umask: Optional[str]) -> None:
    """A home directory with what `skeleton` holds, all of it the user's."""
    import shutil

    source = skeleton or "/etc/skel"
    if os.path.isdir(source):
        os.makedirs(os.path.dirname(entry.pw_dir.rstrip("/")) or "/", exist_ok=True)
        shutil.copytree(source, entry.pw_dir, symlinks=True)
    else:
        os.makedirs(entry.pw_dir)
    for path in [entry.pw_dir] + fs.children(entry.pw_dir):
        os.lchown(path, entry.pw_uid, entry.pw_gid)
    os.chmod(entry.pw_dir, 0o777 & ~(int(umask, 8) if umask else _home_umask()))


def _home_umask() -> int:
    """What /etc/login.defs says of new home directories."""
    values: Dict[str, str] = {}
    try:
        for line in fs.read_bytes("/etc/login.defs").decode("utf-8", "replace").splitlines():
            words = line.split()
            if len(words) == 2:
                values[words[0]] = words[1]
        if "HOME_MODE" in values:
            return 0o777 & ~int(values["HOME_MODE"], 8)
        return int(values.get("UMASK", "022"), 8)
    except (OSError, ValueError):
        return 0o022


def make_key(ctx: Context, name: str, path: str, args: Args) -> None:
    """An SSH key pair that belongs to the user. Raises Fail."""
    entry = pwd.getpwnam(name)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        if not os.path.isdir(entry.pw_dir):
            raise Fail("%s has no home directory for an SSH key: %s" % (name, entry.pw_dir))
        os.makedirs(folder, 0o700)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    comment = args.get("ssh_key_comment") or "provision-generated on %s" % os.uname().nodename
    argv = ["ssh-keygen", "-q", "-t", args["ssh_key_type"], "-C", comment, "-f", path]
    if args.get("ssh_key_bits"):
        argv += ["-b", str(args["ssh_key_bits"])]
    if args.get("ssh_key_passphrase"):
        _with_passphrase(ctx, argv, args["ssh_key_passphrase"])
    else:
        ctx.run(argv + ["-N", ""])
    for made in (path, path + ".pub"):
        os.chown(made, entry.pw_uid, entry.pw_gid)


def _with_passphrase(ctx: Context, argv: List[str], passphrase: str) -> None:
    """ssh-keygen asks a helper, so that the passphrase is in nobody's arguments."""
    import tempfile

    folder = tempfile.mkdtemp(prefix="provision-")
    try:
        helper = os.path.join(folder, "ask")
        fs.write_file(helper, b'#!/bin/sh\nprintf "%s\\n" "$PROVISION_PASSPHRASE"\n', 0o700)
        env = {
            "SSH_ASKPASS": helper,
            "SSH_ASKPASS_REQUIRE": "force",
            "DISPLAY": ":0",
            "PROVISION_PASSPHRASE": passphrase,
        }
        ctx.run(argv, env=env)
    finally:
        fs.remove_tree(folder)


def describe_key(path: str) -> Dict[str, Any]:
    """ssh_key_file, ssh_public_key and ssh_fingerprint, the latter as `ssh-keygen -l` has it."""
    values: Dict[str, Any] = {"ssh_key_file": path}
    try:
        text = fs.read_bytes(path + ".pub").decode("utf-8", "replace").strip()
        values["ssh_public_key"] = text
        values["ssh_fingerprint"] = fingerprint(text)
    except (OSError, ValueError):
        pass
    return values


def fingerprint(public: str) -> str:
    """`3072 SHA256:… comment (RSA)` for a line of a public key. Raises ValueError."""
    import binascii

    kind, encoded, *comment = public.split(None, 2)
    blob = binascii.a2b_base64(encoded)
    fields = []
    at = 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "big")
        fields.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    if kind == "ssh-rsa":
        bits = int.from_bytes(fields[2], "big").bit_length()
    else:
        bits = int("".join(c for c in kind.partition("nistp")[2] if c.isdigit()) or 256)
    digest = fs.new_sha256()
    digest.update(blob)
    shown = binascii.b2a_base64(digest.digest(), newline=False).decode().rstrip("=")
    names = {"ssh-rsa": "RSA", "ssh-ed25519": "ED25519"}
    name = names.get(kind, "ECDSA" if "ecdsa" in kind else kind.upper())
    return "%d SHA256:%s %s (%s)" % (bits, shown, comment[0] if comment else "no comment", name)
