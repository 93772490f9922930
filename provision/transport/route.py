"""How a target is reached, decided: its own fields, ssh arguments, ssh_config, defaults."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from provision.errors import InputError, Mark
from provision.transport.base import Secret, Target
from provision.transport.sshargs import SshArgs, parse_ssh_args
from provision.transport.sshconfig import Directive, SshConfig, at_home, expand

__all__ = ["Route", "resolve"]

DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
DEFAULT_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
DEFAULT_IDENTITIES = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_MAX_HOPS = 8


@dataclass(frozen=True, slots=True)
class Route:
    """Everything that a connection needs to know. Paths are expanded."""

    name: str  # the inventory name, for messages
    host: str
    port: int
    user: str
    keys: tuple[str, ...]  # given ones: no others are tried
    identities: tuple[str, ...]  # from ssh_config, or the default ones
    identities_only: bool
    agent: str  # socket path; "" is $SSH_AUTH_SOCK, "none" is no agent
    password: Secret | None
    key_passphrase: Secret | None
    known_hosts: tuple[str, ...]  # the first takes new keys
    global_known_hosts: tuple[str, ...]
    host_key_alias: str
    accept_new: bool
    hash_known_hosts: bool
    connect_timeout_s: float
    alive_interval_s: int
    alive_count_max: int
    family: int
    bind_address: str
    proxy_command: str
    jumps: tuple[Route, ...] = ()  # in the order they are passed

    @property
    def key_name(self) -> str:
        """The name under which known_hosts has this host."""
        if self.host_key_alias:
            return self.host_key_alias.lower()
        host = self.host.lower()
        return host if self.port == 22 else f"[{host}]:{self.port}"

    @property
    def place(self) -> str:
        """Address and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class _Values:
    """One host's settings, from the arguments first and then the files."""

    args: SshArgs
    found: Mapping[str, list[Directive]]

    def text(self, key: str) -> str:
        if key in self.args.values:
            return self.args.values[key]
        return self.found[key][0].value if key in self.found else ""

    def mark(self, key: str) -> Mark | None:
        if key in self.args.values or key not in self.found:
            return None
        return self.found[key][0].mark

    def flag(self, key: str) -> bool:
        return self.text(key).lower() in ("yes", "true")

    def number(self, key: str, default: int) -> int:
        text = self.text(key)
        if not text or text.lower() == "none":
            return default
        match = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s?)?", text)
        if match is None:
            raise InputError(f"{key} {text!r} is not a number", mark=self.mark(key))
        return int(match[1] or 0) * 60 + int(match[2] or 0)

    def words(self, key: str) -> tuple[str, ...]:
        if key in self.args.values:
            return tuple(self.args.values[key].split())
        return self.found[key][0].words if key in self.found else ()


def resolve(target: Target, config: SshConfig) -> Route:
    """The route to `target`, with those of its jump hosts. Raises InputError."""
    return _resolve(target, config, parse_ssh_args(target.ssh_args), ())


