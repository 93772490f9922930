"""Public OpenPGP keys, read without gpg: armour, packets, fingerprints."""

from __future__ import annotations

import binascii

from provision.agent import fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Tuple

_BEGIN, _END = b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"-----END PGP PUBLIC KEY BLOCK-----"
_KEY, _SUBKEY = 6, 14


class Key:
    """A primary key with everything that belongs to it. Fingerprints are upper-case hex."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.subkeys: List[str] = []
        self.raw = b""

    def is_called(self, wanted: str) -> bool:
        """Whether `wanted` is the end of the fingerprint of the key or of a subkey."""
        return any(f.endswith(wanted) for f in (self.fingerprint, *self.subkeys))


def key_id(said: str) -> str:
    """An id as people write it (`0x…`, spaces, lower case), in upper-case hex. Raises Fail."""
    bare = "".join(said.split()).upper()
    bare = bare[2:] if bare.startswith("0X") else bare
    if len(bare) < 8 or set(bare) - set("0123456789ABCDEF"):
        raise Fail("%r is not the id of a key: 8, 16 or 40 hexadecimal digits" % said)
    return bare


def dearmored(data: bytes) -> bytes:
    """Binary packets from armoured or binary data. Raises Fail."""
    if _BEGIN not in data:
        return data
    found = b""
    for part in data.split(_BEGIN)[1:]:
        body, end, _ = part.partition(_END)
        if not end:
            raise Fail("the key is cut off: its END line is missing")
        lines = body.replace(b"\r", b"").split(b"\n")
        if b"" in [line.strip() for line in lines[1:]]:  # behind the headers
            blank = [line.strip() for line in lines[1:]].index(b"") + 1
            lines = lines[blank:]
        text = b"".join(line.strip() for line in lines if not line.startswith(b"="))
        try:
            found += binascii.a2b_base64(text)
        except binascii.Error as exc:
            raise Fail("the key is damaged: %s" % exc) from None
    return found


def _length(data: bytes, at: int) -> Tuple[int, int]:
    """Length of a packet in the new format and where its body begins."""
    first = data[at]
    if first < 192:
        return first, at + 1
    if first < 224:
        return ((first - 192) << 8) + data[at + 1] + 192, at + 2
    if first == 255:
        return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
    raise Fail("the key has a packet of unknown length")


def _packets(data: bytes) -> Iterator[Tuple[int, bytes, bytes]]:
    """(tag, body, whole packet)."""
    at = 0
    while at < len(data):
        start, first = at, data[at]
        if not first & 0x80:
            raise Fail("this is no OpenPGP key")
        if first & 0x40:
            tag = first & 0x3F
            size, at = _length(data, at + 1)
        else:
            tag, kind = (first >> 2) & 0x0F, first & 3
            if kind == 3:
                raise Fail("the key has a packet of unknown length")
            width = 1 << kind
            size = int.from_bytes(data[at + 1 : at + 1 + width], "big")
            at += 1 + width
        if at + size > len(data):
            raise Fail("the key is cut off")
        yield tag, data[at : at + size], data[start : at + size]
        at += size


def _fingerprint(body: bytes) -> str:
    if body[:1] == b"\x04":
        return fs.sha1_bytes(b"\x99" + len(body).to_bytes(2, "big") + body).upper()
    if body[:1] in (b"\x05", b"\x06"):
        prefix = b"\x9a" if body[:1] == b"\x05" else b"\x9b"
        return fs.sha256_bytes(prefix + len(body).to_bytes(4, "big") + body).upper()
    raise Fail("the key has version %d, which nothing accepts any more" % (body[0] if body else 0))


def keys(data: bytes) -> List[Key]:
    """The public keys in `data`, armoured or not. Raises Fail."""
    found: List[Key] = []
    try:
        for tag, body, raw in _packets(dearmored(data)):
            if tag == _KEY:
                found.append(Key(_fingerprint(body)))
            elif not found:
                raise Fail("this is no public OpenPGP key")
            elif tag == _SUBKEY:
                found[-1].subkeys.append(_fingerprint(body))
            found[-1].raw += raw
    except IndexError:
        raise Fail("the key is cut off") from None
    return found
