"""What all commands share: stores and topics that are found, caches, and reports that are printed or written."""

from __future__ import annotations

import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.commands import TREND, run, run_on_terminal
from tests.standins.snapshot import months, write
from tests.worlds import fill, paper
from trendcli.cli.base import CommonOptions, infer_format, read_text, write_text
from trendcli.core.errors import StoreMissing, UsageError
from trendcli.core.registry import FORMATS
from trendcli.store.store import Store


def test_the_ending_of_a_file_sets_the_format(store: Path, tmp_path: Path) -> None:
    for name, head in (
        ("r.json", "{"),
        ("r.csv", "topic,"),
        ("r.md", "## "),
        ("r.html", "<!doctype"),
        ("r.txt", "GANs by year"),
        ("r.jsonl", '{"topic"'),
    ):
        result = run("report", "--store", store, "-t", "gan", "-o", tmp_path / name)
        assert (result.exit_code, result.stdout) == (0, "")
        assert (tmp_path / name).read_text().startswith(head)
        assert f"Wrote {tmp_path / name}" in result.stderr
    assert run("report", "--store", store, "-t", "gan", "-o", "-").stdout.startswith("GANs by year")


def test_endings_belong_to_the_registered_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    assert infer_format(None) == infer_format(Path("-")) == infer_format(Path("report")) == "table"
    assert infer_format(None, default="md") == "md"
    assert [infer_format(Path(name)) for name in ("a.HTM", "a.b.html", "a.bib")] == ["html", "html", "bibtex"]
    with pytest.raises(
        UsageError, match=r"No format has the extension .tsv. Known: .txt, .md, .csv, .json, .jsonl, .html, .htm"
    ):
        infer_format(Path("a.tsv"))
    monkeypatch.setitem(FORMATS, "tsv", FORMATS["csv"]._replace(endings=(".tsv",)))
    assert infer_format(Path("a.tsv")) == "tsv"


def test_files_that_cannot_be_read_or_written_get_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    for path, reason in ((tmp_path / "none", "No such file or directory"), (tmp_path / "latin", "it is not UTF-8")):
        with pytest.raises(UsageError) as caught:
            read_text(path)
        assert str(caught.value) == f"Cannot read {path}: {reason}."
    write_text(tmp_path / "new" / "a.txt", "é")
    assert read_text(tmp_path / "new" / "a.txt") == "é"
    with pytest.raises(UsageError, match="Cannot write .*: Is a directory"):
        write_text(tmp_path / "new", "é")


def test_a_file_is_read_up_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trendcli.cli.base.MAX_TEXT_CHARS", 3 << 20)
    path = tmp_path / "zeros"
    for size, is_refused in ((3 << 20, False), (1 << 34, True)):
        with path.open("wb") as stream:
            stream.truncate(size)
        with pytest.raises(UsageError, match="more than 3 million characters") if is_refused else nullcontext():
            assert len(read_text(path)) == size


def test_a_missing_store_names_what_is_there_and_the_next_command(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match=r"no venue 'iclr'. Stored venues: none. Add one with `trend import FILE"):
        CommonOptions(store=store).open_store("iclr")
    fill(tmp_path / "venues-only" / "venues" / "iclr", [paper("2020-1", "2020-01-01", keywords="")], corpus="iclr")
    venues_only = CommonOptions(store=tmp_path / "venues-only")
    assert venues_only.store_root("iclr") == tmp_path / "venues-only" / "venues" / "iclr"
    with pytest.raises(StoreMissing, match=r"no arXiv submissions, only these venues: iclr. Use --corpus iclr"):
        venues_only.open_store()
    with pytest.raises(StoreMissing, match=r"no venue 'icrl' \(did you mean iclr\?\). Stored venues: iclr"):
        venues_only.open_store("icrl")


@pytest.mark.journey
def test_a_report_comes_from_the_cache_until_the_data_change(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run("report", "--store", store, "-t", "gan")
    monkeypatch.setattr(Store, "connect", lambda self: pytest.fail("queried the data again"))
    assert run("report", "--store", store, "-t", "gan").stdout == first.stdout
    monkeypatch.undo()
    fill(store, [paper("1912.99999", "2019-12-31", "A GAN")])
    assert "101" in run("report", "--store", store, "-t", "gan").stdout


@pytest.mark.journey
def test_topics_come_from_the_cache_until_their_file_changes(gans: Store, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    words = ["report", "--store", gans.root, "-t", "mine", "--format", "csv"]
    env = {"TREND_TOPICS": str(own)}
    own.write_text("topics:\n  mine: {phrases: [generative adversarial]}\n", encoding="utf-8")
    assert ",70,1000," in run(*words, env=env).output
    own.write_text("topics:\n  mine: {phrases: [generative adversarial, on nothing]}\n", encoding="utf-8")
    assert ",1000,1000," in run(*words, env=env).output
    own.write_text("topics:\n  mine: {phrases: [generative adversarial\n", encoding="utf-8")
    assert run(*words, env=env).exit_code == 2


@pytest.mark.journey
def test_a_table_fits_a_terminal_of_80_columns(store: Path) -> None:
    output = run_on_terminal(
        "report", "--store", store, "-t", "gan", "-t", "rnn", "--vs", "2018", columns=80, NO_COLOR="1"
    )
    lines = [line.rstrip("\r") for line in output.splitlines()]
    assert max(map(len, lines)) <= 80
    assert any("→" not in line and "-10.7" in line for line in lines)
    assert "\x1b[1m" in run_on_terminal("report", "--store", store, "-t", "gan", columns=80)


@pytest.mark.journey
def test_progress_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *months(2018, 1, 2))
    assert "submissions" in run_on_terminal("import", path, "--store", tmp_path / "a", columns=100)
    quiet = subprocess.run([*TREND, "import", path, "--store", tmp_path / "b", "-q"], capture_output=True, text=True)
    assert (quiet.stdout, quiet.stderr) == ("", "")
