"""Commands by which people learn what the rule of a topic catches: check, sample, compare, new."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import Common
from trendcli.cli.options import (
    Categories,
    Corpus,
    Format,
    Output,
    Select,
    Since,
    Unit,
    Until,
    _packs,
    _scopes,
    _topics,
)
from trendcli.core.errors import Findings, UsageError

if TYPE_CHECKING:
    from trendcli.reports.curation.sampling import Sample


@dataclass(frozen=True)
class Where:
    """Which submissions rules are tried on."""

    category: Categories = None
    scope: Annotated[str | None, typer.Option(help="A named set of categories.", autocompletion=_scopes)] = None
    corpus: Corpus = "arxiv"
    since: Since = None
    until: Until = None

    def select(self, topics: list[str], pack: str | None = None) -> Select:
        """The same as a SELECT of some topics."""
        return Select(
            topic=topics,
            pack=pack,
            category=self.category,
            scope=self.scope,
            corpus=self.corpus,
            since=self.since,
            until=self.until,
        )


Topics = Annotated[list[str] | None, typer.Argument(help="Topics by name.", autocompletion=_topics)]


def check(
    common: Common,
    where: Where,
    name: Topics = None,
    pack: Annotated[
        str | None, typer.Option(help="The topics of a pack, where none is named [all].", autocompletion=_packs)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what the topic files explain.")] = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Look for what may be wrong with the rules of topics, in all that is stored.

    Rules that match nothing, that overlap almost wholly or carry most of their topic, acronyms with another meaning,
    matches before the thing existed, new names for old things. Ends with 4 where something is found that the topic
    file does not explain.
    """
    from trendcli.reports.curation.check import EVERYTHING, checked

    known = common.library()
    select = where.select(list(name or ([] if pack else sorted(known.topics))), pack)
    question, library = select.question(common, pack=False)
    default = EVERYTHING if where.corpus == "arxiv" else select.default_scope(common)
    with common.progress() as progress:
        found = checked(select.open(common), library, question, default, progress, every=every)
    common.show(found, format, output)
    if number := found.summary["unexplained"]:
        raise Findings(
            f"{number} finding{'' if number == 1 else 's'} to look at: mend the rule, or say in its topic file under "
            "`expect` why it is fine."
        )
    common.say("Nothing found that the topic files do not explain." if found.summary["explained"] else "Nothing found.")


