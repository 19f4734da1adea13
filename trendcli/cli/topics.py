"""Commands by which people learn what the rule of a topic catches: check, sample, compare, new."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.options import (
    CategoriesOption,
    CorpusOption,
    FormatOption,
    OutputOption,
    PeriodUnit,
    SelectionOptions,
    SinceOption,
    UntilOption,
    _complete_packs,
    _complete_scopes,
    _complete_topics,
)
from trendcli.core.errors import FindingsReported, UsageError

if TYPE_CHECKING:
    from trendcli.reports.curation.sampling import TopicSample


@dataclass(frozen=True)
class SubmissionOptions:
    """Which submissions rules are tried on."""

    category: CategoriesOption = None
    scope: Annotated[str | None, typer.Option(help="A named set of categories.", autocompletion=_complete_scopes)] = (
        None
    )
    corpus: CorpusOption = "arxiv"
    since: SinceOption = None
    until: UntilOption = None

    def to_selection(self, topics: list[str], pack: str | None = None) -> SelectionOptions:
        """The same as a SELECT of some topics."""
        return SelectionOptions(
            topic=topics,
            pack=pack,
            category=self.category,
            scope=self.scope,
            corpus=self.corpus,
            since=self.since,
            until=self.until,
        )


TopicsArgument = Annotated[list[str] | None, typer.Argument(help="Topics by name.", autocompletion=_complete_topics)]


def run_topic_check(
    common: CommonOptions,
    where: SubmissionOptions,
    name: TopicsArgument = None,
    pack: Annotated[
        str | None,
        typer.Option(help="The topics of a pack, where none is named [all].", autocompletion=_complete_packs),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what the topic files explain.")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Look for what may be wrong with the rules of topics, in all that is stored.

    Rules that match nothing, that overlap almost wholly or carry most of their topic, acronyms with another meaning,
    matches before the thing existed, new names for old things. Ends with 4 where something is found that the topic
    file does not explain.
    """
    from trendcli.reports.curation.check import ALL_STORED_SCOPE, check_topics

    known = common.load_library()
    select = where.to_selection(list(name or ([] if pack else sorted(known.topics))), pack)
    question, library = select.build_query(common, use_default_pack=False)
    default = ALL_STORED_SCOPE if where.corpus == "arxiv" else select.default_scope(common)
    with common.progress_bar() as progress:
        found = check_topics(select.open_store(common), library, question, default, progress, include_explained=every)
    common.write_report(found, format, output)
    if number := found.summary["unexplained"]:
        raise FindingsReported(
            f"{number} finding{'' if number == 1 else 's'} to look at: mend the rule, or say in its topic file under "
            "`expect` why it is fine."
        )
    common.print_note(
        "Nothing found that the topic files do not explain." if found.summary["explained"] else "Nothing found."
    )


