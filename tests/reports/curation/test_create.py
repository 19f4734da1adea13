from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.commands import run
from tests.worlds import coverage_record, fill, paper
from trendcli.core.errors import TopicError, UsageError
from trendcli.core.settings import config_folder
from trendcli.reports.curation.check import ALL_STORED_SCOPE
from trendcli.reports.curation.create import (
    TopicDraft,
    draft_topic,
    format_topic_yaml,
    insert_topic,
    read_back_topic,
)
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
    return fill(tmp_path_factory.mktemp("create") / "store", papers, [coverage_record(["*"])])


def draft(store: Store, term: str) -> TopicDraft:
    return draft_topic(store, ALL_STORED_SCOPE, "mine", term)


def test_a_topic_has_the_forms_and_the_acronym_of_the_text(store: Store) -> None:
    topic = draft(store, "graph neural networks")
    assert topic.phrases == ("graph neural network",) and topic.acronyms == ("GNN",)
    assert topic.form_counts == (("graph neural networks", 5), ("graph-neural network", 3), ("graph neural network", 2))
    # DGNN is the acronym of a longer name
    assert topic.notes == ("(GNN): 5 of 6 definitions; also global nearest neighbor 1",)
    assert topic.warnings == (
        "GNN also occurs in 2 submissions without the phrase (cs.LG 1, cs.RO 1). "
        "`trend topics check` examines the words around it.",
    )


def test_a_form_written_as_one_word_makes_a_hyphen(store: Store) -> None:
    topic = draft(store, "auto encoder")
    assert topic.phrases == ("auto-encoder",)
    # "adversarial examples" define it more often
    assert topic.acronyms == () and topic.notes == ("(AE): 2 of 5 definitions; also adversarial examples 3: omitted",)


def test_plurals_that_are_more_than_an_s_are_phrases_of_their_own(store: Store) -> None:
    assert draft(store, "policy").phrases == ("policy", "policies")
    assert draft(store, "policies").phrases == ("policy", "policies")
    assert draft(store, "thesis").phrases == ("thesis",)
    assert phrase_regex("policy", any_case=True)


def test_a_term_that_no_submission_contains_is_spelled_as_typed(store: Store) -> None:
    topic = draft(store, "zqx nets")
    assert topic.phrases == ("zqx nets",) and "No stored submission contains 'zqx nets'" in topic.warnings[0]


@pytest.mark.parametrize(("name", "term"), [("My Topic", "graph"), ("mine", "***"), ("mine", "graph*"), ("mine", " ")])
def test_an_id_or_term_that_cannot_be_a_topic_is_refused(store: Store, name: str, term: str) -> None:
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


def test_the_lines_of_a_topic_read_back() -> None:
    topics = yaml.safe_load("topics:\n" + format_topic_yaml(MINE))["topics"]
    assert topics == {"mine": {"name": "It: all", "phrases": ["graph net", "yes"], "acronyms": ["GNN"]}}


@pytest.mark.parametrize(
    "old", ["", "# only a comment", OWN, OWN.rstrip("\n"), "packs: {}\n", "topics:\n  apple: {phrases: [apple pie]}\n"]
)
def test_a_topic_is_added_and_nothing_else_changes(old: str) -> None:
    new = insert_topic(old, format_topic_yaml(MINE), Path("own.yaml"))
    new_lines = iter(new.splitlines())
    assert all(line in new_lines for line in old.splitlines())  # all of them, in their order
    before, after = yaml.safe_load(old) or {}, yaml.safe_load(new)
    assert after["topics"].pop("mine")["acronyms"] == ["GNN"]
    assert after["topics"] == before.get("topics", {}) and after.get("packs") == before.get("packs")


def test_it_is_added_after_the_last_topic() -> None:
    new = insert_topic(OWN, format_topic_yaml(MINE), Path("own.yaml"))
    assert "- apple tart  # without\n    mine:\n      name: 'It: all'" in new and "\n# my packs\npacks:" in new


def test_a_file_in_flow_style_is_refused() -> None:
    with pytest.raises(TopicError, match="lines of their own"):
        insert_topic("topics: {apple: {phrases: [apple pie]}}\n", format_topic_yaml(MINE), Path("own.yaml"))


