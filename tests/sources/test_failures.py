"""Why no response came, in words."""

from __future__ import annotations

import ssl

import pytest
from requests import exceptions

from trendcli.sources.failures import MAX_QUOTED_CHARS, describe_failure, quote_text


def test_a_certificate_that_is_not_trusted_is_named_as_such() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    error = exceptions.SSLError(exceptions.ConnectionError(cause))
    assert describe_failure(error) == "its certificate is not trusted (self-signed certificate)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.ReadTimeout("x"), "timed out"),
        (exceptions.ConnectionError(TimeoutError()), "timed out"),
        (exceptions.ChunkedEncodingError("x"), "the connection was cut during the response"),
        (exceptions.ContentDecodingError("x"), "a reply that cannot be unpacked"),
        (exceptions.InvalidHeader("x"), "a reply with invalid headers"),
        (exceptions.ConnectionError("[Errno 111] Connection refused"), "Connection refused"),
        (exceptions.ProxyError("[Errno 111] Connection refused"), "no connection to the proxy (Connection refused)"),
        (exceptions.SSLError("x"), "no encrypted connection (unknown reason)"),
        (exceptions.ConnectionError("x"), "no connection"),
    ],
)
def test_failures_have_their_words(error: Exception, words: str) -> None:
    assert describe_failure(error) == words


def test_a_quotation_is_one_short_line() -> None:
    assert quote_text("one\n two\x1b[31m\u202e") == "one two [31m"
    assert len(quote_text("x" * 10**6)) == MAX_QUOTED_CHARS + 1