def _resolve(target: Target, config: SshConfig, args: SshArgs, seen: tuple[str, ...]) -> Route:
    alias = target.address or target.host
    given = {"user": target.user or args.values.get("user", "")}
    if "hostname" in args.values:
        given["hostname"] = args.values["hostname"]
    values = _Values(args, config.lookup(alias, given))
    tokens = {**_local_tokens(), "d": at_home("~"), "n": alias, "h": alias, "%": "%"}
    tokens["h"] = host = expand(values.text("hostname") or alias, tokens, values.mark("hostname"))
    port = target.port or values.number("port", 22)
    user = target.user or values.text("user") or getpass.getuser()
    tokens |= {"p": str(port), "r": user, "k": values.text("hostkeyalias") or host, "j": ""}

    def paths(key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        texts = values.words(key) or default
        return tuple(expand(text, tokens, values.mark(key)) for text in texts if text != "none")

    def identities() -> tuple[str, ...]:
        found = [
            expand(d.words[0] if d.words else d.value, tokens, d.mark)
            for d in values.found.get("identityfile", ())
        ]
        return tuple(path for path in found if path != "none") or tuple(
            expand(path, {}) for path in DEFAULT_IDENTITIES
        )

    strict = values.text("stricthostkeychecking").lower()
    own = (*target.private_key_files, *(expand(i, tokens) for i in args.identity_files))
    timeout = target.connect_timeout_s
    route = Route(
        name=target.host,
        host=host,
        port=port,
        user=user,
        keys=tuple(at_home(path) for path in own),
        identities=identities(),
        identities_only=values.flag("identitiesonly"),
        agent=_agent(values, tokens),
        password=target.password,
        key_passphrase=target.key_passphrase,
        known_hosts=(
            *(at_home(path) for path in target.known_hosts_files),
            *paths("userknownhostsfile", DEFAULT_KNOWN_HOSTS),
        ),
        global_known_hosts=paths("globalknownhostsfile", DEFAULT_GLOBAL_KNOWN_HOSTS),
        host_key_alias=values.text("hostkeyalias"),
        accept_new=target.accept_new_host_keys or strict in ("accept-new", "no", "off", "false"),
        hash_known_hosts=values.flag("hashknownhosts"),
        connect_timeout_s=float(values.number("connecttimeout", 0)) or timeout,
        alive_interval_s=values.number("serveraliveinterval", 0),
        alive_count_max=values.number("serveralivecountmax", 3),
        family=_FAMILIES.get(values.text("addressfamily").lower(), socket.AF_UNSPEC),
        bind_address=values.text("bindaddress"),
        proxy_command="",
    )
    return _with_proxy(route, target, values, tokens, config, seen)


_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def _with_proxy(
    route: Route,
    target: Target,
    values: _Values,
    tokens: Mapping[str, str],
    config: SshConfig,
    seen: tuple[str, ...],
) -> Route:
    jump, command = values.text("proxyjump"), values.text("proxycommand")
    if jump and command and "proxycommand" in values.args.values:
        jump = values.args.values.get("proxyjump", "")
    if jump:
        if jump.lower() == "none":
            return route
        mark = values.mark("proxyjump")
        text = expand(jump, tokens, mark)
        return replace(route, jumps=_jumps(route, text, target, config, (*seen, route.name), mark))
    if command and command.lower() != "none":
        line = expand(command, tokens, values.mark("proxycommand"))
        return replace(route, proxy_command=line)
    return route


_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@/]+)@)?(?P<host>\[[^\]]+\]|[^:/@]+)(?::(?P<port>\d+))?/?"
)


def _jumps(
    route: Route,
    text: str,
    target: Target,
    config: SshConfig,
    seen: tuple[str, ...],
    mark: Mark | None,
) -> tuple[Route, ...]:
    hops: list[Route] = []
    for number, part in enumerate(text.split(",")):
        match = _HOP.fullmatch(part.strip())
        if match is None:
            raise InputError(f"ProxyJump {part!r} is not [user@]host[:port]", mark=mark)
        host = match["host"].strip("[]")
        if host in seen or len(seen) > _MAX_HOPS:
            # A Host * block with a ProxyJump also fits the jump host itself.
            continue
        hop = Target(
            host=host,
            port=int(match["port"]) if match["port"] else None,
            user=match["user"] or "",
            private_key_files=target.private_key_files,
            key_passphrase=target.key_passphrase,
            known_hosts_files=target.known_hosts_files,
            accept_new_host_keys=route.accept_new,
            connect_timeout_s=target.connect_timeout_s,
        )
        resolved = _resolve(hop, config, SshArgs(), (*seen, host))
        if number == 0:  # only the nearest one may have jump hosts of its own
            hops += resolved.jumps
        hops.append(replace(resolved, jumps=()))
    return tuple(hops)


def _agent(values: _Values, tokens: Mapping[str, str]) -> str:
    text = values.text("identityagent")
    if not text or text == "SSH_AUTH_SOCK":
        return ""
    if text.startswith("$") and not text.startswith("${"):
        text = "${" + text[1:] + "}"
    return "none" if text.lower() == "none" else expand(text, tokens, values.mark("identityagent"))


@cache
def _local_tokens() -> dict[str, str]:
    full = socket.gethostname()
    return {
        "u": getpass.getuser(),
        "i": str(os.getuid()),
        "l": full,
        "L": full.partition(".")[0],
    }
