"""Downloads with the standard library: proxies, certificates, basic authentication.

Nothing is imported at the top: `urllib.request` and `ssl` cost more than the rest of the agent.
"""

from __future__ import annotations

import os
import time

from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

    from provision.agent.core import Args, Context

_PIECE = 256 * 1024
_REPORT_S = 1.0  # seconds between two reports of progress


class Response:
    """An answer whose body is read in pieces. `status` is None for schemes without one."""

    def __init__(self, ctx: Context, url: str, answer: Any, decompress: bool) -> None:
        self.ctx = ctx
        self.url = url
        self.answer = answer
        self.status: Optional[int] = getattr(answer, "status", None)
        self.headers: Mapping[str, str] = answer.headers
        self.final_url: str = answer.geturl()
        self.zipped = decompress and self.headers.get("Content-Encoding", "") == "gzip"

    def size(self) -> Optional[int]:
        """The body's size as announced; None when it is not."""
        said = self.headers.get("Content-Length")
        return int(said) if said is not None and said.isdigit() and not self.zipped else None

    def pieces(self) -> Iterator[bytes]:
        """The body. Raises Fail when it ends early or time runs out."""
        raw = self._read()
        if not self.zipped:
            return raw
        return _unzipped(raw)

    def _read(self) -> Iterator[bytes]:
        total, done, reported = self.size(), 0, time.monotonic()
        while True:
            left = self.ctx.left_s()
            if left is not None and left <= 0:
                raise Fail("the download of %s did not end in time" % shown(self.url))
            try:
                piece = self.answer.read(_PIECE)
            except Exception as exc:
                raise _failure(self.url, exc) from None
            if not piece:
                break
            done += len(piece)
            if time.monotonic() - reported > _REPORT_S:
                reported = time.monotonic()
                self.ctx.progress(phase="download", done=done, total=total or 0, unit="B")
            yield piece
        if total is not None and done != total:
            words = "Incomplete read of %s: %d of %d bytes" % (shown(self.url), done, total)
            raise Fail(words, url=shown(self.url))

    def close(self) -> None:
        self.answer.close()


def _unzipped(raw: Iterator[bytes]) -> Iterator[bytes]:
    import zlib

    codec = zlib.decompressobj(31)
    for piece in raw:
        yield codec.decompress(piece)
    yield codec.flush()


def shown(url: str) -> str:
    """The address without the password in it."""
    scheme, sep, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + sep + host.rpartition("@")[2] + slash + path if sep else url


def _split_login(url: str) -> Tuple[str, Optional[str], Optional[str]]:
    """The address without its login, and user and password from it."""
    from urllib.parse import unquote

    scheme, sep, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    login, at, host = host.rpartition("@")
    if not sep or not at or scheme == "ftp":
        return url, None, None
    user, _, password = login.partition(":")
    return scheme + sep + host + slash + path, unquote(user), unquote(password)


