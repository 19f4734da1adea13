"""Limits of a reply: everything that never ends, or would fill the memory, ends in a sentence."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from requests.exceptions import ContentDecodingError

from tests.standins.bombs import BOMBS, run_bomb
from trendcli.core.errors import RetryableError
from trendcli.sources.http import ReplyTooLarge, build_session
from trendcli.sources.pace import Pace
from trendcli.sources.reply import ReplyLimits, read_body

# MB and seconds within which a bomb has to end
MAX_MEMORY_MB = 500
MAX_DURATION_S = 10


@pytest.mark.parametrize("name", [name for name in BOMBS if name.split()[0] in ("endless", "dripping", "packed")])
def test_a_reply_is_read_up_to_its_limits(name: str) -> None:
    limits = ReplyLimits(size_mb=2.0, duration_s=0.3)
    begun_at = time.monotonic()
    with run_bomb(name) as address:
        session, transport = build_session(Pace(None, 0.0, limits=limits), "", lambda body, url: None)
        with pytest.raises(RetryableError) as error:
            session.get(address)
    assert time.monotonic() - begun_at < MAX_DURATION_S
    if name == "packed twice":
        assert "in 5 tries: a reply that cannot be unpacked" in str(error.value)
        return
    assert isinstance(error.value, ReplyTooLarge) and transport.request_count == 1
    assert ("not complete after 0.3 seconds" if "dripping" in name else "larger than 2 MB") in str(error.value)


def test_a_body_is_unpacked_only_as_was_asked_for() -> None:
    response = requests.Response()
    response.raw = io.BytesIO(b"ok")
    response.headers["Content-Encoding"] = "br"
    with pytest.raises(ContentDecodingError, match="packed as 'br', which was not asked for"):
        read_body(response, ReplyLimits())


@pytest.mark.journey
@pytest.mark.parametrize(
    ("source", "name"),
    [
        *(("arxiv", name) for name in ("packed", "endless chunks", "millions of elements", "entities", "depth")),
        *(("oai", name) for name in ("packed error", "millions of attributes")),
        *(("openreview", name) for name in ("packed", "nested lists", "millions of lists")),
    ],
)
def test_a_bomb_ends_within_its_time_and_memory(source: str, name: str, tmp_path: Path) -> None:
    """A program of its own, whose memory is limited from outside."""
    words = {
        "arxiv": ["-c", "cs.LG", "--since", "2024-01"],
        "oai": ["--source", "oai", "-c", "cs.LG"],
        "openreview": ["--source", "openreview", "--venue", "iclr", "--year", "2024"],
    }[source]
    code = (
        "import resource, sys\nfrom trendcli.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)"
    )
    with run_bomb(name) as address:
        urls = {f"TREND_{site}_URL": address for site in ("ARXIV", "OAI", "OPENREVIEW", "OPENREVIEW_V1")}
        env = {**os.environ, **urls, "TREND_REQUEST_INTERVAL_S": "0", "XDG_STATE_HOME": str(tmp_path / "state")}
        command = [sys.executable, "-c", code, "fetch", *words, "--store", str(tmp_path / "store")]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    *lines, peak_kb = ended.stderr.strip().splitlines()
    assert ended.returncode == 3 and lines[-1].startswith("trend: ") and "Traceback" not in ended.stderr
    assert int(peak_kb) < MAX_MEMORY_MB * 1000
