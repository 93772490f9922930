"""One request to a web service, with any method and body, and its answer whatever it is."""

from __future__ import annotations

from provision.agent import web
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

    from provision.agent.core import Args, Context


class Answer:
    """`status` is -1 where there was no answer; `why` is a line about it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked = url
        self.status = -1
        self.why = ""
        self.headers: Dict[str, str] = {}  # names in small letters
        self.cookies: Dict[str, str] = {}
        self.body: Any = None
        self.zipped = False

    def read(self, limit: int) -> bytes:
        """The body. Raises Fail when it is longer than `limit`, or ends too early."""
        try:
            raw: bytes = self.body.read(limit + 1)
        except Exception as exc:  # each layer below has errors of its own
            raise Fail("the answer of %s broke off: %s" % (web.shown(self.asked), exc)) from None
        finally:
            self.body.close()
        if len(raw) > limit:
            raise Fail("the answer of %s is longer than %d bytes" % (web.shown(self.asked), limit))
        if self.zipped and raw:
            import zlib

            raw = zlib.decompress(raw, 31)
        return raw

    def values(self) -> Dict[str, Any]:
        """For `register`: the headers under names that templates can use."""
        found: Dict[str, Any] = {
            name.replace("-", "_"): value for name, value in self.headers.items()
        }
        found.update(
            status=self.status,
            url=web.shown(self.url),
            redirected=self.url != self.asked,
            cookies=self.cookies,
            cookies_string="; ".join("%s=%s" % item for item in self.cookies.items()),
        )
        return found


def _redirects(how: str) -> Any:
    """A handler that goes on to other addresses as far as a task wants."""
    from urllib.request import HTTPRedirectHandler, Request

    class Handler(HTTPRedirectHandler):
        def redirect_request(
            self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
        ) -> Optional[Request]:
            method = req.get_method()
            if how in ("none", "no") or (how == "safe" and method not in ("GET", "HEAD")):
                return None
            if how == "urllib2":
                return super().redirect_request(req, fp, code, msg, headers, newurl)
            keep = code in (307, 308) or method in ("GET", "HEAD")
            kept = {
                name: value
                for name, value in req.headers.items()
                if keep or not name.lower().startswith("content-")
            }
            return Request(
                newurl.replace(" ", "%20"),
                data=req.data if keep else None,
                headers=kept,
                origin_req_host=req.origin_req_host,
                unverifiable=True,
                method=method if keep else "GET",
            )

        # 308 is unknown to Python before 3.11
        http_error_308 = HTTPRedirectHandler.http_error_302

    return Handler()


def _socket_handler(path: str) -> Any:
    """A handler whose connections go through a socket in the file system."""
    import http.client
    import socket
    from urllib.request import HTTPHandler

    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(path)

    class Handler(HTTPHandler):
        def http_open(self, req: Any) -> Any:
            return self.do_open(Connection, req)

    return Handler()


def ask(
    ctx: Context, args: Args, method: str, body: Optional[bytes], extra: Mapping[str, str]
) -> Answer:
    """Sends a request. No answer at all is an Answer too, with status -1."""
    import urllib.error
    import urllib.request

    handlers = [
        urllib.request.HTTPSHandler(context=web._tls(args)),
        urllib.request.ProxyHandler(
            web._proxies(ctx, args["url"]) if args.get("use_proxy", True) else {}
        ),
        _redirects(args.get("follow_redirects", "safe")),
    ]
    if args.get("unix_socket"):
        handlers.append(_socket_handler(args["unix_socket"]))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = []
    more = dict(extra)
    if args.get("force"):
        more["Cache-Control"] = "no-cache"
    answer = Answer(args["url"])
    request = web._request(args["url"], args, method, more)
    request.data = body
    answer.asked = request.full_url
    timeout = float(args.get("timeout", 30))
    left = ctx.left_s()
    if left is not None:
        timeout = max(0.1, min(timeout, left))
    try:
        got = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as exc:
        got = exc
        answer.why = "HTTP Error %d: %s" % (exc.code, exc.reason)
    except Exception as exc:
        reason = getattr(exc, "reason", exc)
        answer.why = "Request failed: <urlopen error %s>" % (reason or type(exc).__name__)
        answer.url = answer.asked
        return answer
    _fill(answer, got, bool(args.get("decompress", True)))
    return answer


def _fill(answer: Answer, got: Any, decompress: bool) -> None:
    answer.status = got.status if hasattr(got, "status") and got.status else got.code
    answer.url = got.geturl()
    answer.body = got
    for name, value in got.headers.items():
        name = name.lower()
        answer.headers[name] = (
            answer.headers[name] + ", " + value if name in answer.headers else value
        )
        if name == "set-cookie":
            key, _, text = value.partition(";")[0].partition("=")
            answer.cookies[key.strip()] = text.strip()
    answer.zipped = decompress and answer.headers.get("content-encoding", "") == "gzip"
    size = answer.headers.get("content-length", "unknown")
    answer.why = answer.why or "OK (%s bytes)" % size