def test_line_ends_are_kept() -> None:
    for old in (OWN, OWN.rstrip("\n"), "packs: {}\n"):
        new = insert_topic(old.replace("\n", "\r\n"), format_topic_yaml(MINE), Path("own.yaml"))
        assert new == insert_topic(old, format_topic_yaml(MINE), Path("own.yaml")).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("old", "why"),
    [
        (b"topics:\n  a: [\n", ":3: not valid YAML"),
        (b"topics:\n  a: \x01\n", ":2: not valid YAML: the character '\\x01' is not allowed"),
        (b"topics:\n  a:\n    name: caf\xe9\n", ":3: not UTF-8"),
        (b"- a\n", ":1: this is not a topic file"),
    ],
)
def test_a_file_that_is_not_a_topic_file_is_left_unchanged(store: Store, tmp_path: Path, old: bytes, why: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(old)
    result = run("topics", "new", "mine", "--from", "graph", "--store", store.root, "-o", path)
    assert (result.exit_code, f"{path}{why}" in result.stderr) == (2, True), result.output
    assert path.read_bytes() == old


@pytest.mark.journey
def test_where_a_topic_is_written(store: Store, tmp_path: Path) -> None:
    command = ("topics", "new", "mine", "--from", "graph neural network", "--store", store.root, "-o")
    result = run(*command, tmp_path, env={"TREND_TOPICS": str(tmp_path)})
    assert result.exit_code == 0 and result.stderr.endswith(f"Wrote {tmp_path / 'mine.yaml'}.\n")
    other = run(*command[:2], "yours", *command[3:], tmp_path / "two.yml", env={"TREND_TOPICS": str(tmp_path)})
    assert other.stderr.endswith(f"Wrote {tmp_path / 'two.yml'}.\n")
    for path, why in (
        (f"{tmp_path}/bad/", "create the folder first"),
        (tmp_path / "mine.txt", "must end in .yaml or .yml"),
        (tmp_path / "mine.yaml" / "x.yaml", "Cannot write"),
    ):
        refused = run(*command, path)
        assert (refused.exit_code, why in refused.stderr) == (2, True), refused.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "two.yml"]


def test_a_topic_that_would_not_load_is_not_written(tmp_path: Path) -> None:
    text = insert_topic(OWN.replace("name:", "nam:"), format_topic_yaml(MINE), tmp_path / "own.yaml")
    with pytest.raises(TopicError, match=r"own\.yaml:5: unknown key 'nam'.*Nothing was written"):
        read_back_topic(config_folder() / "topics", tmp_path / "own.yaml", text, "mine")


@pytest.mark.journey
def test_the_command_prints_or_appends(store: Store, tmp_path: Path) -> None:
    command = ("topics", "new", "mine", "--from", "graph neural network", "--store", store.root)
    printed = run(*command)
    assert yaml.safe_load(printed.stdout)["topics"]["mine"]["phrases"] == ["graph neural network"]
    assert "It matches 9 of 18 submissions (2018: 5, 2019: 4). Counted in everything stored" in printed.stderr
    assert "`trend topics sample` count in scope ml." in printed.stderr and "Warning: GNN" in printed.stderr
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    settings = {"TREND_TOPICS": str(own)}
    assert run(*command, env=settings).exit_code == 0
    assert own.read_text().startswith(OWN[:60]) and "mine" in run("topics", "list", env=settings).stdout
    twice = run(*command, env=settings)
    assert twice.exit_code == 2 and "Topic 'mine' already exists" in twice.stderr
    assert own.read_text().count("mine:") == 1
    shipped = run("topics", "new", "gnn", "--from", "graph neural network", "--store", store.root, env=settings)
    assert shipped.exit_code == 0 and "The new topic replaces the shipped topic 'gnn'" in shipped.stderr
    other = run(*command[:2], "yours", *command[3:], "-o", tmp_path / "new" / "file.yaml", env=settings)
    assert (
        "name it in the setting `topics` or in TREND_TOPICS" in other.stderr
        and (tmp_path / "new" / "file.yaml").exists()
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    assert run(*command, env={"TREND_TOPICS": str(folder)}).exit_code == 0 and (folder / "mine.yaml").exists()
    assert run("topics", "new", "Mine", "--from", "graph", "--store", store.root).exit_code == 2


def test_other_definitions_that_are_not_listed_are_counted(tmp_path: Path) -> None:
    terms = [*["graph neural networks"] * 2, "global net node", "grand new name", "good new nets", "green nile number"]
    papers = [
        paper(f"1801.{number:05d}", "2018-01-05", "On it", f"We say {term} (GNN).") for number, term in enumerate(terms)
    ]
    topic = draft(fill(tmp_path, papers, [coverage_record(["*"])]), "graph neural networks")
    assert topic.notes[0].startswith("(GNN): 2 of 6 definitions; also global net node 1, good new nets 1, ")
    assert topic.notes[0].endswith(", and 1 more: omitted")
