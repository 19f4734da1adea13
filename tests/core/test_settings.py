from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from tests.standins.mutations import mutate_bytes
from trendcli.core.errors import SettingsError, UsageError
from trendcli.core.settings import Settings, config_folder, is_loopback, load_settings, settings_to_yaml, store_path


def test_later_layers_override_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("contact: file@example.org\nscope: vision\nstore: /from/file\n")
    environ = {"TREND_SCOPE": "language", "TREND_STORE": "/from/variable"}
    settings, origins = load_settings(file, environ, {"store": "/from/flag"})
    assert (settings.contact, settings.scope, settings.store) == ("file@example.org", "language", "/from/flag")
    assert origins["contact"] == str(file)
    assert (origins["scope"], origins["store"], origins["arxiv_url"]) == ("TREND_SCOPE", "flag", "default")
    assert store_path(settings) == Path("/from/flag")


def test_the_shipped_file_holds_every_setting_with_its_default() -> None:
    shipped = config_folder() / "settings.yaml"
    assert shipped.read_text() == settings_to_yaml(Settings())
    settings, origins = load_settings(shipped, {})
    assert settings == Settings()
    assert set(origins) == set(yaml.safe_load(shipped.read_text()))


def test_printed_settings_read_back(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    before, origins = load_settings(None, {"TREND_CONTACT": "a: b # c", "TREND_REQUEST_INTERVAL_S": "4.5"})
    file.write_text(settings_to_yaml(before, origins))
    assert load_settings(file, {})[0] == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contactt: x", r"unknown setting 'contactt' \(did you mean contact\?\)"),
        ("arxiv_url: ftp://x", "setting 'arxiv_url' is 'ftp://x': expected an http or https URL"),
        ("arxiv_url: http://x:99999/", "setting 'arxiv_url' is 'http://x:99999/': Port out of range"),
        ("request_interval_s: soon", "request_interval_s"),
        ("contact: 日本", "setting 'contact' is '日本': expected ASCII text of one line"),
        ("reply_size_mb: 0", "expected more than 0, and at most 86400"),
        ("reply_duration_s: .nan", "expected more than 0, and at most 86400"),
        ("request_interval_s: 1", "arXiv's terms require at least 3 seconds"),
        ("scopes: [a]", "expected `name:"),
        ("scope: nothing", "No scope 'nothing'"),
        ("- a", "expected `name: value` lines"),
        ("a: [", ":[12]: not valid YAML"),
        ("contact: a\nstore: '~nobody-of-that-name/x'", "setting 'store' is '~nobody.*no home folder for ~nobody"),
        ('contact: a\nscopes: {"m\\e[2J": [cs.LG]}', r":2: the control character '\\x1b' in a value"),
        ('contact: "a@b.c\\n* * * * * rm -rf"', ":1: a value of several lines"),
        ("contact: [" + "x, " * 5000 + "]", r"setting 'contact' is \['x', .{150,200}\.\.\.: expected text"),
    ],
)
def test_a_wrong_settings_file_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        load_settings(file, {})


def test_a_variable_has_one_line_without_control_characters() -> None:
    for value in ("a\nb", "a\x1b[2J", "\u202ea"):
        with pytest.raises(SettingsError, match="TREND_CONTACT: .*expected one line without control characters"):
            load_settings(None, {"TREND_CONTACT": value})
    assert load_settings(None, {"TREND_STORE": "/Zuhause/日本 Müller\u00a0x"})[0].store == "/Zuhause/日本 Müller\u00a0x"


def test_no_broken_settings_file_is_a_bug(tmp_path: Path) -> None:
    original = b"request_interval_s: 3\ncontact: a@example.org\nstore: ~/x\narxiv_url: http://a.b/c\nscope: mine\nscopes:\n  mine: [cs.LG, 'stat.*']\n"
    rng, file = random.Random(3), tmp_path / "settings.yaml"
    for _ in range(400):
        file.write_bytes(mutate_bytes(rng, original))
        try:
            load_settings(file, {})
        except SettingsError as error:
            assert len(str(error)) < 15_000


def test_only_a_loopback_address_may_be_asked_faster() -> None:
    fast = {"TREND_REQUEST_INTERVAL_S": "0", "TREND_ARXIV_URL": "http://127.0.0.1:9/api/query"}
    assert load_settings(None, fast)[0].request_interval_s == 0
    with pytest.raises(SettingsError, match="terms"):
        load_settings(None, {"TREND_REQUEST_INTERVAL_S": "2.9"})
    assert is_loopback("http://localhost:1/x") and is_loopback("http://[::1]/")
    assert not is_loopback("https://127.0.0.1.example.org/")


def test_scopes_of_a_file_and_of_categories(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("scopes: {mine: [cs.LG, stat.*, cs.ZZ]}")
    settings, _ = load_settings(file, {})
    assert settings.named_scope("mine").categories == (
        "cs.LG",
        "stat.AP",
        "stat.CO",
        "stat.ME",
        "stat.ML",
        "stat.OT",
        "cs.ZZ",
    )
    assert settings.resolve_scope(["cs.SY", "cs.LG", "cs.LG"]).categories == ("eess.SY", "cs.LG")  # type: ignore[union-attr]
    assert settings.resolve_scope(["cs.ZZ"]).categories == ("cs.ZZ",)  # type: ignore[union-attr]
    assert settings.resolve_scope(None) is None
    assert "ml" in settings.scopes
    with pytest.raises(UsageError, match=r"No category 'cs.LQ' \(did you mean"):
        settings.resolve_scope(["cs.LQ"])
    with pytest.raises(UsageError, match="not both"):
        settings.resolve_scope(["cs.LG"], "ml")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Cannot read the settings file"):
        load_settings(tmp_path / "none.yaml", {})
