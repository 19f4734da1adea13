from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.test_cli import run
from tests.conftest import answer, fill, paper
from trendcli.core.errors import TopicError, UsageError
from trendcli.core.settings import config_folder
from trendcli.reports.curation import create as coining
from trendcli.reports.curation.check import ALL_STORED_SCOPE
from trendcli.reports.curation.create import TopicDraft, draft_topic, format_topic_yaml, insert_topic
from trendcli.store.store import Store
from trendcli.topics.patterns import phrase_regex

TEXTS = [
    *["Graph neural networks (GNNs) on molecules, and a graph-neural network."] * 3,
    *["A graph neural network (GNN) of few layers."] * 2,
    "Deep graph neural networks (DGNN) of many layers.",
    "Deep graph neural networks (DGNN) once more.",
    "GNN layers alone, the phrase unsaid.",
    "A global nearest neighbor (GNN) filter.",
    *["Auto-encoders and autoencoders, and an auto encoder (AE)."] * 2,
    *["Adversarial examples (AE) of images."] * 3,
    *["Policies of a kind."] * 2,
    "A policy of another kind.",
    "Thesis.",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    papers = [
        paper(
            f"1803.{number:05d}",
            f"{2018 + number % 2}-03-05",
            "On it",
            text,
            categories="cs.LG" if number < 8 else "cs.RO",
        )
        for number, text in enumerate(TEXTS)
    ]
    return fill(tmp_path_factory.mktemp("coining") / "store", papers, [answer(["*"])])


def make(store: Store, term: str) -> TopicDraft:
    return draft_topic(store, ALL_STORED_SCOPE, "mine", term)


def test_a_topic_has_the_forms_and_the_acronym_of_the_text(store: Store) -> None:
    found = make(store, "graph neural networks")
    assert found.phrases == ("graph neural network",) and found.acronyms == ("GNN",)
    assert found.form_counts == (("graph neural networks", 5), ("graph-neural network", 3), ("graph neural network", 2))
    # what stands behind a longer name is no acronym of this one
    assert found.notes == ("(GNN): 5 of 6 definitions; also global nearest neighbor 1",)
    assert found.warnings[0].startswith(
        "GNN also stands in 2 submissions that never hold the phrase (cs.LG 1, cs.RO 1)."
    )


def test_a_form_without_a_gap_makes_a_hyphen(store: Store) -> None:
    found = make(store, "auto encoder")
    assert found.phrases == ("auto-encoder",)
    # "adversarial examples" define it more often
    assert found.acronyms == () and found.notes == ("(AE): 2 of 5 definitions; also adversarial examples 3: left out",)


def test_plurals_that_no_s_makes_are_phrases_of_their_own(store: Store) -> None:
    assert make(store, "policy").phrases == ("policy", "policies")
    assert make(store, "policies").phrases == ("policy", "policies")
    assert make(store, "thesis").phrases == ("thesis",)
    assert phrase_regex("policy", any_case=True)


def test_what_is_nowhere_is_written_as_it_was_spelt(store: Store) -> None:
    found = make(store, "zqx nets")
    assert found.phrases == ("zqx nets",) and "Nothing that is stored holds 'zqx nets'" in found.warnings[0]


@pytest.mark.parametrize(("name", "term"), [("My Topic", "graph"), ("mine", "***"), ("mine", "graph*"), ("mine", " ")])
def test_what_cannot_be_a_topic(store: Store, name: str, term: str) -> None:
    with pytest.raises(UsageError):
        draft_topic(store, ALL_STORED_SCOPE, name, term)


MINE = TopicDraft(
    "mine", "It: all", ("graph net", "yes"), ("GNN",), (("graph net", 2),), ("(GNN): 2 of 2 definitions",), ()
)

OWN = """# mine, and no one else's
topics:
    # the first
    apple:
        name: Apples
        phrases:
            - apple pie   # with cream
            - apple tart  # without

# my packs
packs:
    orchard: [apple]
"""


def test_a_block_reads_back() -> None:
    topics = yaml.safe_load("topics:\n" + format_topic_yaml(MINE))["topics"]
    assert topics == {"mine": {"name": "It: all", "phrases": ["graph net", "yes"], "acronyms": ["GNN"]}}


@pytest.mark.parametrize(
    "old", ["", "# only a comment", OWN, OWN.rstrip("\n"), "packs: {}\n", "topics:\n  apple: {phrases: [apple pie]}\n"]
)
def test_a_topic_is_added_and_all_else_stays(old: str) -> None:
    new = insert_topic(old, format_topic_yaml(MINE), Path("own.yaml"))
    lines = iter(new.splitlines())
    assert all(line in lines for line in old.splitlines())  # all of them, in their order
    before, after = yaml.safe_load(old) or {}, yaml.safe_load(new)
    assert after["topics"].pop("mine")["acronyms"] == ["GNN"]
    assert after["topics"] == before.get("topics", {}) and after.get("packs") == before.get("packs")


def test_it_stands_behind_the_last_topic() -> None:
    new = insert_topic(OWN, format_topic_yaml(MINE), Path("own.yaml"))
    assert "- apple tart  # without\n    mine:\n      name: 'It: all'" in new and "\n# my packs\npacks:" in new


def test_a_file_in_another_form_is_left_alone() -> None:
    with pytest.raises(TopicError, match="lines of their own"):
        insert_topic("topics: {apple: {phrases: [apple pie]}}\n", format_topic_yaml(MINE), Path("own.yaml"))


def test_line_ends_stay_as_they_are() -> None:
    for old in (OWN, OWN.rstrip("\n"), "packs: {}\n"):
        new = insert_topic(old.replace("\n", "\r\n"), format_topic_yaml(MINE), Path("own.yaml"))
        assert new == insert_topic(old, format_topic_yaml(MINE), Path("own.yaml")).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("old", "why"),
    [
        (b"topics:\n  a: [\n", ":3: not valid YAML"),
        (b"topics:\n  a: \x01\n", ":2: not valid YAML: the character '\\x01' is not allowed"),
        (b"topics:\n  a:\n    name: caf\xe9\n", ":3: not UTF-8"),
        (b"- a\n", ":1: this is no topic file"),
    ],
)
def test_a_file_that_is_none_is_left_as_it_is(store: Store, tmp_path: Path, old: bytes, why: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(old)
    done = run("topics", "new", "mine", "--from", "graph", "--store", store.root, "-o", path)
    assert (done.exit_code, f"{path}{why}" in done.stderr) == (2, True), done.output
    assert path.read_bytes() == old


def test_where_a_topic_is_written(store: Store, tmp_path: Path) -> None:
    words = ("topics", "new", "mine", "--from", "graph neural network", "--store", store.root, "-o")
    done = run(*words, tmp_path, env={"TREND_TOPICS": str(tmp_path)})
    assert done.exit_code == 0 and done.stderr.endswith(f"Wrote {tmp_path / 'mine.yaml'}.\n")
    other = run(*words[:2], "yours", *words[3:], tmp_path / "two.yml", env={"TREND_TOPICS": str(tmp_path)})
    assert other.stderr.endswith(f"Wrote {tmp_path / 'two.yml'}.\n")
    for path, why in (
        (f"{tmp_path}/bad/", "make the folder first"),
        (tmp_path / "mine.txt", "ends in .yaml or .yml"),
        (tmp_path / "mine.yaml" / "x.yaml", "Cannot write"),
    ):
        refused = run(*words, path)
        assert (refused.exit_code, why in refused.stderr) == (2, True), refused.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "two.yml"]


