from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trendcli.core.yaml import quote_yaml


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
