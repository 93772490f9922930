"""ssh's command-line options as people put them into `ansible_ssh_common_args`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from provision.errors import InputError

__all__ = ["SshArgs", "parse_ssh_args"]

# Accepted and without effect here: how ssh shares connections, prints and allocates terminals.
_FLAGS_WITHOUT_EFFECT = frozenset("ACTNankqtvxy46")
_SUPPORTED = """
    addressfamily bindaddress connecttimeout globalknownhostsfile hashknownhosts hostkeyalias
    hostname identitiesonly identityagent identityfile port proxycommand proxyjump
    serveralivecountmax serveraliveinterval stricthostkeychecking user userknownhostsfile
"""
_KEYS = frozenset(_SUPPORTED.split())
_HARMLESS = """
    addkeystoagent batchmode canonicalizehostname checkhostip ciphers compression
    connectionattempts controlmaster controlpath controlpersist exitonforwardfailure
    forwardagent forwardx11 gssapiauthentication gssapidelegatecredentials hostkeyalgorithms
    ipqos kbdinteractiveauthentication kexalgorithms loglevel macs numberofpasswordprompts
    passwordauthentication preferredauthentications pubkeyacceptedalgorithms
    pubkeyacceptedkeytypes pubkeyauthentication requesttty rekeylimit sendenv setenv
    tcpkeepalive updatehostkeys verifyhostkeydns visualhostkey
"""
_KEYS_WITHOUT_EFFECT = frozenset(_HARMLESS.split())


@dataclass(slots=True)
class SshArgs:
    """`values` by lower-case configuration key, the first of each; `config` is -F's."""

    values: dict[str, str] = field(default_factory=dict)
    identity_files: list[str] = field(default_factory=list)
    config: str = ""

    def _set(self, key: str, value: str, shown: str) -> None:
        if key == "identityfile":
            self.identity_files.append(value)
        elif key in _KEYS:
            self.values.setdefault(key, value)
        elif key not in _KEYS_WITHOUT_EFFECT:
            raise InputError(
                f"the ssh option {shown} is not understood",
                hint="put it into ~/.ssh/config if only ssh itself needs it",
            )


_LETTERS = {"J": "proxyjump", "i": "identityfile", "p": "port", "l": "user", "b": "bindaddress"}
_LETTERS_WITHOUT_EFFECT = frozenset("cemES")


def parse_ssh_args(args: Sequence[str]) -> SshArgs:
    """Reads `-o Key=Value`, -J, -i, -p, -l, -b and -F. Raises InputError for others."""
    parsed = SshArgs()
    words = iter(args)
    for word in words:
        if not word.startswith("-") or len(word) < 2:
            raise InputError(f"{word!r} is not an option of ssh", why="in ssh arguments")
        letter, rest = word[1], word[2:]
        if letter in _FLAGS_WITHOUT_EFFECT and set(rest) <= _FLAGS_WITHOUT_EFFECT:
            if "4" in word or "6" in word:
                parsed.values.setdefault("addressfamily", "inet" if "4" in word else "inet6")
            continue
        value = rest or next(words, None)
        if value is None:
            raise InputError(f"the ssh option -{letter} lacks its value")
        if letter == "o":
            key, equals, setting = value.partition("=")
            if not equals:
                key, _, setting = value.strip().partition(" ")
            setting = setting.strip().strip('"')
            parsed._set(key.strip().lower(), setting, f"-o {value}")
        elif letter == "F":
            parsed.config = value
        elif letter in _LETTERS:
            parsed._set(_LETTERS[letter], value, word)
        elif letter not in _LETTERS_WITHOUT_EFFECT:
            raise InputError(
                f"the ssh option -{letter} is not understood",
                hint="understood are -o, -J, -i, -p, -l, -b and -F",
            )
    return parsed
