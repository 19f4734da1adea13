"""Commands that show what the rules of a topic match, and create one: topics check, sample, compare and new."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions, read_text
from trendcli.cli.options import (
    CategoriesOption,
    CorpusOption,
    FormatOption,
    OutputOption,
    PeriodUnit,
    ScopeOption,
    SelectionOptions,
    SinceOption,
    UntilOption,
    complete_packs,
    complete_topics,
)
from trendcli.cli.streams import print_message
from trendcli.core.errors import FindingsReported, TopicError, UsageError
from trendcli.core.text import clean_text

if TYPE_CHECKING:
    from trendcli.core.types import Scope
    from trendcli.reports.curation.sampling import TopicSample


@dataclass(frozen=True)
class SubmissionOptions:
    """The submissions on which rules are tried."""

    category: CategoriesOption = None
    scope: ScopeOption = None
    corpus: CorpusOption = "arxiv"
    since: SinceOption = None
    until: UntilOption = None

    def to_selection(self, topics: list[str], pack: str | None = None) -> SelectionOptions:
        """Return the selection of these submissions and some topics."""
        return SelectionOptions(
            topic=topics,
            pack=pack,
            category=self.category,
            scope=self.scope,
            corpus=self.corpus,
            since=self.since,
            until=self.until,
        )

    def widest_scope(self, common: CommonOptions) -> Scope:
        """Return the scope of everything that the store of the corpus holds."""
        from trendcli.reports.curation.check import ALL_STORED_SCOPE

        return ALL_STORED_SCOPE if self.corpus == "arxiv" else self.to_selection([]).default_scope(common)


TopicsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[TOPIC]...", help="Topics by name.", autocompletion=complete_topics)
]


def run_topic_check(
    common: CommonOptions,
    where: SubmissionOptions,
    name: TopicsArgument = None,
    pack: Annotated[
        str | None,
        typer.Option(
            metavar="PACK", help="Topics of a pack, used if no topic is named [all].", autocompletion=complete_packs
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also show findings that the topic files explain.")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Check the rules of topics against everything stored.

    Finds rules that match nothing, overlap almost completely or account for most of their topic's matches,
    acronyms with another meaning, matches before the topic existed, and new names for old topics. Exits with code 4 if
    there are findings that the topic file does not explain.
    """
    from trendcli.reports.curation.check import check_topics
    from trendcli.reports.notes import format_count

    topics = list(name or ([] if pack else sorted(common.load_library().topics)))
    selection = where.to_selection(topics, pack)
    query, library = selection.build_query(common, use_default_pack=False)
    with common.progress_bar() as progress:
        report = check_topics(
            selection.open_store(common), library, query, where.widest_scope(common), progress, include_explained=every
        )
    common.write_report(report, format, output)
    if unexplained_count := report.summary["unexplained"]:
        raise FindingsReported(
            f"{format_count(unexplained_count, 'finding')} to review: correct the rule, or explain the finding under "
            "`expect` in the topic file."
        )
    common.print_note(
        "No findings apart from those that the topic files explain." if report.summary["explained"] else "No findings."
    )


