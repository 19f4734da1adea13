"""Use-case sample: a stratified sample of what a topic's rule caught, for people to judge, and how precise it is."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.types import Column, Progress, Report, Scope, silent
from trendcli.reports import judgements
from trendcli.reports.judgements import Judgement, Precision
from trendcli.reports.notes import as_of_text, common_notes, few, provenance
from trendcli.reports.papers.details import details
from trendcli.store.sql import sql_text
from trendcli.store.store import Store
from trendcli.topics.counting import select
from trendcli.topics.library import Library
from trendcli.topics.query import Context, Question, query_of, resolve

# how DuckDB writes the label of a period
_LABELS = {"year": "%Y", "month": "%Y-%m"}
_ANSWERS = {**dict.fromkeys(("y", "yes", "true", "1"), True), **dict.fromkeys(("n", "no", "false", "0"), False)}
_SAMPLE = (
    Column("id", "Id", "text"),
    Column("period", "Period", "text"),
    Column("title", "Title", "text"),
    Column("snippet", "Where it matches", "text", 1),
    Column("relevant", "Relevant", "text"),
)
_PRECISION = (
    Column("period", "Period", "text"),
    Column("caught", "Caught", "count"),
    Column("sampled", "Sampled", "count", 1),
    Column("judged", "Judged", "count"),
    Column("right", "Right", "count"),
    Column("precision", "Precision", "share"),
    Column("low,high", "95 % interval", "share_interval"),
)


@dataclass(frozen=True)
class Sample:
    """What was drawn of a topic: rows (id, period, title, snippet, url, matches), and how many lie in each period.

    `answers` are all that were given of the topic by id, whatever its rule was then; the last one counts.
    """

    context: Context
    topic: str
    seed: int
    rows: Sequence[Mapping[str, Any]]
    sizes: Mapping[str, int]
    answers: Mapping[str, Judgement]

    def open(self) -> list[Mapping[str, Any]]:
        """The rows that nobody has judged, in turns from each period, so that one may stop anywhere."""
        rows = [row for row in self.rows if row["id"] not in self.answers]
        turns = Counter[str]()
        placed: list[tuple[int, int, Mapping[str, Any]]] = []
        for row in rows:
            placed.append((turns[row["period"]], len(placed), row))
            turns[row["period"]] += 1
        return [row for *_, row in sorted(placed, key=lambda item: item[:2])]


def drawn(
    store: Store,
    library: Library,
    question: Question,
    default: Scope,
    progress: Progress = silent,
    *,
    number: int,
    seed: int = 0,
) -> Sample:
    """A sample of the question's only topic, `number` submissions in equal parts from the periods of `question.by`.

    A period that has fewer gives all, and its part goes to the others. What is drawn follows from the seed and the
    identifiers alone, so that a larger sample holds a smaller one, and a mended rule keeps what it still catches.
    """
    context = resolve(store, library, question, default, progress)
    (topic,) = context.selection.topics
    label = _LABELS.get(question.by or "year")
    period = f"strftime(v1_at, '{label}')" if label else "year(v1_at) || '-Q' || quarter(v1_at)"
    with store.connect() as db:
        select(db, store, library, context.selection, store.files(*context.selection.window), progress)
        db.execute(
            f"""CREATE TEMP TABLE caught AS SELECT file, row, {period} AS period, row_number() OVER (
                    PARTITION BY {period} ORDER BY md5({sql_text(f"{seed}:")} || id), id) AS place
                FROM paper SEMI JOIN hit USING (file, row)"""
        )
        sizes = dict(db.execute("SELECT period, count(*) FROM caught GROUP BY period ORDER BY period").fetchall())
        parts = _parts(sizes, number)
        places, periods = [], []
        for name, part in parts.items():
            for file, row in db.execute(
                f"SELECT file, row FROM caught WHERE period = {sql_text(name)} AND place <= {part} ORDER BY place"
            ).fetchall():
                places.append((file, row))
                periods.append(name)
        rows = [
            {**row, "period": name, "snippet": _where(row)}
            for row, name in zip(details(db, context, places), periods, strict=True)
        ]
    answers = {item.id: item for item in judgements.read(store, topic)}
    return Sample(context, topic, seed, rows, sizes, answers)


def _parts(sizes: Mapping[str, int], number: int) -> dict[str, int]:
    """Equal parts of `number` for the periods, as far as they reach; what is left over goes to the largest."""
    parts, left = dict.fromkeys(sizes, 0), min(number, sum(sizes.values()))
    for place, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        parts[name] = min(sizes[name], left // (len(sizes) - place))
        left -= parts[name]
    return parts


def _where(row: Mapping[str, Any]) -> str:
    """The snippets of a row, one a phrase that matched."""
    return " / ".join(dict.fromkeys(match["snippet"] for match in row["matches"]))


def record(sample: Sample, answers: Mapping[str, bool], day: str) -> Sample:
    """Keep answers to submissions of the sample, and say again under the present rule what older ones hold."""
    rule, scope = sample.context.library.key(sample.topic), sample.context.selection.scope.name
    now = {**{ident: item.relevant for ident, item in sample.answers.items()}, **answers}
    fresh = []
    for row in sample.rows:
        ident, stratum = row["id"], row["period"]
        if ident in now:
            old = sample.answers.get(ident)
            at = day if old is None or ident in answers else old.at
            item = Judgement(ident, now[ident], rule, scope, stratum, sample.sizes[stratum], at)
            fresh += [item] if item != old else []
    if fresh:
        judgements.append(sample.context.store, sample.topic, fresh)
    known = {**sample.answers, **{item.id: item for item in fresh}}
    return Sample(sample.context, sample.topic, sample.seed, sample.rows, sample.sizes, known)


def parsed(text: str, name: str) -> dict[str, bool]:
    """The answers of a file with id and relevant: JSON, JSON lines, or CSV with a header; rows without one go.

    UsageError, with the line, for an answer that is neither yes nor no, or the opposite of one above it.
    """
    found: dict[str, bool] = {}
    for line, row in _records(text, name):
        if not isinstance(row, Mapping) or "id" not in row or "relevant" not in row:
            raise UsageError(f"{name}:{line}: expected `id` and `relevant` (y or n).")
        said = "" if row["relevant"] is None else str(row["relevant"]).strip().lower()
        if said in _ANSWERS:
            ident = str(row["id"]).strip()
            if found.setdefault(ident, _ANSWERS[said]) != _ANSWERS[said]:
                raise UsageError(f"{name}:{line}: {ident} was judged the other way above. Nothing was kept.")
        elif said not in ("", "none", "null", "–"):
            raise UsageError(f"{name}:{line}: {row['relevant']!r} is neither y nor n.")
    return found


def _records(text: str, name: str) -> Iterator[tuple[int, Any]]:
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{name}: not JSON: {error}.") from None
    elif text.lstrip().startswith("{"):
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise UsageError(f"{name}:{number}: not JSON: {error}.") from None
    else:
        head = text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise UsageError(f"{name}:{reader.line_num}: not CSV: {error}.") from None


def listing(sample: Sample) -> Report:
    """The sample as a table that can be judged elsewhere and read back: a row a submission, `relevant` where known."""
    rows = [
        {
            "id": row["id"],
            "period": row["period"],
            "title": row["title"],
            "snippet": row["snippet"],
            "relevant": {True: "y", False: "n"}.get(sample.answers[row["id"]].relevant)
            if row["id"] in sample.answers
            else None,
            "url": row["url"],
        }
        for row in sample.rows
    ]
    about = f"Judge each: write y or n under `relevant`, and read it back with `trend topics sample {sample.topic} "
    return _report(sample, "sample", "what to judge", _SAMPLE, rows, [f"{about}--judged FILE` and the same options."])


def precision(sample: Sample) -> Report:
    """How much of what the rule catches is right: a row a period, and one for all, weighted by what each caught."""
    strata: dict[str, tuple[int, list[bool]]] = {name: (size, []) for name, size in sample.sizes.items()}
    for row in sample.rows:
        if row["id"] in sample.answers:
            strata[row["period"]][1].append(sample.answers[row["id"]].relevant)
    sampled = {name: sum(row["period"] == name for row in sample.rows) for name in strata}
    rows = [_row(name, size, sampled[name], judgements.precision(answers)) for name, (size, answers) in strata.items()]
    whole = judgements.overall(strata)
    rows.append(_row("all", sum(sample.sizes.values()), len(sample.rows), whole))
    present = sample.context.library.key(sample.topic)
    in_sample = {row["id"] for row in sample.rows}
    older = [item for ident, item in sample.answers.items() if ident not in in_sample]
    notes = ["All: each period weighs as many submissions as it caught; Wilson's interval, with the effective number."]
    if whole.judged and (unknown := [name for name, (_, answers) in strata.items() if not answers]):
        notes.append(f"Without a judgement, and so not in it: {few(unknown)}.")
    if older:
        gone = sum(item.rule != present for item in older)
        notes.append(
            f"{len(older)} more were judged and are not in this sample: {gone} of them under another rule, the others "
            "by another seed or number."
        )
    return _report(sample, "precision", "precision", _PRECISION, rows, notes)


def _row(name: str, caught: int, sampled: int, found: Precision) -> dict[str, Any]:
    return {
        "period": name,
        "caught": caught,
        "sampled": sampled,
        "judged": found.judged,
        "right": found.right,
        "precision": found.share,
        "low": found.low,
        "high": found.high,
    }


def _report(
    sample: Sample,
    kind: str,
    what: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> Report:
    context = sample.context
    return Report(
        kind=kind,
        title=f"{context.library.topic(sample.topic).name}: {what}, seed {sample.seed}",
        corpus=context.selection.corpus,
        synthetic=context.store.manifest.synthetic,
        query={**query_of(context), "seed": sample.seed, "number": len(sample.rows)},
        columns=columns,
        rows=rows,
        data_as_of=as_of_text(context.data_as_of),
        notes=[*notes, *common_notes(context, [])],
        provenance=provenance(context),
    )
