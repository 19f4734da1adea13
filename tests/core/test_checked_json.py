from __future__ import annotations

import json

import pytest

from trendcli.core.checked_json import ChecksumError, format_checked_json, parse_checked_json

VALUE = {"name": "gan", "numbers": [1, 2.5, None], "text": "é \u0000"}


@pytest.mark.parametrize("indent", [None, 1])
def test_a_value_is_read_as_it_was_written(indent: int | None) -> None:
    content = format_checked_json(VALUE, indent=indent)
    assert parse_checked_json(content) == VALUE
    assert list(json.loads(content)) == ["checksum", *VALUE]  # JSON for any other reader


def test_any_change_is_noticed() -> None:
    content = format_checked_json(VALUE)
    for place in range(len(content)):
        with pytest.raises(ValueError):
            parse_checked_json(bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]]))
        with pytest.raises(ValueError):
            parse_checked_json(content[:place])


def test_json_without_a_checksum_is_refused() -> None:
    with pytest.raises(ChecksumError, match="it carries no checksum"):
        parse_checked_json(json.dumps(VALUE).encode())
