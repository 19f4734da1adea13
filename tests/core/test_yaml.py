from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.standins.mutations import mutate_bytes
from trendcli.core.errors import SettingsError, TopicError
from trendcli.core.yaml import (
    MAX_ALIASED_CHARS,
    MAX_VALUE_CHARS,
    MAX_YAML_BYTES,
    MAX_YAML_DEPTH,
    compose_yaml,
    find_control_character,
    load_yaml,
    quote_yaml,
    read_yaml_text,
)

FILE = Path("f.yaml")


def laughs(levels: int) -> str:
    """Return lines of which each repeats the one before nine times."""
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (laughs(9), r":6: aliases that expand to more text"),
        ("a: &a [x]\nb: &b [*b]", r":2: the alias 'b' inside its own anchor"),
        ("a: *nobody", r":1: not valid YAML: found undefined alias"),
        ("a:\n  " + "[" * 1500, r":2: nested more than 20 levels deep"),
        ("a: " + "[" * 200_000, r":1: nested more than 20"),
        ("- " * 200_000, r":1: nested more than 20"),
        ("? " * 200_000, r":1: nested more than 20"),
        ("".join("  " * n + "a:\n" for n in range(1500)), r":21: nested more than 20"),
        ("a: b\nc: " + "x" * (MAX_VALUE_CHARS + 1), r":2: a value of more than 10,000 characters"),
        ("x" * (MAX_VALUE_CHARS + 1) + ": 1", r":1: (a value of more than|not valid YAML)"),
        ('a: b\nc: "\\e[2J"', r":2: the control character '\\x1b' in a value"),
        ('a: b\n"\\x9b": c', r":2: the control character '\\x9b' in a value"),
        ("a: b\nc: \u202e", r":2: the control character '\\u202e' in a value"),
        ("a: b\nc: \x07", r":2: not valid YAML: the character '\\x07' is not allowed"),
        ('a: b\nc: "two\\nlines"', r":2: a value of several lines"),
        ("a: |\n  two\n  lines\n", r":1: a value of several lines"),
        ("a: b\nc: [", r":3?2?: not valid YAML"),
        ("a: !" + "x" * 100_000 + " b", r":1: not valid YAML: could not"),
    ],
)
def test_what_no_file_should_hold_is_refused_with_its_line(text: str, reason: str) -> None:
    started = time.process_time()
    with pytest.raises(SettingsError, match=r"^f\.yaml" + reason) as caught:
        load_yaml(text, FILE, SettingsError)
    assert len(str(caught.value)) < 400
    assert time.process_time() - started < 1


@pytest.mark.parametrize("value", ["!!int x", "!!float x", "!!bool x", "!!timestamp x", "2019-13-45", "!!binary \u00e9", "!!set x", "!!python/name:os.system ''", "1:99999999999:60.5", "!!timestamp 0001-01-01T00:00:00+23:59"])  # fmt: skip
def test_a_value_that_its_type_does_not_fit_is_an_error_with_its_line(value: str) -> None:
    try:
        assert load_yaml(f"a: 1\nb: {value}", FILE, SettingsError)["b"]
    except SettingsError as error:
        assert str(error).startswith("f.yaml:2: not valid YAML: ")


def test_what_people_write_is_read() -> None:
    text = "\ufeffa: &a [x, y]\nb: *a\nc: >\n  folded\n  text\nd:\n  <<: {e: 1}\n"
    assert load_yaml(text, FILE, SettingsError) == {
        "a": ["x", "y"],
        "b": ["x", "y"],
        "c": "folded text\n",
        "d": {"e": 1},
    }
    assert load_yaml("", FILE, SettingsError) is None
    assert compose_yaml("", FILE, TopicError) is None


def test_aliases_may_repeat_as_much_as_is_allowed() -> None:
    value = "x" * (MAX_VALUE_CHARS - 1)
    count = MAX_ALIASED_CHARS // MAX_VALUE_CHARS
    assert len(load_yaml(f"a: &a {value}\nb: [{', '.join(['*a'] * count)}]", FILE, SettingsError)["b"]) == count
    with pytest.raises(TopicError, match="aliases"):
        compose_yaml(f"a: &a {value}\nb: [{', '.join(['*a'] * (count + 1))}]", FILE, TopicError)


def test_a_file_may_be_as_deep_as_is_allowed() -> None:
    text = "[" * MAX_YAML_DEPTH + "]" * MAX_YAML_DEPTH
    assert load_yaml(text, FILE, SettingsError)
    with pytest.raises(SettingsError, match="deep"):
        load_yaml(f"[{text}]", FILE, SettingsError)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: b\nc: \xff", r"f\.yaml:2: not UTF-8; save the file as UTF-8"),
        (b"#" * (MAX_YAML_BYTES + 1), r"The settings file .*f\.yaml is larger than 2 MB"),
    ],
)
def test_a_file_that_cannot_be_text_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "f.yaml").write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        read_yaml_text(tmp_path / "f.yaml", "settings file", SettingsError)
    with pytest.raises(TopicError, match=r"Cannot read the topic file .*none: No such file"):
        read_yaml_text(tmp_path / "none", "topic file", TopicError)


def test_control_characters_are_found() -> None:
    for text in ("\x00", "\n", "\t", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066"):
        assert find_control_character(f"a{text}b") == text
    for text in ("", "Müller", "日本", "no\u00a0break", "\U0001f469\u200d\U0001f4bb", "a\u200fb"):
        assert find_control_character(text) == ""


def test_no_broken_file_is_a_bug() -> None:
    original = b"a: &x [one, 'two']\nb:\n  c: *x\n  d: 2019-01-01\n  e: 1.5\nf: !!str 3\n"
    rng = random.Random(11)
    for _ in range(800):
        text = mutate_bytes(rng, original).decode("utf-8", "ignore")
        for read in (load_yaml, compose_yaml):
            try:
                read(text, FILE, SettingsError)
            except SettingsError as error:
                assert str(error).startswith("f.yaml") and len(str(error)) < 400


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("graph network", "graph network"),
        ("k-means", "k-means"),
        ("https://export.arxiv.org/api/query", "https://export.arxiv.org/api/query"),
        ("/srv/my papers", "/srv/my papers"),
        ("yes", "'yes'"),
        ("null", "'null'"),
        ("a: b", "'a: b'"),
        ("GANs (all)", "'GANs (all)'"),
        ("3D vision", "'3D vision'"),
        ('say "x"', "'say \"x\"'"),
        ("", "''"),
        ("Bayes' rule", "'Bayes'' rule'"),
        ("two\nlines", '"two\\nlines"'),
        ("Müller #1", "'Müller #1'"),
    ],
)
def test_text_is_quoted_only_if_it_has_to_be(text: str, quoted: str) -> None:
    assert quote_yaml(text) == quoted


@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FF, blacklist_characters="\x7f", blacklist_categories=["Cc"])
    )
)
def test_text_is_read_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"key: {quote_yaml(text)}") == {"key": text}
    assert yaml.safe_load(f"[{quote_yaml(text)}, {quote_yaml(text)}]") == [text, text]