def _from_netrc(url: str) -> Tuple[Optional[str], Optional[str]]:
    path = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
    if not os.path.exists(path):
        return None, None
    import netrc
    from urllib.parse import urlsplit

    try:
        found = netrc.netrc(path).authenticators(urlsplit(url).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return None, None
    return (found[0], found[2]) if found else (None, None)


def _tls(args: Args) -> Any:
    import ssl

    try:
        context = ssl.create_default_context(cafile=args.get("ca_path"))
        if args.get("validate_certs") is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if args.get("ciphers"):
            context.set_ciphers(":".join(args["ciphers"]))
        if args.get("client_cert"):
            context.load_cert_chain(args["client_cert"], args.get("client_key"))
    except OSError as exc:  # SSLError among them
        raise Fail("cannot set up TLS: %s" % (exc.strerror or exc)) from None
    return context


def _proxies(ctx: Context, url: str) -> Dict[str, str]:
    """The proxies that the task's environment names, none for hosts that it excepts."""
    from urllib import request
    from urllib.parse import urlsplit

    bypass: Any = getattr(request, "proxy_bypass_environment", None)  # not in its stubs
    found = {}
    for name, value in ctx.environ().items():
        scheme = name.lower()[: -len("_proxy")]
        if name.lower().endswith("_proxy") and value and name != "HTTP_PROXY":
            found[scheme] = value
    host = urlsplit(url).hostname or ""
    if "no" in found and bypass is not None and bypass(host, found):
        return {}
    found.pop("no", None)
    return found


def _request(url: str, args: Args, method: str, extra: Mapping[str, str]) -> Any:
    from base64 import b64encode
    from urllib.request import Request

    url, user, password = _split_login(url)
    if args.get("url_username") is not None:
        user, password = args["url_username"], args.get("url_password", "")
    elif user is None and args.get("use_netrc", True):
        user, password = _from_netrc(url)
    request = Request(url, method=method)
    headers = {"User-Agent": args.get("http_agent", "ansible-httpget"), **extra}
    headers.update({str(k): str(v) for k, v in (args.get("headers") or {}).items()})
    once = {name.lower() for name in args.get("unredirected_headers") or ()}
    for name, value in headers.items():
        add = request.add_unredirected_header if name.lower() in once else request.add_header
        add(name, value)
    if user is not None:
        token = b64encode(("%s:%s" % (user, password or "")).encode()).decode()
        # Never to another host that the first one names.
        request.add_unredirected_header("Authorization", "Basic " + token)
    return request


def open_url(
    ctx: Context,
    url: str,
    args: Args,
    method: str = "GET",
    extra: Optional[Mapping[str, str]] = None,
    ok: Tuple[int, ...] = (),
) -> Response:
    """Asks for `url`. args: url_username, url_password, headers, timeout, validate_certs,
    ca_path, client_cert, client_key, ciphers, use_proxy, use_netrc, http_agent,
    unredirected_headers, decompress. `ok` are error codes that are answers as well.

    Raises Fail with the address and the reason.
    """
    import urllib.error
    import urllib.request

    handlers = [
        urllib.request.HTTPSHandler(context=_tls(args)),
        urllib.request.ProxyHandler(_proxies(ctx, url) if args.get("use_proxy", True) else {}),
    ]
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = []
    timeout = float(args.get("timeout", 10))
    left = ctx.left_s()
    if left is not None:
        timeout = max(0.1, min(timeout, left))
    try:
        answer = opener.open(_request(url, args, method, extra or {}), timeout=timeout)
    except urllib.error.HTTPError as exc:
        if exc.code not in ok:
            words = "cannot download %s: HTTP %d %s" % (shown(url), exc.code, exc.reason)
            raise Fail(words, url=shown(url), status_code=exc.code) from None
        answer = exc
    except Exception as exc:
        raise _failure(url, exc) from None
    return Response(ctx, url, answer, args.get("decompress", True))


def _failure(url: str, exc: BaseException) -> Fail:
    reason: Any = getattr(exc, "reason", exc)
    if type(reason).__name__ == "SSLCertVerificationError":
        words = "Failed to validate the SSL certificate: %s" % reason.verify_message
    elif isinstance(reason, OSError):
        words = reason.strerror or str(reason) or type(reason).__name__
    else:
        words = str(reason) or type(reason).__name__
    return Fail("cannot download %s: %s" % (shown(url), words), url=shown(url), status_code=-1)


def name_of(response: Response) -> str:
    """The file's name as the server says it, else from the address."""
    said = response.headers.get("Content-Disposition") or ""
    for part in said.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        name = os.path.basename(value.strip().strip('"'))
        if key.lower() == "filename" and name not in ("", ".", ".."):
            return name
    return url_name(response.final_url)


def url_name(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    name = os.path.basename(unquote(urlsplit(url).path))
    return name if name not in ("", ".", "..") else "index.html"


def check_arguments(args: Args) -> None:
    if args.get("use_gssapi"):
        raise Fail("use_gssapi is not supported: use url_username and url_password")
