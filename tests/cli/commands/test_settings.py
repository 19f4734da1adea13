"""settings."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands import run


def test_each_setting_has_its_value_and_its_origin(tmp_path: Path) -> None:
    result = run("settings", env={"TREND_CONTACT": "a@example.org"})
    assert "contact: a@example.org" in result.stdout and "[TREND_CONTACT]" in result.stdout
    as_json = json.loads(run("settings", "--format", "json", "--store", tmp_path).stdout)
    assert (as_json["request_interval_s"], as_json["store"]) == (3.0, str(tmp_path))


def test_another_format_gets_a_sentence() -> None:
    result = run("settings", "--format", "csv")
    assert (result.exit_code, result.stderr) == (2, "trend: No format 'csv'. Known: yaml, json.\n")


def test_the_output_is_a_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(run("settings", env={"TREND_SCOPE": "vision"}).stdout)
    assert json.loads(run("settings", "--settings", path, "--format", "json").stdout)["scope"] == "vision"
