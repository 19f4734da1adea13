from __future__ import annotations

import csv
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.conftest import answer, fill, gan_world, paper
from tests.standins.arxiv import ArxivStandIn
from tests.standins.snapshot import line, months, write
from trendcli import __version__
from trendcli.cli import build_app
from trendcli.store.store import Store

TREND = [sys.executable, "-m", "trendcli"]


def run(*words: Any, env: dict[str, str] | None = None) -> Result:
    """A command line in this process."""
    return CliRunner().invoke(build_app([str(word) for word in words]), [str(word) for word in words], env=env or {})


@pytest.fixture
def store(gans: Store, tmp_path: Path) -> Path:
    """A copy of the store of 70 of 1,000 and 100 of 1,600."""
    shutil.copytree(gans.root, tmp_path / "store")
    return tmp_path / "store"


def test_report_in_every_form(store: Path) -> None:
    compared = run("report", "--store", store, "--pack", "iclr")
    assert compared.exit_code == 0
    assert "2019 against 2018, cs.LG" in compared.stdout and "-10.7" in compared.stdout
    years = run("report", "--store", store, "--topic", "gan", "--format", "csv")
    assert [row["count"] for row in csv.DictReader(io.StringIO(years.stdout))] == ["70", "100"]
    by_month = run("report", "--store", store, "-t", "gan", "--by", "month", "--since", "2019", "--format", "jsonl")
    assert sum(json.loads(text)["count"] for text in by_month.stdout.splitlines()) == 100
    against = run("report", "--store", store, "-t", "gan", "--vs", "2018", "--format", "json")
    assert json.loads(against.stdout)["kind"] == "comparison"
    asked = run("report", "--store", store, "--query", "adversarial network", "--format", "json")
    assert [row["count"] for row in json.loads(asked.stdout)["rows"]] == [70, 100]
    volume = run("report", "--store", store, "--by", "year", "--format", "json")
    assert [row["count"] for row in json.loads(volume.stdout)["rows"]] == [1000, 1600]


def test_options_before_and_after_the_command_are_the_same(store: Path) -> None:
    after, before = run("report", "--store", store, "-t", "gan"), run("--store", store, "report", "-t", "gan")
    variable = run("report", "-t", "gan", env={"TREND_STORE": str(store)})
    assert after.exit_code == 0
    assert after.stdout == before.stdout == variable.stdout