def sample(
    common: Common,
    where: Where,
    name: Annotated[str, typer.Argument(help="A topic by name.", autocompletion=_topics)],
    number: Annotated[int, typer.Option("-n", min=1, help="How many submissions are drawn.")] = 50,
    by: Annotated[Unit, typer.Option(help="The periods from which equal parts are drawn: year, quarter, month.")] = (
        Unit.year
    ),
    seed: Annotated[int, typer.Option(help="Another seed draws another sample.")] = 0,
    judged: Annotated[Path | None, typer.Option(help="Read answers from a file with id and relevant (y or n).")] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Draw a stratified sample of what a topic catches, judge it by y or n, and see how precise the rule is.

    In a terminal each submission is shown and asked about; answers are kept beside the store, and nothing is asked
    twice. Elsewhere, or with --format or -o, the sample is printed, to be judged and read back with --judged.
    """
    from datetime import UTC, datetime

    from trendcli.reports.curation import sampling

    if by is Unit.week:
        raise UsageError("A sample is drawn by year, quarter or month.")
    select = where.select([name])
    question, library = select.question(common, pack=False, by=by.value)
    with common.progress() as progress:
        default = select.default_scope(common)
        found = sampling.drawn(select.open(common), library, question, default, progress, number=number, seed=seed)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if judged:
        try:
            answers = sampling.parsed(judged.read_text(encoding="utf-8-sig"), str(judged))
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
        found = sampling.record(found, answers, today)
        common.say(f"{len(answers)} answers read, {changed} of them other than before.")
    elif found.open() and (format or output or not sys.stdin.isatty()):
        if not (format or output):
            common.say("Nobody is asked without a terminal, so here is the sample.")
        common.show(sampling.listing(found), format, output)
        return
    else:
        if found.rows and not found.open():
            common.say(f"All {len(found.rows)} are judged: this is their precision. A larger -n draws more.")
        found = _asked(found, library.topic(name).name, today)
    common.show(sampling.precision(found), format, output)


def _asked(found: Sample, topic: str, today: str) -> Sample:
    """Ask about each submission that nobody has judged, and keep each answer at once; until all are, or `q`."""
    from trendcli.reports.curation import sampling

    found, left = sampling.record(found, {}, today), found.open()
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
            found = sampling.record(found, {row["id"]: said == "y"}, today)
    return found


def compare(
    common: Common,
    where: Where,
    first: Annotated[str, typer.Argument(metavar="A", help="A topic, or a phrase in quotes.", autocompletion=_topics)],
    second: Annotated[str, typer.Argument(metavar="B", help="The other.", autocompletion=_topics)],
    format: Format = None,
    output: Output = None,
) -> None:
    """What one topic catches and the other does not: counts by year, overlap, and examples of each side."""
    from trendcli.core.normalize import canonical
    from trendcli.reports.curation.compare import contrasted
    from trendcli.topics.library import AD_HOC

    known = common.library()
    first, second = (name.strip().strip('"') for name in (first, second))
    phrases = [name for name in (first, second) if name not in known.topics and (" " in name or name != name.lower())]
    select = where.select([name for name in (first, second) if name not in phrases])
    question, library = replace(select, query=phrases).question(common, pack=False)
    names = [f"{AD_HOC}{canonical(name)}" if name in phrases else name for name in (first, second)]
    with common.progress() as progress:
        found = contrasted(
            select.open(common), library, replace(question, topics=tuple(dict.fromkeys(names))),
            select.default_scope(common), progress,
        )  # fmt: skip
    common.show(found, format, output)


def new(
    common: Common,
    where: Where,
    name: Annotated[str, typer.Argument(help="What the topic is called: small letters, digits and hyphens.")],
    term: Annotated[str, typer.Option("--from", help='The term it is made of, such as "graph neural network".')],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The topic file, or a folder for it [the setting `topics`].")
    ] = None,
) -> None:
    """Make a topic of a term, with its plural, its hyphens and its acronym as the stored text has them.

    It is written behind the last topic of the file, or printed where neither -o nor the setting names one.
    """
    from trendcli.core.settings import configs
    from trendcli.reports.curation.check import EVERYTHING, by_year
    from trendcli.reports.curation.create import block, coined, inserted, read_back
    from trendcli.store.store import write_synced
    from trendcli.topics.library import with_query
    from trendcli.topics.loader import composed, text_of
    from trendcli.topics.query import resolve

    known, shipped = common.library(), configs() / "topics"
    replaces = name in known.topics and known.topics[name].origin.startswith(str(shipped))
    if name in known.topics and not replaces:
        raise UsageError(f"There is a topic {name!r} already, at {known.topics[name].origin}. Nothing was written.")
    path = _topic_file(output, name) if output else _own_file(common, name)
    old = text_of(path) if path and path.exists() else ""
    composed(old, path or Path("topics.yaml"))  # said before the long work
    select = where.select([])
    store, (question, _) = select.open(common), select.question(common, pack=False)
    default = EVERYTHING if where.corpus == "arxiv" else select.default_scope(common)
    with common.progress() as progress:
        made = coined(store, question.scope or default, name, term, progress)
        text = inserted(old, block(made), path or Path("topics.yaml"))
        topic = read_back(shipped, path or Path("topics.yaml"), text, name)
        told = by_year(store, with_query(known, [topic]), replace(question, topics=(name,)), default, progress)
    base, usual = (
        resolve(store, known, question, one).selection.scope for one in (default, select.default_scope(common))
    )
    told += f" They are counted in {base.name if where.corpus == 'arxiv' else where.corpus}"
    told += "." if base == usual else f"; `trend topics compare` and `trend topics sample` count in scope {usual.name}."
    if path:
        try:
            write_synced(path, text.encode())
        except OSError as error:
            raise UsageError(f"Cannot write {path}: {error.strerror}.") from None
    else:
        typer.echo(text, nl=False)
    for line in (*(made.notes if path else ()), *(f"Careful: {warning}" for warning in made.warnings), told):
        common.say(line)
    if replaces:
        common.say(f"It replaces the shipped topic {name!r} wherever this file is read.")
    if path:
        hint = " Name it in the setting `topics` or the variable TREND_TOPICS, so that it is read."
        common.say(f"Wrote {path}." + ("" if _is_read(common, path) else hint))


def _own_file(common: Common, name: str) -> Path | None:
    """The user's own topic file, or a new one in their folder of topic files; None where the settings name neither."""
    own = common.resolved[0].topics
    path = Path(own) if own else None
    return path / f"{name}.yaml" if path and path.is_dir() else path


def _topic_file(said: Path, name: str) -> Path:
    """The topic file that a person named, or one of the topic's name in the folder that they did."""
    path = said / f"{name}.yaml" if said.is_dir() else said
    if path.suffix not in (".yaml", ".yml"):
        folder = "" if path.suffix else f" To write {name}.yaml into a folder, make the folder first."
        raise UsageError(f"A topic file ends in .yaml or .yml, not as {path} does.{folder} Nothing was written.")
    return path


def _is_read(common: Common, path: Path) -> bool:
    """Whether the setting `topics` names a file, or the folder in which it lies."""
    own, path = common.resolved[0].topics, path.resolve()
    return own is not None and Path(own).resolve() in (path, path.parent)
