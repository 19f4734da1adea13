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
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.reports import judgements
from trendcli.reports.judgements import Judgement, Precision
from trendcli.reports.notes import abbreviate_list, build_provenance, common_notes, format_timestamp
from trendcli.reports.papers.details import read_details
from trendcli.store.sql import sql_string
from trendcli.store.store import Store
from trendcli.topics.counting import create_selection_tables
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_to_json

# how DuckDB writes the label of a period
_LABEL_FORMATS = {"year": "%Y", "month": "%Y-%m"}
_ANSWER_VALUES = {**dict.fromkeys(("y", "yes", "true", "1"), True), **dict.fromkeys(("n", "no", "false", "0"), False)}
_SAMPLE_COLUMNS = (
    Column("id", "Id", "text"),
    Column("period", "Period", "text"),
    Column("title", "Title", "text"),
    Column("snippet", "Where it matches", "text", 1),
    Column("relevant", "Relevant", "text"),
)
_PRECISION_COLUMNS = (
    Column("period", "Period", "text"),
    Column("caught", "Caught", "count"),
    Column("sampled", "Sampled", "count", 1),
    Column("judged", "Judged", "count"),
    Column("right", "Right", "count"),
    Column("precision", "Precision", "share"),
    Column("low,high", "95 % interval", "share_interval"),
)


@dataclass(frozen=True)
class TopicSample:
    """What was drawn of a topic: rows (id, period, title, snippet, url, matches), and how many lie in each period.

    `answers` are all that were given of the topic by id, whatever its rule was then; the last one counts.
    """

    bound: BoundQuery
    topic: str
    seed: int
    rows: Sequence[Mapping[str, Any]]
    period_sizes: Mapping[str, int]
    answers: Mapping[str, Judgement]

    def list_unjudged(self) -> list[Mapping[str, Any]]:
        """The rows that nobody has judged, in turns from each period, so that one may stop anywhere."""
        rows = [row for row in self.rows if row["id"] not in self.answers]
        turns = Counter[str]()
        placed: list[tuple[int, int, Mapping[str, Any]]] = []
        for row in rows:
            placed.append((turns[row["period"]], len(placed), row))
            turns[row["period"]] += 1
        return [row for *_, row in sorted(placed, key=lambda item: item[:2])]


def draw_sample(
    store: Store,
    library: Library,
    query: Query,
    default_scope: Scope,
    progress: Progress = ignore_progress,
    *,
    sample_size: int,
    seed: int = 0,
) -> TopicSample:
    """A sample of the question's only topic, `number` submissions in equal parts from the periods of `question.by`.

    A period that has fewer gives all, and its part goes to the others. What is drawn follows from the seed and the
    identifiers alone, so that a larger sample holds a smaller one, and a mended rule keeps what it still catches.
    """
    context = bind(store, library, query, default_scope, progress)
    (topic,) = context.selection.topics
    label = _LABEL_FORMATS.get(query.by or "year")
    period = f"strftime(v1_at, '{label}')" if label else "year(v1_at) || '-Q' || quarter(v1_at)"
    with store.connect() as db:
        create_selection_tables(
            db, store, library, context.selection, store.list_files(*context.selection.window), progress
        )
        db.execute(
            f"""CREATE TEMP TABLE caught AS SELECT file, row, {period} AS period, row_number() OVER (
                    PARTITION BY {period} ORDER BY md5({sql_string(f"{seed}:")} || id), id) AS place
                FROM paper SEMI JOIN hit USING (file, row)"""
        )
        sizes = dict(db.execute("SELECT period, count(*) FROM caught GROUP BY period ORDER BY period").fetchall())
        parts = _allocate_sample(sizes, sample_size)
        places, periods = [], []
        for name, part in parts.items():
            for file, row in db.execute(
                f"SELECT file, row FROM caught WHERE period = {sql_string(name)} AND place <= {part} ORDER BY place"
            ).fetchall():
                places.append((file, row))
                periods.append(name)
        rows = [
            {**row, "period": name, "snippet": _join_snippets(row)}
            for row, name in zip(read_details(db, context, places), periods, strict=True)
        ]
    answers = {item.id: item for item in judgements.read_judgements(store, topic)}
    return TopicSample(context, topic, seed, rows, sizes, answers)


