"""HTTP for all sources: requests take turns and are retried, replies have limits, and only complete ones are accepted.

`Transport` sends each request in its turn of a `Pace`, reads the reply within its limits, and judges it.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests import exceptions
from requests.adapters import HTTPAdapter

from trendcli.core import __version__
from trendcli.core.errors import RetryableError, SettingsError, SourceUnreachable
from trendcli.sources.clock import describe_clock_difference, find_answer_time, parse_moment, parse_server_time
from trendcli.sources.failures import describe_failure, quote_text
from trendcli.sources.pace import MAX_WAIT_S, Pace, TurnTooFar, clamp_wait, hide_login, host_of_url
from trendcli.sources.reply import ENCODINGS, LimitExceeded, limit_pools, read_body

MAX_TRIES = 5
# waits before each further try, in request intervals: 30, 60, 120, 300 s at arXiv's 3 s, and 600 s before another run
RETRY_WAIT_INTERVALS = (10, 20, 40, 100, 300)
# seconds to connect, and to wait for the next bytes
TIMEOUTS_S = (10, 180)
# statuses that may pass by themselves
RETRY_STATUSES = {406, 408, 429, 500, 502, 503, 504}
REDIRECT_STATUSES = {301, 302, 303, 307, 308}
# redirects in a row; arXiv needs one, from http to https
MAX_REDIRECTS = 4
# the next step where nothing but time helps
RETRY_ADVICE = "rerun the same command later"
# what can go wrong below; urllib3 lets some of its own errors through
# of failed handshakes those that the next try cannot mend
_LASTING_SSL_ERRORS = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
_SEND_ERRORS = (exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)

log = logging.getLogger(__name__)


class InvalidResponse(Exception):
    """A response that cannot be trusted; the message gives the reason as a noun phrase."""


class ReplyTooLarge(RetryableError):
    """A reply went beyond the limits of size or time; repeating the request would not help."""


class Transport(HTTPAdapter):
    """Sends the requests of a session, each in its turn of `pace`, and retries them.

    A response is handed on only after `check_response(body, url)`, which raises InvalidResponse for an incomplete one,
    and may return another body to hand on. Subclasses name their site and say in `stored_message` what a failure leaves
    in the store. `received_at` and `server_times` are of the last usable response: the time by this machine's clock,
    and what the site says of it.
    """

    site_name = "arXiv"
    stored_message = "Everything received so far is stored"
    max_wait_s = MAX_WAIT_S

    def __init__(self, pace: Pace, contact: str, check_response: Callable[[bytes, str], bytes | None]) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.poolmanager.pool_classes_by_scheme = limit_pools(self.poolmanager.pool_classes_by_scheme, pace.limits)
        self.pace, self.check_response = pace, check_response
        self.user_agent = f"trendcli/{__version__}{f' ({contact})' if contact else ''}"
        self.has_connected = False
        self.request_count = self.redirect_count = 0
        self.received_at = datetime.now(UTC)
        self.server_times: list[datetime | None] = []

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the connections through a proxy, whose responses have the same limits."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if is_new:
            manager.pool_classes_by_scheme = limit_pools(manager.pool_classes_by_scheme, self.pace.limits)
        return manager

    @property
    def answered_at(self) -> datetime:
        """The moment of the last usable response: the earlier of this machine's clock and that of the site."""
        return find_answer_time(self.received_at, self.server_times)

    def describe_clock_difference(self) -> str:
        """Return a sentence where the clocks of this machine and the site differ by a day; '' where they agree."""
        return describe_clock_difference(self.site_name, self.received_at, self.server_times)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Return a response that can be believed; raises RetryableError after MAX_TRIES without one.

        The `status` of that error is that of the last response, None where none came. Raises SettingsError where the
        request cannot be sent from this machine.
        """
        _check_certificates_exist(kwargs.get("verify"))
        request.headers["User-Agent"] = self.user_agent
        request.headers["Accept-Encoding"] = ", ".join(ENCODINGS)
        kwargs |= {"timeout": TIMEOUTS_S, "stream": True}
        response, problem = None, ""
        for attempt in range(1, MAX_TRIES + 1):
            try:
                with self.pace.take_turn(request.url or "", self.max_wait_s):
                    response, problem, wait_s = self._try_once(request, attempt, *args, **kwargs)
                    if response is not None and not problem:
                        return response
                    log.info("%s: %s (try %d of %d)", hide_login(request.url or ""), problem, attempt, MAX_TRIES)
                    # also after the last try, so that the next run does not repeat at once what this one gave up
                    self.pace.hold_site(request.url or "", wait_s)
            except TurnTooFar as error:
                raise self._build_wait_error(error.wait_s, response, problem) from None
        raise RetryableError(
            f"{self.site_name} sent no usable response in {MAX_TRIES} tries: {problem}. "
            f"{self.stored_message}; {RETRY_ADVICE}.",
            status=response.status_code if response is not None else None,
        )

    def _build_wait_error(self, wait_s: float, response: requests.Response | None, problem: str) -> RetryableError:
        until = datetime.fromtimestamp(datetime.now(UTC).timestamp() + wait_s + 59, UTC)  # rounded up to the minute
        reason = (
            f"accepts no more requests for now ({problem})" if problem else "asked for a pause, or failed to answer"
        )
        return RetryableError(
            f"{self.site_name} {reason}. {self.stored_message}; rerun the same command after "
            f"{until:%Y-%m-%d %H:%M} UTC.",
            status=response.status_code if response is not None else None,
        )

    def _try_once(
        self, request: requests.PreparedRequest, attempt: int, *args: Any, **kwargs: Any
    ) -> tuple[requests.Response | None, str, float]:
        """Return the response (None: none came), what is wrong ('': nothing), and the seconds to wait."""
        self.request_count += 1
        url = request.url or ""
        try:
            response = super().send(request, *args, **kwargs)
            self.has_connected = True
            body = read_body(response, self.pace.limits)
        except LimitExceeded as error:
            raise self._build_limit_error(error) from None
        except _SEND_ERRORS as error:
            return None, self._judge_failure(error, url, attempt), self._failure_wait_s(attempt)
        response._content, response._content_consumed = body, True  # type: ignore[attr-defined]
        status = response.status_code
        if status in REDIRECT_STATUSES and response.headers.get("Location"):
            self._check_redirect(request, response)
            return response, "", 0.0
        self.redirect_count = 0
        self.received_at = datetime.now(UTC)
        self.server_times = [parse_server_time(response.headers.get("Date"))]
        self.check_status(response, attempt)
        problem = f"status {status}"
        if status == 200:
            try:
                replacement = self.check_response(body, url)
            except InvalidResponse as error:
                problem = quote_text(str(error))
            except LimitExceeded as error:
                raise self._build_limit_error(error) from None
            else:
                log.info("%s: %d bytes", hide_login(url), len(body))
                if replacement is not None:
                    response._content = replacement
                return response, "", 0.0
        return response, problem, max(self.requested_wait_s(response), self._retry_wait_s(attempt))

    def _judge_failure(self, error: Exception, url: str, attempt: int) -> str:
        """Return why no response came, as a noun phrase; raise where to try again at once is no use."""
        problem, host = describe_failure(error), host_of_url(url)
        unchanged = self.stored_message if self.has_connected else "The store is unchanged"
        # a handshake that was cut may succeed at the next try
        if isinstance(error, exceptions.SSLError) and any(sign in str(error) for sign in _LASTING_SSL_ERRORS):
            raise SourceUnreachable(
                f"Cannot connect to {host} safely: {problem}. {unchanged}. If a proxy or virus scanner "
                "of yours signs connections, name its certificate file in REQUESTS_CA_BUNDLE; otherwise check the "
                f"clock of this machine, or {RETRY_ADVICE}."
            ) from None
        if isinstance(error, exceptions.InvalidURL | exceptions.InvalidSchema | exceptions.MissingSchema):
            raise SettingsError(
                f"Cannot send a request to {host or hide_login(url)!r}: {quote_text(str(error)).rstrip('.')}. Check "
                "the address in your settings, HTTP_PROXY and HTTPS_PROXY. The store is unchanged."
            ) from None
        if attempt == 2 and not self.has_connected and isinstance(error, exceptions.ConnectionError):
            raise SourceUnreachable(
                f"Cannot reach {host}: {problem}. The store is unchanged; {RETRY_ADVICE}."
            ) from None
        return problem

    def _failure_wait_s(self, attempt: int) -> float:
        return self._retry_wait_s(attempt) if self.has_connected else self.pace.interval_s

    def _build_limit_error(self, error: LimitExceeded) -> ReplyTooLarge:
        advice = f", or raise the setting {error.setting}" if error.setting else ""
        return ReplyTooLarge(
            f"{self.site_name} sent a reply that is {error}, so it was not read. {self.stored_message}; "
            f"{RETRY_ADVICE}{advice}."
        )

    def _check_redirect(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Raise RetryableError for a redirect that leads nowhere, in a circle, or to another host with a secret."""
        self.redirect_count += 1
        origin = urlsplit(request.url or "")
        try:
            location = response.headers["Location"].encode("latin-1").decode()
            target = urlsplit(urljoin(request.url or "", location))
            is_valid = target.scheme in ("http", "https") and bool(target.hostname) and target.port != 0
        except ValueError:
            is_valid = False
        problem = ""
        if not is_valid or self.redirect_count > MAX_REDIRECTS:
            problem = "redirects to no valid address" if not is_valid else f"redirects more than {MAX_REDIRECTS} times"
        elif request.body or "Authorization" in request.headers:
            is_upgrade = (origin.scheme, target.scheme) == ("http", "https") and origin.hostname == target.hostname
            if (origin.scheme, origin.netloc) != (target.scheme, target.netloc) and not is_upgrade:
                hosts = f"{host_of_url(request.url or '')} to {quote_text(host_of_url(target.geturl()))}"
                problem = f"redirects a login from {hosts}, where it was not sent"
        if problem:
            self.redirect_count = 0
            raise RetryableError(f"{self.site_name} {problem}. {self.stored_message}; {RETRY_ADVICE}.")

    def check_status(self, response: requests.Response, attempt: int) -> None:
        """Raise if retrying is useless: SourceUnreachable after a refusal, RetryableError after a bad query."""
        status = response.status_code
        if status == 403:
            self.pace.block_site(response.url)
            raise SourceUnreachable(
                f"{self.site_name} refuses requests from this machine (status 403). No more are sent for 24 hours. "
                f"{self.stored_message}; {RETRY_ADVICE}.",
                status=status,
            )
        if status != 200 and status not in RETRY_STATUSES:
            raise RetryableError(
                f"{self.site_name} rejected the query: {_describe_status(response)}. {self.stored_message}.",
                status=status,
            )

    def requested_wait_s(self, response: requests.Response) -> float:
        """Return the seconds that a response asks the client to wait, a day at most."""
        return parse_retry_after(response.headers.get("Retry-After"), self.server_times[0])

    def _retry_wait_s(self, attempt: int) -> float:
        wait_s = self.pace.interval_s * RETRY_WAIT_INTERVALS[attempt - 1] * random.uniform(1.0, 1.1)
        return min(wait_s, max(MAX_WAIT_S, self.pace.interval_s))


