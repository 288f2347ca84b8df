"""One POST to a receiver, from a thread, and what became of it in a word. What an answer says goes no further."""

import gzip
import logging
import math
import socket
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine

import requests
from attrs import define, field, frozen
from google.protobuf.message import DecodeError
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from runtime.telemetry.otlp.destination import Target

CONTENT_TYPE = "application/x-protobuf"
TRANSIENT = frozenset((429, 502, 503, 504))
"""Statuses after which OTLP/HTTP's specification has a client try again."""
MISCONFIGURED = frozenset((400, 401, 403, 404, 405))
BY_PROXY = (requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL, requests.exceptions.InvalidSchema)
"""What a proxy does, and what makes no sense as one. Our own addresses have a scheme that is known."""
PROXIES = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY"
MOST_ANSWER_BYTES = 65_536
MOST_WAIT_S = 300.0
"""A receiver may ask for that much patience."""


@frozen(kw_only=True)
class Outcome:
    """What became of a request. `why`: None if it was taken, else a status or one of a few words.

    `again`: whether sending it again makes sense, `wait_s` seconds from now. `rejected`: how much of a request that was
    taken the receiver left out. `check`: variables that may be wrong.
    """

    why: str | None = None
    again: bool = False
    wait_s: float = 0.0
    rejected: int = 0
    check: str = ""


TIMED_OUT = Outcome(why="timed out")


@define(eq=False)
class Sender:
    """Sends one signal. One thread at a time. `rejected`: reads from an answer how much was left out.

    Proxies and certificates are found as everywhere in requests (`HTTPS_PROXY`, `NO_PROXY`, `REQUESTS_CA_BUNDLE`);
    passwords in ~/.netrc are not used, and no variable of OpenTelemetry's is read.
    """

    target: Target
    rejected: Callable[[bytes], int]
    _session: requests.Session = field(factory=requests.Session)

    def __attrs_post_init__(self) -> None:
        # The one logger below this that quotes a receiver's words, at a head that it cannot read.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        session = self._session
        session.auth = _as_it_is
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
        session.headers.clear()
        session.headers.update(
            {
                **self.target.headers,
                "content-type": CONTENT_TYPE,
                "content-encoding": "gzip",
                "accept-encoding": "identity",
                "user-agent": "yap-text-inference",
            }
        )

    def send(self, message: bytes, timeout_s: float) -> Outcome:
        """Post it; a failure is an outcome. `timeout_s`: for each wait for the receiver; who calls bounds the whole."""
        body = gzip.compress(message, compresslevel=1)
        outcome = self._post(body, timeout_s)
        # A connection that was kept may have been given up by the other side in this very moment.
        return self._post(body, timeout_s) if outcome.why == "cut" else outcome

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def _post(self, body: bytes, timeout_s: float) -> Outcome:
        try:
            with self._session.post(
                self.target.url, data=body, timeout=timeout_s, stream=True, allow_redirects=False
            ) as response:
                return self._judge(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            return _failed(error, self.target.check)

    def _judge(self, response: requests.Response) -> Outcome:
        status = response.status_code
        if 200 <= status < 300:
            return Outcome(rejected=self._left_out(response))
        if status in TRANSIENT:
            return Outcome(why=f"{status}", again=True, wait_s=retry_after(response.headers.get("retry-after", "")))
        return Outcome(why=f"{status}", check=self.target.check if status in MISCONFIGURED or status < 400 else "")

    def _left_out(self, response: requests.Response) -> int:
        """It was taken, whatever happens to the rest of the answer."""
        if response.headers.get("content-type") != CONTENT_TYPE:
            return 0
        try:
            answer = response.raw.read(MOST_ANSWER_BYTES + 1)
            return max(0, self.rejected(answer)) if len(answer) <= MOST_ANSWER_BYTES else 0
        except (HTTPError, OSError, DecodeError):
            return 0


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Credentials are in the headers; without this, requests would look for others in ~/.netrc."""
    return request


def _failed(error: Exception, check: str) -> Outcome:
    """The first kind that fits. What may have arrived is not sent again, except where the connection broke."""
    causes = list(_causes(error))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if has(requests.ConnectTimeout):
        return Outcome(why="unreachable", again=True)
    if has(requests.Timeout, TimeoutError):
        return TIMED_OUT
    if has(*BY_PROXY):
        return Outcome(why="proxy failed", again=True, check=PROXIES)
    if has(requests.exceptions.InvalidURL):
        return Outcome(why="invalid URL or proxy", check=f"{check}, {PROXIES}")
    if has(requests.exceptions.SSLError):
        return Outcome(why="TLS failed", again=True)
    if has(ConnectionRefusedError):
        return Outcome(why="refused", again=True)
    if has(socket.gaierror):
        return Outcome(why="name unknown", again=True)
    if has(ConnectionError, requests.exceptions.ChunkedEncodingError):
        return Outcome(why="cut", again=True)
    if has(BadStatusLine):
        return Outcome(why="no HTTP", check=check)  # the port of gRPC, for instance
    if has(requests.ConnectionError):
        return Outcome(why="unreachable", again=True)
    return Outcome(why=type(error).__name__, check=check)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it was made of: requests and urllib3 hand those on as arguments, `reason` or contexts."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:  # the `reason` of an ssl.SSLError is a word
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def retry_after(text: str) -> float:
    """Seconds from now: RFC 9110 section 10.2.3, a number or a date; 0 for anything else."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return min(max(seconds, 0.0), MOST_WAIT_S) if math.isfinite(seconds) else 0.0


__all__ = ["CONTENT_TYPE", "MOST_WAIT_S", "TIMED_OUT", "Outcome", "Sender", "retry_after"]