def _allocate_sample(period_sizes: Mapping[str, int], sample_size: int) -> dict[str, int]:
    """Equal parts of `number` for the periods, as far as they reach; what is left over goes to the largest."""
    parts, left = dict.fromkeys(period_sizes, 0), min(sample_size, sum(period_sizes.values()))
    for place, name in enumerate(sorted(period_sizes, key=lambda name: (period_sizes[name], name))):
        parts[name] = min(period_sizes[name], left // (len(period_sizes) - place))
        left -= parts[name]
    return parts


def _join_snippets(row: Mapping[str, Any]) -> str:
    """The snippets of a row, one a phrase that matched."""
    return " / ".join(dict.fromkeys(match["snippet"] for match in row["matches"]))


def record_answers(sample: TopicSample, answers: Mapping[str, bool], day: str) -> TopicSample:
    """Keep answers to submissions of the sample, and say again under the present rule what older ones hold."""
    rule, scope = sample.bound.library.match_hash(sample.topic), sample.bound.selection.scope.name
    now = {**{ident: item.relevant for ident, item in sample.answers.items()}, **answers}
    fresh = []
    for row in sample.rows:
        ident, stratum = row["id"], row["period"]
        if ident in now:
            old = sample.answers.get(ident)
            at = day if old is None or ident in answers else old.at
            item = Judgement(ident, now[ident], rule, scope, stratum, sample.period_sizes[stratum], at)
            fresh += [item] if item != old else []
    if fresh:
        judgements.append_judgements(sample.bound.store, sample.topic, fresh)
    known = {**sample.answers, **{item.id: item for item in fresh}}
    return TopicSample(sample.bound, sample.topic, sample.seed, sample.rows, sample.period_sizes, known)


def parse_answers(text: str, file_name: str) -> dict[str, bool]:
    """The answers of a file with id and relevant: JSON, JSON lines, or CSV with a header; rows without one go.

    UsageError, with the line, for an answer that is neither yes nor no, or the opposite of one above it.
    """
    found: dict[str, bool] = {}
    for line, row in _iter_answer_rows(text, file_name):
        if not isinstance(row, Mapping) or "id" not in row or "relevant" not in row:
            raise UsageError(f"{file_name}:{line}: expected `id` and `relevant` (y or n).")
        said = "" if row["relevant"] is None else str(row["relevant"]).strip().lower()
        if said in _ANSWER_VALUES:
            ident = str(row["id"]).strip()
            if found.setdefault(ident, _ANSWER_VALUES[said]) != _ANSWER_VALUES[said]:
                raise UsageError(f"{file_name}:{line}: {ident} was judged the other way above. Nothing was kept.")
        elif said not in ("", "none", "null", "–"):
            raise UsageError(f"{file_name}:{line}: {row['relevant']!r} is neither y nor n.")
    return found


def _iter_answer_rows(text: str, file_name: str) -> Iterator[tuple[int, Any]]:
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{file_name}: not JSON: {error}.") from None
    elif text.lstrip().startswith("{"):
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise UsageError(f"{file_name}:{number}: not JSON: {error}.") from None
    else:
        head = text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise UsageError(f"{file_name}:{reader.line_num}: not CSV: {error}.") from None


def build_sample_report(sample: TopicSample) -> Report:
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
    return _build_report(
        sample, "sample", "what to judge", _SAMPLE_COLUMNS, rows, [f"{about}--judged FILE` and the same options."]
    )


def build_precision_report(sample: TopicSample) -> Report:
    """How much of what the rule catches is right: a row a period, and one for all, weighted by what each caught."""
    strata: dict[str, tuple[int, list[bool]]] = {name: (size, []) for name, size in sample.period_sizes.items()}
    for row in sample.rows:
        if row["id"] in sample.answers:
            strata[row["period"]][1].append(sample.answers[row["id"]].relevant)
    sampled = {name: sum(row["period"] == name for row in sample.rows) for name in strata}
    rows = [
        _build_row(name, size, sampled[name], judgements.compute_precision(answers))
        for name, (size, answers) in strata.items()
    ]
    whole = judgements.compute_stratified_precision(strata)
    rows.append(_build_row("all", sum(sample.period_sizes.values()), len(sample.rows), whole))
    present = sample.bound.library.match_hash(sample.topic)
    in_sample = {row["id"] for row in sample.rows}
    older = [item for ident, item in sample.answers.items() if ident not in in_sample]
    notes = ["All: each period weighs as many submissions as it caught; Wilson's interval, with the effective number."]
    if whole.judged_count and (unknown := [name for name, (_, answers) in strata.items() if not answers]):
        notes.append(f"Without a judgement, and so not in it: {abbreviate_list(unknown)}.")
    if older:
        gone = sum(item.rule != present for item in older)
        notes.append(
            f"{len(older)} more were judged and are not in this sample: {gone} of them under another rule, the others "
            "by another seed or number."
        )
    return _build_report(sample, "precision", "precision", _PRECISION_COLUMNS, rows, notes)


def _build_row(period: str, caught: int, sampled: int, estimate: Precision) -> dict[str, Any]:
    return {
        "period": period,
        "caught": caught,
        "sampled": sampled,
        "judged": estimate.judged_count,
        "right": estimate.relevant_count,
        "precision": estimate.share,
        "low": estimate.low,
        "high": estimate.high,
    }


def _build_report(
    sample: TopicSample,
    kind: str,
    subtitle: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> Report:
    context = sample.bound
    return Report(
        kind=kind,
        title=f"{context.library.get_topic(sample.topic).name}: {subtitle}, seed {sample.seed}",
        corpus=context.selection.corpus,
        synthetic=context.store.manifest.synthetic,
        query={**query_to_json(context), "seed": sample.seed, "number": len(sample.rows)},
        columns=columns,
        rows=rows,
        data_as_of=format_timestamp(context.data_as_of),
        notes=[*notes, *common_notes(context, [])],
        provenance=build_provenance(context),
    )