def test_asking_again_gives_the_same_answer_without_a_query(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run("report", "--store", store, "-t", "gan")
    monkeypatch.setattr(Store, "connect", lambda self: (_ for _ in ()).throw(AssertionError("asked the data again")))
    assert run("report", "--store", store, "-t", "gan").stdout == first.stdout
    monkeypatch.undo()
    fill(store, [paper("1912.99999", "2019-12-31", "A GAN")])
    assert "101" in run("report", "--store", store, "-t", "gan").stdout  # new data is a new question


def test_files(store: Path, tmp_path: Path) -> None:
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
    for kind, args in (
        ("lines", ["-t", "gan"]),
        ("change", ["--pack", "iclr"]),
        ("volume", []),
        ("heatmap", ["--pack", "directions"]),
    ):
        assert run("chart", kind, "--store", store, *args, "-o", tmp_path / f"{kind}.svg").exit_code == 0
        assert (tmp_path / f"{kind}.svg").read_bytes().startswith(b"<?xml")
    assert run("report", "--store", store, "-t", "gan", "--chart", tmp_path / "c.png").exit_code == 0
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_papers_and_export(store: Path, tmp_path: Path) -> None:
    listed = run("papers", "--store", store, "--topic", "gan", "--period", "2018", "--limit", "0", "--format", "jsonl")
    assert len(listed.stdout.splitlines()) == 70
    assert "70 submissions, newest 50 shown" in run("papers", "--store", store, "-t", "gan", "--period", "2018").stdout
    assert run("papers", "--store", store, "-t", "gan", "--limit", "2", "--format", "bibtex").stdout.count("@misc") == 2
    result = run("export", "--store", store, "-t", "gan", "-o", tmp_path / "e.csv")
    assert "Wrote 170 submissions" in result.stderr


def test_topics_status_and_settings(store: Path) -> None:
    assert "generative-models" in run("topics", "list", "--pack", "iclr").stdout
    assert "pattern" in run("topics", "show", "rnn").stdout
    assert "meta-rl" in run("topics", "show", "directions").stdout
    assert "adversarial network" in run("topics", "explain", "1801.00000", "--store", store).stdout
    status = run("status", "--store", store)
    assert "2,600 submissions" in status.stdout and "complete" in status.stdout
    assert (
        json.loads(run("status", "--store", store, "--format", "json").stdout)["data_as_of"] == "2020-01-01T00:00:00Z"
    )
    settings = run("settings", env={"TREND_CONTACT": "a@example.org"})
    assert "contact: a@example.org" in settings.stdout and "[TREND_CONTACT]" in settings.stdout
    assert json.loads(run("settings", "--format", "json").stdout)["request_interval_s"] == 3.0


def test_fetch(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": standin.url, "TREND_REQUEST_INTERVAL_S": "0", "TREND_STORE": str(tmp_path / "store")}
    first = run("fetch", "-c", "cs.CL", "-c", "cs.LG", "--since", "2018", "--until", "2019", env=env)
    assert first.exit_code == 0, first.stderr
    assert first.stdout == ""
    new = int(first.stderr.split(" new")[0].replace(",", ""))
    assert 100 < new <= 250 and "2018-01-01 to 2019-01-01, complete" in first.stderr
    again = run(
        "fetch", "-c", "cs.CL", "-c", "cs.LG", "--since", "2018", "--until", "2019", "--fail-if-unchanged", env=env
    )
    assert again.exit_code == 5 and "0 new, 0 revised: all of it is covered" in again.stderr
    assert run("report", "--by", "year", env=env).exit_code == 0


def test_an_incomplete_fetch_exits_with_3(standin: ArxivStandIn, tmp_path: Path) -> None:
    standin.inject_fault("entry without a date", times=99, when=lambda query: query["max_results"] != "1")
    env = {"TREND_ARXIV_URL": standin.url, "TREND_REQUEST_INTERVAL_S": "0", "TREND_STORE": str(tmp_path / "store")}
    result = run("fetch", "-c", "cs.LG", "--since", "2018", "--until", "2019", env=env)
    assert result.exit_code == 3
    assert "stored as partial" in result.stderr and "incomplete" in result.stderr
    nothing = run("report", "-t", "gan", env=env)
    assert nothing.exit_code == 4 and "not covered" not in nothing.stdout


def test_import_with_bad_lines_exits_with_3(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", line("0704.0001"), "no json", line("0704.0002"))
    result = run("import", path, "--store", tmp_path / "store")
    assert result.exit_code == 3
    assert "line 2: " in result.stderr and "2 new" in result.stderr and "1 fault," in result.stderr
    assert Store.open(tmp_path / "store").manifest.submission_count == 2


def test_import_from_a_pipe(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *months(2018, 1, 2))
    with Path(path).open("rb") as stream:
        done = subprocess.run(
            [*TREND, "import", "-", "--store", tmp_path / "s"], stdin=stream, capture_output=True, text=True
        )
    assert (done.returncode, done.stdout) == (0, "")
    assert "238 new" in done.stderr


BAD = [
    (["report"], 4, "No store at"),
    (["report", "-t", "rn"], 2, "did you mean"),
    (["report", "--pack", "m"], 2, "No pack 'm'"),
    (["report", "--scope", "mll"], 2, "No scope 'mll' (did you mean ml?)"),
    (["report", "-c", "cs.LQ"], 2, "No category 'cs.LQ'"),
    (["report", "--format", "jsno"], 4, "No store at"),
    (["report", "--since", "yesterday", "-t", "gan"], 2, "Not a date"),
    (["fetch", "--since", "2019", "--until", "2018"], 2, "The window is reversed"),
    (["fetch"], 2, "Say from when"),
    (["fetch", "--since", "2099"], 2, "lies in the future"),
    (["import", "/nonexistent/file"], 2, "Cannot read /nonexistent/file: No such file"),
    (["chart", "pie", "-o", "x.png"], 2, "No chart 'pie'"),
    (["chart", "lines", "-o", "x.png"], 2, "Name the topics to draw"),
    (["topics", "show", "gann"], 2, "No topic 'gann' (did you mean"),
    (["topics", "explain", "abc"], 4, "No store at"),
    (["report", "--query", ""], 2, "no letter or digit"),
]


@pytest.mark.parametrize(("words", "code", "message"), BAD)
def test_bad_input_gets_a_sentence_and_an_exit_code(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    result = run("--store", tmp_path / "none", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr and result.stderr.startswith("trend: ") and "Traceback" not in result.stderr
    assert not (tmp_path / "none" / "manifest.json").exists()


def test_more_bad_input(store: Path, tmp_path: Path) -> None:
    before = (store / "manifest.json").read_bytes()
    (tmp_path / "own.yaml").write_text("")
    cases = [
        (["report", "--format", "jsno"], 2, "No format 'jsno' (did you mean json"),
        (["report", "--sort", "q2"], 2, "Cannot sort by 'q2'"),
        (["report", "-c", "cs.CV"], 4, "It covers cs.LG"),
        (["report", "-o", tmp_path / "own.yaml" / "r.json"], 2, "Cannot write"),
        (["papers", "--period", "2014"], 4, "Nothing to list: 2014-01-01 to 2015-01-01 is not covered"),
        (["chart", "volume", "-o", tmp_path / "c.gif"], 2, "not .gif"),
        (["report", "--match", "fuzzy"], 2, "fuzzy"),
        (["export", "-o", tmp_path / "x.xlsx"], 2, ".parquet or .csv"),
        (["papers", "--id", "x"], 2, "Not an arXiv identifier"),
        (["report", "-t", "gan", "-o", "x.exe"], 2, "No format ends in .exe"),
        (["report", "--settings", tmp_path / "no.yaml"], 2, "Cannot read the settings file"),
        (["import", __file__], 2, "is not an arXiv snapshot"),
    ]  # fmt: skip
    for words, code, message in cases:
        result = run(*words, "--store", store)
        assert (result.exit_code, message in result.stderr) == (code, True), (words, result.stderr)
    own = tmp_path / "own.yaml"
    own.write_text("topics:\n  a:\n    phrase: [x]\n")
    result = run("topics", "list", env={"TREND_TOPICS": str(own)})
    assert result.exit_code == 2 and f"{own}:3: unknown key 'phrase'" in result.stderr
    (store / "manifest.json").write_text("{")
    assert run("report", "--store", store).exit_code == 4
    (store / "manifest.json").write_bytes(before)
    assert run("report", "--store", store, "--pack", "iclr").exit_code == 0


def test_an_unreachable_network(tmp_path: Path) -> None:
    env = {"TREND_ARXIV_URL": "http://127.0.0.1:9/api/query", "TREND_REQUEST_INTERVAL_S": "0"}
    result = run("fetch", "-c", "cs.LG", "--since", "2018", "--store", tmp_path / "s", env=env)
    assert result.exit_code == 3
    assert "Cannot reach 127.0.0.1:9" in result.stderr and "The store is unchanged" in result.stderr


def test_a_users_own_topic(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text(
        "topics:\n  nets:\n    name: Nets\n    phrases: [adversarial network]\npacks:\n  mine: [nets, gan]\n"
    )
    result = run("report", "--store", store, "--pack", "mine", "--format", "json", env={"TREND_TOPICS": str(own)})
    assert {row["topic"]: row["count_2"] for row in json.loads(result.stdout)["rows"]} == {"nets": 100, "gan": 100}


def test_made_up_and_real_data_do_not_mix(standin: ArxivStandIn, tmp_path: Path) -> None:
    fill(tmp_path / "made-up", gan_world()[:3], [answer()], synthetic=True)
    result = run("fetch", "-c", "cs.LG", "--since", "2018", "--store", tmp_path / "made-up")
    assert result.exit_code == 2 and "holds made-up data" in result.stderr
    fill(tmp_path / "out" / "store", gan_world()[:3], [answer()])
    result = run("demo", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "is a store of real data" in result.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout.strip() == f"trendcli {__version__}"
    for words in ([], ["report"], ["topics"], ["topics", "list"], ["fetch"], ["import"], ["chart"], ["papers"]):
        assert run(*words, "--help").exit_code == 0
    assert run().exit_code == 2  # and shows the help


def test_a_reader_that_leaves_early_ends_it_silently(store: Path) -> None:
    command = f"{sys.executable} -m trendcli papers --store {store} --limit 0 --format jsonl | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_an_interrupt_exits_with_130(standin: ArxivStandIn, tmp_path: Path) -> None:
    standin.inject_fault("503", times=99)
    env = {
        **os.environ,
        "TREND_ARXIV_URL": standin.url,
        "TREND_REQUEST_INTERVAL_S": "2.5",
        "TREND_STORE": str(tmp_path / "s"),
    }
    # what a shell starts in the background, as some runners do, ignores interrupts, and so would its children
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*TREND, "fetch", "-c", "cs.LG", "--since", "2018"], env=env, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while not standin.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the store is whole" in stderr


def on_a_terminal(*words: Any, columns: int, **env: str) -> str:
    """What a command shows on a terminal of that width."""
    master, slave = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **env}
    process = subprocess.Popen([*TREND, *map(str, words)], stdout=slave, stderr=slave, stdin=slave, env=environ)
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    process.wait(timeout=30)
    os.close(master)
    return shown.decode()


def test_a_terminal_of_80_columns(store: Path) -> None:
    shown = on_a_terminal(
        "report", "--store", store, "-t", "gan", "-t", "rnn", "--vs", "2018", columns=80, NO_COLOR="1"
    )
    lines = [text.rstrip("\r") for text in shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert any("→" not in text and "-10.7" in text for text in lines)
    assert "\x1b[1m" in on_a_terminal("report", "--store", store, "-t", "gan", columns=80)


def test_progress_is_shown_on_a_terminal_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *months(2018, 1, 2))
    assert "submissions" in on_a_terminal("import", path, "--store", tmp_path / "a", columns=100)
    silent = subprocess.run([*TREND, "import", path, "--store", tmp_path / "b", "-q"], capture_output=True, text=True)
    assert (silent.stdout, silent.stderr) == ("", "")


def test_completion_knows_topics_packs_scopes_and_categories() -> None:
    def offered(words: str) -> str:
        env = {
            **os.environ,
            "_TREND_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split())),
        }
        done = subprocess.run(
            [sys.executable, "-c", "import sys; sys.argv = ['trend']; from trendcli.cli import main; main()"],
            env=env,
            capture_output=True,
            text=True,
        )
        return done.stdout

    assert "model-based-rl" in offered("trend report --topic ")
    assert "directions" in offered("trend report --pack ")
    assert "vision" in offered("trend report --scope ")
    assert "eess.AS" in offered("trend fetch -c ")


def test_verbose_logs_requests(standin: ArxivStandIn, tmp_path: Path) -> None:
    env = {**os.environ, "TREND_ARXIV_URL": standin.url, "TREND_REQUEST_INTERVAL_S": "0"}
    done = subprocess.run(
        [*TREND, "fetch", "-c", "cs.LG", "--since", "2018-01", "--until", "2018-02", "-v", "--store", tmp_path],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.stderr.count("max_results=1:") >= 1 and "submittedDate" in done.stderr


def test_what_a_change_is_made_of(store: Path, tmp_path: Path) -> None:
    def rows(*words: Any) -> list[dict[str, Any]]:
        done = run("report", "--store", store, *words, "--format", "json")
        assert done.exit_code == 0, done.output
        found: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
        return found

    assert [row["category"] for row in rows("-t", "gan", "--vs", "2018", "--across", "category")] == ["cs.LG"]
    assert {row["base_2"] for row in rows("--within", "generative-models")} == {100}
    assert rows("-t", "gan", "--and", "generative-models", "--vs", "2018")[0]["count_2"] == 100
    assert rows("-t", "gan", "--decompose")[0]["mix"] == 0
    assert rows("-t", "gan", "--sensitivity")[0]["robust"] is False  # there is no verdict to survive
    assert rows("-t", "gan", "--rolling", "2", "--by", "year")[-1]["count"] == 170
    assert rows("-t", "gan", "--index", "2018")[0]["index"] == 100
    for words, message in [
        (["--rolling", "3"], "belong to a series"),
        (["-t", "gan", "--explain", "-t", "rnn"], "One number is explained at a time"),
        (["--by", "year", "--across", "category"], "--across and --index need a topic"),
        (["-t", "gan", "--sort", "count"], "A series is in order of time"),
        (["-t", "gan", "--decompose", "--across", "category"], "--decompose goes without"),
        (["-t", "gan", "--last", "9999y"], "reaches back before 1900"),
        (["-t", "gan", "--rolling", "30000", "--by", "month"], "reaches back before 1900"),
        (["-t", "gan", "--since", "0001"], "Years are 1900 to 2200"),
        (["-t", "rnn", "--index", "2018"], "--index 2018 has no share above 0"),
        (["-t", "gan", "--decompose", "--chart", tmp_path / "x.png"], "There is no chart of decomposition"),
    ]:
        done = run("report", "--store", store, *words)
        assert (done.exit_code, message in done.output) == (2, True), done.output
    for words in (["--within", "generative-models"], ["--within", "generative-models", "-t", "gan"]):
        base = run("papers", "--store", store, "--period", "2019", *words, "--limit", "0", "--format", "jsonl")
        assert len(base.stdout.splitlines()) == 100
    listed = run("papers", "--store", store, "-t", "gan", "--and", "rnn", "--format", "jsonl")
    assert (listed.exit_code, listed.stdout) == (0, "")


def test_a_page_for_a_number_in_every_format(store: Path) -> None:
    for name in ("table", "md", "html", "json"):
        page = run("explain", "--store", store, "-t", "gan", "--format", name)
        assert page.exit_code == 0, page.output
        for said in ("70 / 1,000 = 7.00 %", "How it is computed", "generative adversarial network", "Generative adversarial networks at work"):  # fmt: skip
            assert said in page.stdout, (name, said)
    assert run("report", "--store", store, "-t", "gan", "--explain").stdout == run("explain", "--store", store, "-t", "gan").stdout  # fmt: skip
    assert json.loads(run("explain", "--store", store, "-t", "gan", "--format", "json").stdout)["sections"][0]["rows"]


def test_verify(store: Path, tmp_path: Path) -> None:
    saved = tmp_path / "r.json"
    assert run("report", "--store", store, "--pack", "iclr", "--format", "json", "-o", saved).exit_code == 0
    same = run("verify", saved, "--store", store)
    assert (same.exit_code, "Reproduced: the same query gives the same report." in same.stdout) == (0, True)
    saved.write_text(saved.read_text().replace('"count_1": 70', '"count_1": 71'))
    edited = run("verify", saved, "--store", store, "--format", "csv")
    assert edited.exit_code == 4
    assert "unexplained,gan 2019 count_1,71,70" in edited.stdout
    for content, message in (
        ("{", "is not JSON"),
        ("[]", "not a report that can be reproduced"),
        (None, "other.json: No such file or directory."),
    ):
        other = tmp_path / "other.json"
        other.unlink(missing_ok=True)
        if content is not None:
            other.write_text(content)
        done = run("verify", other, "--store", store)
        assert (done.exit_code, message in done.output) == (2, True), done.output


def test_only_the_commands_that_are_named_are_set_up() -> None:
    def names(*words: str) -> list[str]:
        made = build_app(words)
        return [str(item.name) for item in [*made.registered_commands, *made.registered_groups]]

    assert names("report", "-t", "rnn") == ["report"]
    assert names("--store", "papers", "report") == ["report", "papers"]  # a value may look like a command
    assert names("topics", "explain", "1706.03762") == ["explain", "topics"]
    assert len(names()) == len(names("reprot")) == 19
    assert run("reprot").exit_code == 2
    assert "report" in run("reprot").output


def test_topics_are_remembered_until_their_file_changes(gans: Store, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    asked = ["report", "--store", gans.root, "-t", "mine", "--format", "csv"]
    env = {"TREND_TOPICS": str(own)}
    own.write_text("topics:\n  mine: {phrases: [generative adversarial]}\n", encoding="utf-8")
    assert ",70,1000," in run(*asked, env=env).output
    own.write_text("topics:\n  mine: {phrases: [generative adversarial, on nothing]}\n", encoding="utf-8")
    assert ",1000,1000," in run(*asked, env=env).output
    own.write_text("topics:\n  mine: {phrases: [generative adversarial\n", encoding="utf-8")
    assert run(*asked, env=env).exit_code == 2
