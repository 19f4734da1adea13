from __future__ import annotations

import contextlib
import random
from dataclasses import fields
from pathlib import Path

import pytest

from tests.commands import run
from tests.standins.mutations import mutate_bytes
from trendcli.core.errors import SettingsError
from trendcli.core.settings import config_folder, settings_to_yaml
from trendcli.reports.weekly.config import WeeklyConfig, load_weekly_config
from trendcli.topics.loader import load_library


def test_the_shipped_file_has_the_defaults_and_topics_that_exist() -> None:
    shipped = config_folder() / "weekly.yaml"
    assert shipped.read_text(encoding="utf-8") == settings_to_yaml(WeeklyConfig())
    assert load_weekly_config(shipped) == WeeklyConfig(out=str(config_folder() / "trend-weekly"))
    library = load_library(config_folder() / "topics")
    assert [library.get_topic(name).id for name in WeeklyConfig().watch] == list(WeeklyConfig().watch)
    assert library.get_pack(WeeklyConfig().pack)


def test_a_settings_file_replaces_defaults(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("watch: rl gan\nout: weeks\nkeep: 3\nnotify: mail me\n")
    assert load_weekly_config(path) == WeeklyConfig(
        watch=("rl", "gan"), out=str(tmp_path / "weeks"), keep=3, notify="mail me"
    )
    assert load_weekly_config(None) == WeeklyConfig()


@pytest.mark.parametrize("command", ["weekly", "schedule"])
def test_the_help_names_every_setting(command: str) -> None:
    help_text = " ".join(run(command, "--help").stdout.split())
    assert f"any of {', '.join(field.name for field in fields(WeeklyConfig))}; each has a default" in help_text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("whatch: [rl]", "unknown setting 'whatch' (did you mean watch?)"),
        ("keep: -1", "setting 'keep' is -1: expected a whole number"),
        ("1: 2", "expected `name: value` lines"),
        ("since: bananas", "setting 'since' is 'bananas'"),
        ("keep: true", "expected a whole number"),
        ("source: kaggle", "expected one of arxiv, oai"),
        ("watch: [1, 2]", "expected a list of names"),
        ("notify_timeout_s: 0", "expected a number of seconds above 0, and at most 86,400"),
        ("notify_timeout_s: .nan", "expected a number of seconds"),
        ("notify_timeout_s: soon", "setting 'notify_timeout_s' is 'soon'"),
        ("watch: [rl", ":2: not valid YAML"),
        ("- rl", "expected `name: value` lines"),
        ('keep: 1\nnotify: "cat\\nrm x"', ":2: a value of several lines"),
        ('watch: [rl, "\\e[2J"]', ":1: the control character '\\x1b' in a value"),
        ("out: ~nobody-of-that-name/x", "no home folder for ~nobody-of-that-name"),
    ],
)
def test_an_invalid_setting_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text + "\n")
    with pytest.raises(SettingsError) as error:
        load_weekly_config(path)
    assert message in str(error.value) and str(path) in str(error.value)


def test_no_broken_file_is_a_bug(tmp_path: Path) -> None:
    original = b"out: ~/x\nwatch: [rnn, gan]\npack: ml\nscope: core\nsource: arxiv\nsince: 2019\nkeep: 4\nnotify: cat\n"
    rng, path = random.Random(4), tmp_path / "weekly.yaml"
    for _ in range(400):
        path.write_bytes(mutate_bytes(rng, original))
        with contextlib.suppress(SettingsError):
            assert load_weekly_config(path).out