def test_what_would_not_load_is_not_written(tmp_path: Path) -> None:
    text = insert_topic(OWN.replace("name:", "nam:"), format_topic_yaml(MINE), tmp_path / "own.yaml")
    with pytest.raises(TopicError, match=r"own\.yaml:5: unknown key 'nam'.*Nothing was written"):
        coining.read_back_topic(config_folder() / "topics", tmp_path / "own.yaml", text, "mine")


def test_the_command_prints_or_appends(store: Store, tmp_path: Path) -> None:
    words = ("topics", "new", "mine", "--from", "graph neural network", "--store", store.root)
    printed = run(*words)
    assert yaml.safe_load(printed.stdout)["topics"]["mine"]["phrases"] == ["graph neural network"]
    assert "It matches 9 of 18 submissions: 2018 5, 2019 4. They are counted in everything stored" in printed.stderr
    assert "`trend topics sample` count in scope ml." in printed.stderr and "Careful: GNN" in printed.stderr
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    settings = {"TREND_TOPICS": str(own)}
    assert run(*words, env=settings).exit_code == 0
    assert own.read_text().startswith(OWN[:60]) and "mine" in run("topics", "list", env=settings).stdout
    twice = run(*words, env=settings)
    assert twice.exit_code == 2 and "There is a topic 'mine' already" in twice.stderr
    assert own.read_text().count("mine:") == 1
    shipped = run("topics", "new", "gnn", "--from", "graph neural network", "--store", store.root, env=settings)
    assert shipped.exit_code == 0 and "It replaces the shipped topic 'gnn'" in shipped.stderr
    other = run(*words[:2], "yours", *words[3:], "-o", tmp_path / "new" / "file.yaml", env=settings)
    assert (
        "Name it in the setting `topics` or the variable TREND_TOPICS" in other.stderr
        and (tmp_path / "new" / "file.yaml").exists()
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    assert run(*words, env={"TREND_TOPICS": str(folder)}).exit_code == 0 and (folder / "mine.yaml").exists()
    assert run("topics", "new", "Mine", "--from", "graph", "--store", store.root).exit_code == 2


def test_other_meanings_that_are_not_told_are_counted(tmp_path: Path) -> None:
    said = [*["graph neural networks"] * 2, "global net node", "grand new name", "good new nets", "green nile number"]
    listed = [
        paper(f"1801.{place:05d}", "2018-01-05", "On it", f"We say {words} (GNN).") for place, words in enumerate(said)
    ]
    found = make(fill(tmp_path, listed, [answer(["*"])]), "graph neural networks")
    assert found.notes[0].startswith("(GNN): 2 of 6 definitions; also global net node 1, good new nets 1, ")
    assert found.notes[0].endswith(", and 1 more: left out")