def judge_topic_sample(
    common: CommonOptions,
    where: SubmissionOptions,
    name: Annotated[str, typer.Argument(metavar="TOPIC", help="Topic by name.", autocompletion=complete_topics)],
    number: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Number of submissions to draw.")] = 50,
    by: Annotated[
        PeriodUnit, typer.Option(help="Draw equally many from each year, quarter or month.")
    ] = PeriodUnit.year,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed; another seed draws another sample.")] = 0,
    judged: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read answers from a file with `id` and `relevant` (y or n).")
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Sample a topic's matches and judge them.

    The sample is stratified by period and estimates the precision of the rules. On a terminal, you judge one
    submission after another; answers are stored, and none is requested twice. Elsewhere, or with --format or -o, the
    sample is printed, to be judged and read back with --judged.
    """
    from trendcli.reports.curation.sampling import build_precision_report, build_sample_report, draw_sample

    if by is PeriodUnit.week:
        raise UsageError("A sample accepts only --by year, quarter or month.")
    selection = where.to_selection([name])
    query, library = selection.build_query(common, use_default_pack=False, by=by.value)
    with common.progress_bar() as progress:
        sample = draw_sample(
            selection.open_store(common),
            library,
            query,
            selection.default_scope(common),
            progress,
            sample_size=number,
            seed=seed,
        )
    if judged:
        sample = _record_file_answers(common, sample, judged)
    elif sample.list_unjudged() and (format or output or not sys.stdin.isatty()):
        if not (format or output):
            common.print_note("Not on a terminal, so the sample is printed for you to judge.")
        common.write_report(build_sample_report(sample), format, output)
        return
    else:
        if sample.rows and not sample.list_unjudged():
            common.print_note(f"All {len(sample.rows)} are judged; the precision follows. A larger -n draws more.")
        sample = _ask_for_judgements(sample, library.get_topic(name).name)
    common.write_report(build_precision_report(sample), format, output)


def _record_file_answers(common: CommonOptions, sample: TopicSample, path: Path) -> TopicSample:
    """Store the answers of a file, and return the sample with them; raise UsageError for answers about others."""
    from trendcli.reports.curation.sampling import parse_answers, record_answers

    answers = parse_answers(read_text(path, encoding="utf-8-sig"), str(path))
    sampled_ids = {row["id"] for row in sample.rows}
    foreign_ids = [submission_id for submission_id in answers if submission_id not in sampled_ids]
    if foreign_ids:
        raise UsageError(
            f"{path} has answers for {len(foreign_ids)} submissions that are not in this sample, such as "
            f"{foreign_ids[0]}: use the same -n, --by, --seed and scope as when it was drawn. No answer was saved."
        )
    changed_count = sum(
        sample.answers[submission_id].relevant != answer
        for submission_id, answer in answers.items()
        if submission_id in sample.answers
    )
    sample = record_answers(sample, answers, _today_label())
    common.print_note(f"Read {len(answers)} answers; {changed_count} changed an earlier one.")
    return sample


def _ask_for_judgements(sample: TopicSample, topic_name: str) -> TopicSample:
    """Ask about each unjudged submission, until all are judged or the answer is `q`; store each answer at once."""
    from trendcli.reports.curation.sampling import record_answers

    sample = record_answers(sample, {}, _today_label())
    unjudged = sample.list_unjudged()
    if unjudged:
        typer.echo(f"{len(unjudged)} submissions to judge. y: relevant; n: not relevant; s: skip; q: quit.", err=True)
    for number, row in enumerate(unjudged, 1):
        heading = f"[{number}/{len(unjudged)}] {row['period']}  {row['url']}"
        print_message("\n".join(["", heading, clean_text(row["title"]), clean_text(row["snippet"])]))
        answer = ""
        while answer not in ("y", "n", "s", "q"):
            typer.echo(f"{topic_name}? y/n/s/q: ", nl=False, err=True)
            line = sys.stdin.readline()
            answer = line.strip().lower()[:1] if line else "q"
        if answer == "q":
            break
        if answer != "s":
            sample = record_answers(sample, {row["id"]: answer == "y"}, _today_label())
    return sample


def _today_label() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def show_topic_comparison(
    common: CommonOptions,
    where: SubmissionOptions,
    first: Annotated[
        str, typer.Argument(metavar="A", help="Topic, or a phrase in quotes.", autocompletion=complete_topics)
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="Topic or phrase to compare with.", autocompletion=complete_topics)
    ],
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Compare what two topics match.

    Shows counts by year, the overlap, and examples that only one of the two matches.
    """
    from trendcli.core.normalize import normalize_text
    from trendcli.reports.curation.compare import compare_topics
    from trendcli.topics.library import QUERY_PREFIX

    known_topics = common.load_library().topics
    names = [name.strip().strip('"') for name in (first, second)]
    phrases = [name for name in names if name not in known_topics and (" " in name or name != name.lower())]
    selection = where.to_selection([name for name in names if name not in phrases])
    query, library = replace(selection, query=phrases).build_query(common, use_default_pack=False)
    topics = [f"{QUERY_PREFIX}{normalize_text(name)}" if name in phrases else name for name in names]
    query = replace(query, topics=tuple(dict.fromkeys(topics)))
    with common.progress_bar() as progress:
        report = compare_topics(selection.open_store(common), library, query, selection.default_scope(common), progress)
    common.write_report(report, format, output)


def write_new_topic(
    common: CommonOptions,
    where: SubmissionOptions,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the topic: lowercase letters, digits and hyphens.")
    ],
    term: Annotated[
        str, typer.Option("--from", metavar="TERM", help='Term to create it from, e.g. "graph neural network".')
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PATH", help="Topic file, or a folder for a new one [the setting `topics`]."
        ),
    ] = None,
) -> None:
    """Create a topic from a term.

    The topic includes the plurals, hyphenations and acronyms that the stored texts use. It is appended to the topic
    file, or printed if neither -o nor the setting names one.
    """
    from trendcli.core.files import write_named_file
    from trendcli.core.settings import config_folder
    from trendcli.core.yaml import compose_yaml
    from trendcli.reports.curation.check import format_counts_by_year
    from trendcli.reports.curation.create import draft_topic, format_topic_yaml, insert_topic, read_back_topic
    from trendcli.topics.library import extend_library
    from trendcli.topics.loader import read_topic_file
    from trendcli.topics.query import bind

    known_library, shipped_folder = common.load_library(), config_folder() / "topics"
    known_topic = known_library.topics.get(name)
    replaces_shipped = known_topic is not None and known_topic.origin.startswith(str(shipped_folder))
    if known_topic is not None and not replaces_shipped:
        raise UsageError(f"Topic {name!r} already exists, at {known_topic.origin}. Nothing was written.")
    path = _output_topic_path(output, name) if output else _own_topic_path(common, name)
    named_path = path or Path("topics.yaml")  # for messages, where the topic is printed
    old_text = read_topic_file(path) if path and path.exists() else ""
    compose_yaml(old_text, named_path, TopicError)  # its errors come before the long work
    selection, all_stored = where.to_selection([]), where.widest_scope(common)
    store, (query, _) = selection.open_store(common), selection.build_query(common, use_default_pack=False)
    with common.progress_bar() as progress:
        draft = draft_topic(store, query.scope or all_stored, name, term, progress)
        text = insert_topic(old_text, format_topic_yaml(draft), named_path)
        library = extend_library(known_library, [read_back_topic(shipped_folder, named_path, text, name)])
        counts_note = format_counts_by_year(store, library, replace(query, topics=(name,)), all_stored, progress)
    counted_scope, usual_scope = (
        bind(store, known_library, query, scope).selection.scope
        for scope in (all_stored, selection.default_scope(common))
    )
    counts_note += f" Counted in {counted_scope.name if where.corpus == 'arxiv' else where.corpus}"
    counts_note += (
        "."
        if counted_scope == usual_scope
        else f"; `trend topics compare` and `trend topics sample` count in scope {usual_scope.name}."
    )
    if path:
        write_named_file(path, text.encode())
    else:
        typer.echo(text, nl=False)
    warnings = [f"Warning: {warning}" for warning in draft.warnings]
    for note in (*(draft.notes if path else ()), *warnings, counts_note):
        common.print_note(note)
    if replaces_shipped:
        common.print_note(f"The new topic replaces the shipped topic {name!r} wherever this file is read.")
    if path:
        hint = " To use it, name it in the setting `topics` or in TREND_TOPICS."
        common.print_note(f"Wrote {path}." + ("" if _is_in_settings(common, path) else hint))


def _own_topic_path(common: CommonOptions, name: str) -> Path | None:
    """Return the user's topic file, or a new one in their folder of topic files; None if the settings name neither."""
    own = common.resolved_settings[0].topics
    path = Path(own) if own else None
    return path / f"{name}.yaml" if path and path.is_dir() else path


def _output_topic_path(output: Path, name: str) -> Path:
    """Return the topic file that -o names, or one with the topic's name in the folder that it names."""
    path = output / f"{name}.yaml" if output.is_dir() else output
    if path.suffix not in (".yaml", ".yml"):
        advice = "" if path.suffix else f" To write {name}.yaml into a folder, create the folder first."
        raise UsageError(
            f"{path} is not a topic file: its name must end in .yaml or .yml.{advice} Nothing was written."
        )
    return path


def _is_in_settings(common: CommonOptions, path: Path) -> bool:
    """Return whether the setting `topics` names a file, or the folder that contains it."""
    own, path = common.resolved_settings[0].topics, path.resolve()
    return own is not None and Path(own).resolve() in (path, path.parent)
