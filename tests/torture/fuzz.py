"""Changed input for every parser: no traceback, no hang, no other exit code, and the store answers as before.

Most inputs meet the program within this process, as fast as its parsers; one in forty also as a program of its own.
"""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.standins import openreview
from tests.standins.arxiv import ArxivStandIn, run_stand_in
from tests.torture import inputs
from tests.torture.bench import Bench, Ran, first_line
from tests.torture.damage import group_files
from tests.torture.mutations import JSON_BYTES, XML_BYTES, YAML_BYTES, change_bytes, change_json, make_text
from tests.torture.stores import QUESTIONS, SCOPE, World
from trendcli.demo.corpus import build_corpus
from trendcli.demo.server import HttpRequest, HttpResponse

# inputs at full scale; each snapshot holds CHANGED_LINES of them
COUNTS = {
    "snapshot": 80, "lists": 600, "atom": 250, "oai": 350, "openreview": 300, "topics": 300, "settings": 900, "weekly": 800,
    "search": 450, "options": 500, "patterns": 150, "manifest": 350, "identity": 150, "cache": 350, "saved": 500, "ids": 250,
    "dates": 300, "totals": 500, "judged": 150, "judgements": 120, "environment": 450,
}  # fmt: skip
SHORT_COUNTS = dict.fromkeys(COUNTS, 3) | {
    "settings": 20,
    "saved": 10,
    "weekly": 10,
    "snapshot": 1,
    "atom": 4,
    "oai": 4,
}
CHANGED_LINES = 40
# every so many inputs meet the program as a user runs it
END_TO_END = 40


class Changing:
    """A stand-in whose replies are changed, half of them."""

    rng: random.Random
    sent: bytes

    def change_response(self, response: HttpResponse, insertions: list[bytes]) -> HttpResponse:
        """Return a response, perhaps changed, and remember it."""
        if self.rng.random() < 0.5:
            return response
        self.sent = change_bytes(response.body, self.rng, insertions)
        return response._replace(body=self.sent)


class ChangingArxiv(ArxivStandIn, Changing):
    """arXiv with changed replies."""

    def answer_request(self, request: HttpRequest) -> HttpResponse:
        """Answer, perhaps with something else."""
        return self.change_response(super().answer_request(request), XML_BYTES)


class ChangingOpenReview(openreview.OpenReviewStandIn, Changing):
    """OpenReview with changed replies."""

    def answer_request(self, request: HttpRequest) -> HttpResponse:
        """Answer, perhaps with something else."""
        response = super().answer_request(request)
        if self.rng.random() < 0.5 and response.body.startswith(b"{"):
            self.sent = change_json(json.loads(response.body), self.rng)
            return response._replace(body=self.sent)
        return self.change_response(response, JSON_BYTES)