def judge_topic_sample(
    common: CommonOptions,
    where: SubmissionOptions,
    name: Annotated[str, typer.Argument(help="A topic by name.", autocompletion=_complete_topics)],
    number: Annotated[int, typer.Option("-n", min=1, help="How many submissions are drawn.")] = 50,
    by: Annotated[
        PeriodUnit, typer.Option(help="The periods from which equal parts are drawn: year, quarter, month.")
    ] = (PeriodUnit.year),
    seed: Annotated[int, typer.Option(help="Another seed draws another sample.")] = 0,
    judged: Annotated[Path | None, typer.Option(help="Read answers from a file with id and relevant (y or n).")] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Draw a stratified sample of what a topic catches, judge it by y or n, and see how precise the rule is.

    In a terminal each submission is shown and asked about; answers are kept beside the store, and nothing is asked
    twice. Elsewhere, or with --format or -o, the sample is printed, to be judged and read back with --judged.
    """
    from datetime import UTC, datetime

    from trendcli.reports.curation import sampling

    if by is PeriodUnit.week:
        raise UsageError("A sample is drawn by year, quarter or month.")
    select = where.to_selection([name])
    question, library = select.build_query(common, use_default_pack=False, by=by.value)
    with common.progress_bar() as progress:
        default = select.default_scope(common)
        found = sampling.draw_sample(
            select.open_store(common), library, question, default, progress, sample_size=number, seed=seed
        )
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if judged:
        try:
            answers = sampling.parse_answers(judged.read_text(encoding="utf-8-sig"), str(judged))
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(f"Cannot read {judged}: {reason}.") from None
        foreign = [ident for ident in answers if ident not in {row["id"] for row in found.rows}]
        if foreign:
            raise UsageError(
                f"{judged} judges {len(foreign)} submissions that are not in this sample, such as {foreign[0]}: ask "
                "with the -n, --by, --seed and scope with which it was drawn. Nothing was kept."
            )
        changed = sum(
            found.answers[ident].relevant != said for ident, said in answers.items() if ident in found.answers
        )
        found = sampling.record_answers(found, answers, today)
        common.print_note(f"{len(answers)} answers read, {changed} of them other than before.")
    elif found.list_unjudged() and (format or output or not sys.stdin.isatty()):
        if not (format or output):
            common.print_note("Nobody is asked without a terminal, so here is the sample.")
        common.write_report(sampling.build_sample_report(found), format, output)
        return
    else:
        if found.rows and not found.list_unjudged():
            common.print_note(f"All {len(found.rows)} are judged: this is their precision. A larger -n draws more.")
        found = _ask_for_judgements(found, library.get_topic(name).name, today)
    common.write_report(sampling.build_precision_report(found), format, output)


def _ask_for_judgements(found: TopicSample, topic: str, today: str) -> TopicSample:
    """Ask about each submission that nobody has judged, and keep each answer at once; until all are, or `q`."""
    from trendcli.reports.curation import sampling

    found, left = sampling.record_answers(found, {}, today), found.list_unjudged()
    if left:
        typer.echo(f"{len(left)} submissions to judge. y: on the topic; n: not; s: skip; q: stop.", err=True)
    for number, row in enumerate(left, 1):
        where = f"[{number}/{len(left)}] {row['period']}  {row['url']}"
        typer.echo(f"\n{where}\n{row['title']}\n{row['snippet']}", err=True)
        said = ""
        while said not in ("y", "n", "s", "q"):
            typer.echo(f"{topic}? y/n/s/q: ", nl=False, err=True)
            line = sys.stdin.readline()
            said = line.strip().lower()[:1] if line else "q"
        if said == "q":
            break
        if said != "s":
            found = sampling.record_answers(found, {row["id"]: said == "y"}, today)
    return found


def show_topic_comparison(
    common: CommonOptions,
    where: SubmissionOptions,
    first: Annotated[
        str, typer.Argument(metavar="A", help="A topic, or a phrase in quotes.", autocompletion=_complete_topics)
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The other.", autocompletion=_complete_topics)],
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """What one topic catches and the other does not: counts by year, overlap, and examples of each side."""
    from trendcli.core.normalize import normalize_text
    from trendcli.reports.curation.compare import compare_topics
    from trendcli.topics.library import QUERY_PREFIX

    known = common.load_library()
    first, second = (name.strip().strip('"') for name in (first, second))
    phrases = [name for name in (first, second) if name not in known.topics and (" " in name or name != name.lower())]
    select = where.to_selection([name for name in (first, second) if name not in phrases])
    question, library = replace(select, query=phrases).build_query(common, use_default_pack=False)
    names = [f"{QUERY_PREFIX}{normalize_text(name)}" if name in phrases else name for name in (first, second)]
    with common.progress_bar() as progress:
        found = compare_topics(
            select.open_store(common), library, replace(question, topics=tuple(dict.fromkeys(names))),
            select.default_scope(common), progress,
        )  # fmt: skip
    common.write_report(found, format, output)


def write_new_topic(
    common: CommonOptions,
    where: SubmissionOptions,
    name: Annotated[str, typer.Argument(help="What the topic is called: small letters, digits and hyphens.")],
    term: Annotated[str, typer.Option("--from", help='The term it is made of, such as "graph neural network".')],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The topic file, or a folder for it [the setting `topics`].")
    ] = None,
) -> None:
    """Make a topic of a term, with its plural, its hyphens and its acronym as the stored text has them.

    It is written behind the last topic of the file, or printed where neither -o nor the setting names one.
    """
    from trendcli.core.files import write_file_atomically
    from trendcli.core.settings import config_folder
    from trendcli.reports.curation.check import ALL_STORED_SCOPE, format_counts_by_year
    from trendcli.reports.curation.create import draft_topic, format_topic_yaml, insert_topic, read_back_topic
    from trendcli.topics.library import extend_library
    from trendcli.topics.loader import compose_yaml, read_topic_file
    from trendcli.topics.query import bind

    known, shipped = common.load_library(), config_folder() / "topics"
    replaces = name in known.topics and known.topics[name].origin.startswith(str(shipped))
    if name in known.topics and not replaces:
        raise UsageError(f"There is a topic {name!r} already, at {known.topics[name].origin}. Nothing was written.")
    path = _output_topic_path(output, name) if output else _own_topic_path(common, name)
    old = read_topic_file(path) if path and path.exists() else ""
    compose_yaml(old, path or Path("topics.yaml"))  # said before the long work
    select = where.to_selection([])
    store, (question, _) = select.open_store(common), select.build_query(common, use_default_pack=False)
    default = ALL_STORED_SCOPE if where.corpus == "arxiv" else select.default_scope(common)
    with common.progress_bar() as progress:
        made = draft_topic(store, question.scope or default, name, term, progress)
        text = insert_topic(old, format_topic_yaml(made), path or Path("topics.yaml"))
        topic = read_back_topic(shipped, path or Path("topics.yaml"), text, name)
        told = format_counts_by_year(
            store, extend_library(known, [topic]), replace(question, topics=(name,)), default, progress
        )
    base, usual = (bind(store, known, question, one).selection.scope for one in (default, select.default_scope(common)))
    told += f" They are counted in {base.name if where.corpus == 'arxiv' else where.corpus}"
    told += "." if base == usual else f"; `trend topics compare` and `trend topics sample` count in scope {usual.name}."
    if path:
        try:
            write_file_atomically(path, text.encode())
        except OSError as error:
            raise UsageError(f"Cannot write {path}: {error.strerror}.") from None
    else:
        typer.echo(text, nl=False)
    for line in (*(made.notes if path else ()), *(f"Careful: {warning}" for warning in made.warnings), told):
        common.print_note(line)
    if replaces:
        common.print_note(f"It replaces the shipped topic {name!r} wherever this file is read.")
    if path:
        hint = " Name it in the setting `topics` or the variable TREND_TOPICS, so that it is read."
        common.print_note(f"Wrote {path}." + ("" if _is_in_settings(common, path) else hint))


def _own_topic_path(common: CommonOptions, name: str) -> Path | None:
    """The user's own topic file, or a new one in their folder of topic files; None where the settings name neither."""
    own = common.resolved_settings[0].topics
    path = Path(own) if own else None
    return path / f"{name}.yaml" if path and path.is_dir() else path


def _output_topic_path(output: Path, name: str) -> Path:
    """The topic file that a person named, or one of the topic's name in the folder that they did."""
    path = output / f"{name}.yaml" if output.is_dir() else output
    if path.suffix not in (".yaml", ".yml"):
        folder = "" if path.suffix else f" To write {name}.yaml into a folder, make the folder first."
        raise UsageError(f"A topic file ends in .yaml or .yml, not as {path} does.{folder} Nothing was written.")
    return path


def _is_in_settings(common: CommonOptions, path: Path) -> bool:
    """Whether the setting `topics` names a file, or the folder in which it lies."""
    own, path = common.resolved_settings[0].topics, path.resolve()
    return own is not None and Path(own).resolve() in (path, path.parent)