def mount_transport(session: requests.Session, transport: Transport) -> None:
    """Let a transport send all requests of a session."""
    session.mount("https://", transport)
    session.mount("http://", transport)


def build_session(
    pace: Pace, contact: str, check_response: Callable[[bytes, str], bytes | None]
) -> tuple[requests.Session, Transport]:
    """Build a session and the Transport that sends all of its requests."""
    transport, session = Transport(pace, contact, check_response), requests.Session()
    mount_transport(session, transport)
    return session, transport


def fetch_body(session: requests.Session, url: str, params: Mapping[str, str] | None = None) -> bytes:
    """Return the body of a URL through a session of `build_session`; raises RetryableError where it cannot be read."""
    try:
        return session.get(url, params=params).content
    except exceptions.RequestException as error:
        raise RetryableError(
            f"Cannot read arXiv's response ({quote_text(str(error))}). {Transport.stored_message}; {RETRY_ADVICE}."
        ) from None


def parse_retry_after(header: str | None, server_time: datetime | None = None) -> float:
    """Return the seconds of a Retry-After header, which holds a number or a date; 0 where it is missing or invalid.

    A date is compared with the time that the site states beside it (None: this machine's). The most is a day.
    """
    try:
        return clamp_wait(float(header or "0"))
    except ValueError:
        pass
    moment = parse_moment(header)
    return clamp_wait((moment - (server_time or datetime.now(UTC))).total_seconds()) if moment else 0.0


def _check_certificates_exist(verify: object) -> None:
    """Raise SettingsError where the certificates that the environment names are not there."""
    if isinstance(verify, str) and not Path(verify).exists():
        raise SettingsError(
            f"REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names {verify}, which does not exist. Name a file of "
            "certificates, or unset the variable. No request was sent."
        )


def _describe_status(response: requests.Response) -> str:
    """Return the status of an error, with the summary of its Atom entry where there is one."""
    summary = re.search(rb"<summary[^>]*>([^<]*)</summary>", response.content)
    status = f"status {response.status_code}"
    return f"{quote_text(summary[1].decode(errors='replace'))} ({status})" if summary else status