class Fuzz:
    """The inputs of one part, against one store that is put right after each."""

    def __init__(self, bench: Bench, world: World, stack: ExitStack) -> None:
        self.bench, self.world, self.rng = bench, world, random.Random(0)
        self.store, self.empty = bench.copy_store(world.store), bench.folder / "empty"
        self.lines, self.entries = world.read_lines(), json.loads(world.venue_list.read_text(encoding="utf-8"))
        self.groups = group_files(self.store)
        self.report = json.loads(bench.run_here(self.store, *QUESTIONS["years"][:-1], "json").out)
        self.arxiv = stack.enter_context(run_stand_in(ChangingArxiv(build_corpus(7, {2019: 120}))))
        self.openreview = stack.enter_context(
            openreview.run_stand_in(ChangingOpenReview(openreview.build_submissions(count=30)))
        )
        self.is_end_to_end = False

    def ask(self, data: bytes, store: Path | None, *words: Any, env: dict[str, str] | None = None) -> Ran:
        """Run a command on an input, and judge how it ends."""
        (self.bench.folder / "input").write_bytes(data + b"\n" + repr(words).encode())
        ran = self.bench.run_here(store, *words, env=env)
        if self.bench.judge(ran, " ".join(map(str, words))[:200], data) and self.is_end_to_end:
            self.bench.count("end to end")
            again = self.bench.run(store, *words, env=env)
            self.bench.judge(again, "end to end: " + " ".join(map(str, words))[:200], data)
        return ran

    def write(self, name: str, data: bytes) -> Path:
        """Write an input to a file."""
        path = self.bench.folder / name
        path.write_bytes(data)
        return path

    def start_empty(self) -> Path:
        """Return the path of a store that does not exist, with no pace to keep."""
        for path in (self.empty, self.bench.folder / "state"):
            shutil.rmtree(path, ignore_errors=True)
        return self.empty

    def try_snapshot(self) -> None:
        """Import lines of which some are changed: the others are stored."""
        good, bad = self.rng.sample(self.lines, 10), self.rng.sample(self.lines, CHANGED_LINES)
        names = {line["id"] for line in good}
        changed = [
            change_json(line, self.rng).replace(b"\n", b" ").replace(b"\r", b" ")
            for line in bad
            if line["id"] not in names
        ]
        rest = [*(json.dumps(line).encode() for line in good[1:]), *changed]
        self.rng.shuffle(rest)
        data = b"\n".join([json.dumps(good[0]).encode(), *rest]) + b"\n"
        self.bench.count("lines", len(changed))
        ran = self.ask(data, self.start_empty(), "import", self.write("in.jsonl", data))
        stored = self.bench.read_submissions(self.empty) or b""
        lost = [name for name in names if name.encode() not in stored]
        if lost:
            self.bench.report("good lines are not stored", f"{len(lost)} of {len(names)}; {first_line(ran)}", data)

    def try_lists(self) -> None:
        """Import a venue list."""
        data = change_json(self.rng.sample(self.entries, 4), self.rng)
        self.ask(data, self.start_empty(), "import", self.write("in.json", data), "--venue", "x", "--year", "2019")

    def try_atom(self) -> None:
        """Fetch from an API whose replies are changed."""
        self.fetch(self.arxiv, "-c", "cs.LG", "--since", "2019-01", "--until", "2019-03")

    def try_oai(self) -> None:
        """Harvest from an OAI-PMH interface whose replies are changed."""
        self.fetch(self.arxiv, "-c", "cs.NE", "--source", "oai")

    def try_openreview(self) -> None:
        """Fetch a conference whose lists are changed."""
        if importlib.util.find_spec("openreview"):
            self.fetch(self.openreview, "--source", "openreview", "--venue", "iclr", "--year", "2024")

    def fetch(self, standin: Any, *words: str) -> None:
        """Fetch into an empty store."""
        standin.rng, standin.sent = self.rng, b""
        store, env = self.start_empty(), standin.build_environment()
        (self.bench.folder / "input").write_bytes(repr(words).encode())
        ran = self.bench.run_here(store, "fetch", *words, env=env)
        self.bench.judge(ran, "the last reply", standin.sent)

    def try_topics(self) -> None:
        """Read a topic file."""
        data = change_bytes(inputs.TOPICS, self.rng, YAML_BYTES)
        words = self.rng.choice([["topics", "list"], ["topics", "check", "nets"], ["report", "-t", "nets", *SCOPE]])
        self.ask(data, self.store, *words, env={"TREND_TOPICS": str(self.write("t.yaml", data))})

    def try_settings(self) -> None:
        """Read a settings file."""
        data = change_bytes(inputs.SETTINGS, self.rng, YAML_BYTES)
        self.ask(data, None, "--settings", self.write("s.yaml", data), *self.rng.choice([["settings"], ["status"]]))

    def try_weekly(self) -> None:
        """Read the settings of a weekly job."""
        data = change_bytes(inputs.WEEKLY, self.rng, YAML_BYTES)
        flag = self.rng.choice(["--cron", "--systemd", "--github"])
        self.ask(data, self.store, "schedule", self.write("w.yaml", data), flag)

    def try_search(self) -> None:
        """Search for words."""
        query = make_text(inputs.SEARCH_WORDS, self.rng)
        option = self.rng.choice(["--search", "--search", "--like"])
        self.ask(query.encode(), self.store, "papers", f"{option}={query}", *SCOPE[:2], "--limit", "3")

    def try_options(self) -> None:
        """Give some options to a command."""
        words = [self.rng.choice(inputs.COMMANDS)]
        for name in self.rng.sample(sorted(inputs.OPTIONS), self.rng.choice([1, 2, 3])):
            value = self.rng.choice(inputs.OPTIONS[name])
            words += [f"{name}={value}"] if name.startswith("--") else [name, value]
        words += self.rng.sample(inputs.FLAGS, self.rng.choice([0, 0, 1]))
        if words[0] == "chart":
            words += ["--format=json"] if self.rng.random() < 0.5 else ["-o", str(self.bench.folder / "c.svg")]
        if words[0] == "export":
            words += ["-o", str(self.bench.folder / "e.csv")]
        self.ask(repr(words).encode(), self.store, *words)

    def try_patterns(self) -> None:
        """Match a pattern."""
        pattern = make_text(inputs.PATTERN_WORDS, self.rng, "")
        field = self.rng.choice(["patterns", "phrases", "acronyms", "exclude"])
        text = f"topics:\n  mine:\n    name: Mine\n    phrases: [network]\n    {field}: [{json.dumps(pattern)}]\n"
        path = self.write("t.yaml", text.encode())
        self.ask(
            text.encode(), self.store, "report", "-t", "mine", *SCOPE, "--by", "year", env={"TREND_TOPICS": str(path)}
        )

    def try_manifest(self) -> None:
        """Read a changed manifest."""
        path = self.store / self.rng.choice(["manifest.json", "manifest.json", "venues/made/manifest.json"])
        value = json.loads(path.read_bytes())
        if self.rng.random() < 0.5:  # as an older program writes it
            value.pop("checksum", None)
        words = self.rng.choice(
            [["report", *SCOPE, "-t", "rnn"], ["status"], ["doctor"], ["papers", "-c", "*"], QUESTIONS["venue"]]
        )
        self.try_store_file(path, change_json(value, self.rng), words)

    def try_identity(self) -> None:
        """Read a changed identity of a store."""
        path = self.store / "trend-store.json"
        if path.exists():
            words = self.rng.choice(
                [["report", *SCOPE, "-t", "rnn"], ["status"], ["doctor"], ["import", str(self.world.few)]]
            )
            self.try_store_file(path, change_json(json.loads(path.read_bytes()), self.rng), words)

    def try_cache(self) -> None:
        """Read a changed file of the cache."""
        names = [name for name in self.groups if name.startswith("cache/") or "/cache/" in name]
        path = self.rng.choice(self.groups[self.rng.choice(names)])
        if not path.exists():
            return
        data = path.read_bytes()
        if path.suffix == ".json" and self.rng.random() < 0.7:
            changed = change_json(json.loads(data), self.rng)
        else:
            changed = change_bytes(data, self.rng, JSON_BYTES)
        self.try_store_file(
            path, changed, self.rng.choice([QUESTIONS["years"], QUESTIONS["search"], QUESTIONS["report"]])
        )

    def try_judgements(self) -> None:
        """Read changed judgements."""
        path = self.store / "judgements" / "gan.jsonl"
        lines = path.read_bytes().splitlines()
        place = self.rng.randrange(len(lines))
        try:
            lines[place] = change_json(json.loads(lines[place]), self.rng)
        except ValueError:
            lines[place] = change_bytes(lines[place], self.rng, JSON_BYTES)
        self.try_store_file(path, b"\n".join(lines) + b"\n", QUESTIONS["sample"])

    def try_store_file(self, path: Path, data: bytes, words: Sequence[Any]) -> None:
        """Put other content into a file of the store, ask, and put the store right."""
        before = path.read_bytes()
        path.write_bytes(data)
        self.ask(data, self.store, *words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before)

    def try_saved(self) -> None:
        """Verify a changed report."""
        data = change_json(self.report, self.rng)
        self.ask(data, self.store, "verify", self.write("v.json", data))

    def try_ids(self) -> None:
        """Ask for identifiers."""
        text = make_text(inputs.ID_WORDS, self.rng, "")
        words = self.rng.choice([["papers", "--like", text], ["papers", f"--id={text}"], ["report", f"--id={text}"]])
        self.ask(text.encode(), self.store, *words, *SCOPE[:2])

    def try_dates(self) -> None:
        """Ask for periods."""
        text = self.rng.choice(inputs.DATE_WORDS)
        option = self.rng.choice(["--since", "--until", "--period", "--as-of", "--last", "--vs"])
        command = self.rng.choice(
            [["report", "-t", "rnn", *SCOPE], ["papers", *SCOPE[:2]], ["digest"], ["fetch", "--dry-run"]]
        )
        self.ask(text.encode(), self.store, *command, f"{option}={text}")
        self.ask(text.encode(), self.store, "weekly", "--no-fetch", "--out", self.bench.folder / "w", f"--date={text}x")

    def try_totals(self) -> None:
        """Compare with changed monthly totals."""
        data = change_bytes(inputs.TOTALS, self.rng, [*JSON_BYTES, b",", b"\n", b'"', b"month", b"\x00"])
        self.ask(data, self.store, "doctor", "--totals", self.write("t.csv", data))

    def try_judged(self) -> None:
        """Read changed answers to a sample."""
        answers, path = self.world.folder / "sample.csv", self.store / "judgements" / "gan.jsonl"
        data = change_bytes(answers.read_bytes(), self.rng, [*JSON_BYTES, b",", b"\n", b"id", b"y"])
        before = path.read_bytes()
        self.ask(data, self.store, *QUESTIONS["sample"], "--judged", self.write("j.csv", data))
        path.write_bytes(before)

    def try_environment(self) -> None:
        """Read settings from variables."""
        name = self.rng.choice(["scope", "topics", "contact", "arxiv_url", "request_interval_s", "oai_url", "store"])
        value = self.rng.choice(inputs.SETTING_VALUES)
        words = self.rng.choice([["settings"], ["fetch", "--dry-run"], ["status"], ["topics", "list"]])
        self.ask(f"{name}={value}".encode(), None, *words, env={f"TREND_{name.upper()}": value})


def torture(bench: Bench, world: World) -> None:
    """Try every parser in turn; then the store answers as before."""
    counts = COUNTS if bench.is_full else SHORT_COUNTS
    order = [name for name, count in counts.items() for _ in range(count)]
    # the parts share every parser
    with ExitStack() as stack:
        fuzz = Fuzz(bench, world, stack)
        for number, rng in bench.share_cases(len(order)):
            name = order[number]
            fuzz.rng, fuzz.is_end_to_end = rng, bench.is_full and number % END_TO_END == 0
            bench.case_label = f"{name} {number}"
            run_try: Callable[[], None] = getattr(fuzz, f"try_{name}")
            run_try()
    answers = world.read_answers()
    for name, words in QUESTIONS.items():
        ran = bench.run_here(fuzz.store, *words)
        if ran.out != answers[name].out:
            bench.report("the store answers otherwise afterwards", f"{name}: {first_line(ran)}")
