"""Use-case sample: a stratified sample of what a topic matches, for people to judge, and the precision of its rules."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trendcli.core.errors import UsageError
from trendcli.core.report import Column, Report
from trendcli.core.types import Progress, Scope, ignore_progress
from trendcli.output.csv_cells import read_cell
from trendcli.reports.judgements import (
    Judgement,
    Precision,
    append_judgements,
    compute_precision,
    compute_stratified_precision,
    read_judgements,
)
from trendcli.reports.notes import abbreviate_list, build_provenance, common_notes, format_timestamp
from trendcli.reports.papers.details import read_details
from trendcli.store.sql import sql_string
from trendcli.store.store import Store
from trendcli.topics.library import Library
from trendcli.topics.query import BoundQuery, Query, bind, query_to_json
from trendcli.topics.selection_tables import create_selection_tables

# strftime formats of the labels of periods; DuckDB has none for a quarter
_LABEL_FORMATS = {"year": "%Y", "month": "%Y-%m"}
_ANSWER_VALUES = {**dict.fromkeys(("y", "yes", "true", "1"), True), **dict.fromkeys(("n", "no", "false", "0"), False)}
# what stands for no answer, as spreadsheets and other tools write it
_NO_ANSWER = ("", "none", "null", "–")
_SAMPLE_COLUMNS = (
    Column("id", "Id", "text"),
    Column("period", "Period", "text"),
    Column("title", "Title", "text"),
    Column("snippet", "Match", "text", 1),
    Column("relevant", "Relevant", "text"),
)
_PRECISION_COLUMNS = (
    Column("period", "Period", "text"),
    Column("caught", "Matched", "count"),
    Column("sampled", "Sampled", "count", 1),
    Column("judged", "Judged", "count"),
    Column("right", "Relevant", "count"),
    Column("precision", "Precision", "share"),
    Column("low", "95 % interval", "share_interval", second_key="high"),
)


@dataclass(frozen=True)
class TopicSample:
    """A sample of what a topic matches.

    `rows` have id, period, title, snippet, url and matches; `period_sizes` are how many submissions the topic matches
    in each period; `answers` hold the last judgement of each submission by id, whatever the rule was when it was made.
    """

    bound: BoundQuery
    topic: str
    seed: int
    rows: Sequence[Mapping[str, Any]]
    period_sizes: Mapping[str, int]
    answers: Mapping[str, Judgement]

    def list_unjudged(self) -> list[Mapping[str, Any]]:
        """Return the rows that nobody has judged, one from each period in turn, so that one may stop anywhere."""
        turns = Counter[str]()
        rows_by_turn: list[tuple[int, Mapping[str, Any]]] = []
        for row in self.rows:
            if row["id"] not in self.answers:
                rows_by_turn.append((turns[row["period"]], row))
                turns[row["period"]] += 1
        return [row for _, row in sorted(rows_by_turn, key=lambda pair: pair[0])]


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
    """Draw a sample of the query's only topic: `sample_size` submissions in equal parts from the periods of `query.by`.

    A period that has fewer gives all, and the others the rest. The sample follows from the seed and the identifiers
    alone, so a larger sample contains a smaller one, and a corrected rule keeps what it still matches.
    """
    bound = bind(store, library, query, default_scope, progress)
    (topic,) = bound.selection.topics
    label_format = _LABEL_FORMATS.get(query.by or "year")
    period = f"strftime(v1_at, '{label_format}')" if label_format else "year(v1_at) || '-Q' || quarter(v1_at)"
    with store.connect() as db:
        create_selection_tables(
            db, store, library, bound.selection, store.list_files(*bound.selection.window), progress
        )
        db.execute(
            f"""CREATE TEMP TABLE caught AS SELECT file, row, {period} AS period, row_number() OVER (
                    PARTITION BY {period} ORDER BY md5({sql_string(f"{seed}:")} || id), id) AS draw
                FROM paper SEMI JOIN hit USING (file, row)"""
        )
        sizes = dict(db.execute("SELECT period, count(*) FROM caught GROUP BY period ORDER BY period").fetchall())
        locations, periods = [], []
        for label, count in _allocate_sample(sizes, sample_size).items():
            drawn = db.execute(
                f"SELECT file, row FROM caught WHERE period = {sql_string(label)} AND draw <= {count} ORDER BY draw"
            ).fetchall()
            locations += drawn
            periods += [label] * len(drawn)
        rows = [
            {**row, "period": label, "snippet": _join_snippets(row)}
            for row, label in zip(read_details(db, bound, locations), periods, strict=True)
        ]
    answers = {judgement.id: judgement for judgement in read_judgements(store, topic)}
    return TopicSample(bound, topic, seed, rows, sizes, answers)


def _allocate_sample(period_sizes: Mapping[str, int], sample_size: int) -> dict[str, int]:
    """Return how many to draw from each period: equal parts as far as they reach; the largest get the remainder."""
    shares = dict.fromkeys(period_sizes, 0)
    remaining = min(sample_size, sum(period_sizes.values()))
    for rank, label in enumerate(sorted(period_sizes, key=lambda label: (period_sizes[label], label))):
        shares[label] = min(period_sizes[label], remaining // (len(period_sizes) - rank))
        remaining -= shares[label]
    return shares


def _join_snippets(row: Mapping[str, Any]) -> str:
    """Join the distinct snippets of a row's matches."""
    return " / ".join(dict.fromkeys(match["snippet"] for match in row["matches"]))


def record_answers(sample: TopicSample, answers: Mapping[str, bool], day: str) -> TopicSample:
    """Store answers to submissions of the sample, and return the sample with them; `day` is today, as '2026-11-21'.

    Earlier answers to its submissions are stored again under the present rule and scope, with their own day.
    """
    rule, scope = sample.bound.library.match_hash(sample.topic), sample.bound.selection.scope.name
    relevance = {**{judgement.id: judgement.relevant for judgement in sample.answers.values()}, **answers}
    new_judgements = []
    for row in sample.rows:
        submission_id, stratum = row["id"], row["period"]
        if submission_id in relevance:
            old = sample.answers.get(submission_id)
            judged_at = day if old is None or submission_id in answers else old.at
            size = sample.period_sizes[stratum]
            judgement = Judgement(submission_id, relevance[submission_id], rule, scope, stratum, size, judged_at)
            new_judgements += [judgement] if judgement != old else []
    if new_judgements:
        append_judgements(sample.bound.store, sample.topic, new_judgements)
    return replace(sample, answers={**sample.answers, **{judgement.id: judgement for judgement in new_judgements}})


def parse_answers(text: str, file_name: str) -> dict[str, bool]:
    """Parse answers by id from a file with `id` and `relevant`: JSON, JSON lines, or CSV with a header.

    Rows without an answer are skipped. Raise UsageError, with the line, for an answer that is neither yes nor no, or
    that contradicts one above it.
    """
    answers: dict[str, bool] = {}
    for line_number, row in _iter_answer_rows(text, file_name):
        if not isinstance(row, Mapping) or "id" not in row or "relevant" not in row:
            raise UsageError(f"{file_name}:{line_number}: expected `id` and `relevant` (y or n). No answer was saved.")
        answer = "" if row["relevant"] is None else str(row["relevant"]).strip().lower()
        if answer in _ANSWER_VALUES:
            submission_id = read_cell(str(row["id"]).strip())
            if answers.setdefault(submission_id, _ANSWER_VALUES[answer]) != _ANSWER_VALUES[answer]:
                raise UsageError(
                    f"{file_name}:{line_number}: this contradicts an earlier answer to {submission_id}. "
                    "No answer was saved."
                )
        elif answer not in _NO_ANSWER:
            raise UsageError(f"{file_name}:{line_number}: {row['relevant']!r} is neither y nor n. No answer was saved.")
    return answers


def _iter_answer_rows(text: str, file_name: str) -> Iterator[tuple[int, Any]]:
    """Yield (line number, row) of JSON, JSON lines or CSV; of a JSON array the number of the element."""
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{file_name}: not JSON: {error}.") from None
    elif text.lstrip().startswith("{"):
        for line_number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    yield line_number, json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise UsageError(f"{file_name}:{line_number}: not JSON: {error}.") from None
    else:
        header = text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count))
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise UsageError(f"{file_name}:{reader.line_num}: not CSV: {error}.") from None


def build_sample_report(sample: TopicSample) -> Report:
    """Build the sample as a table that can be judged elsewhere and read back, with the answers there are: y, n or None.

    Rows: id, period, title, snippet, relevant, url.
    """
    labels = {True: "y", False: "n"}
    rows = [
        {
            "id": row["id"],
            "period": row["period"],
            "title": row["title"],
            "snippet": row["snippet"],
            "relevant": labels[sample.answers[row["id"]].relevant] if row["id"] in sample.answers else None,
            "url": row["url"],
        }
        for row in sample.rows
    ]
    note = (
        f"Judge each row: write y or n under `relevant`, then run `trend topics sample {sample.topic} --judged FILE` "
        "with the same options."
    )
    return _build_report(sample, "sample", "sample to judge", _SAMPLE_COLUMNS, rows, [note])


def build_precision_report(sample: TopicSample) -> Report:
    """Build the precision of the topic's rules by the answers: a row a period, and one for all, weighted by matches.

    Rows: period, caught (submissions matched), sampled, judged, right (relevant ones), and precision, low and high,
    None where nothing is judged.
    """
    strata: dict[str, tuple[int, list[bool]]] = {label: (size, []) for label, size in sample.period_sizes.items()}
    for row in sample.rows:
        if row["id"] in sample.answers:
            strata[row["period"]][1].append(sample.answers[row["id"]].relevant)
    sampled = Counter(row["period"] for row in sample.rows)
    rows = [
        _build_row(label, size, sampled[label], compute_precision(answers)) for label, (size, answers) in strata.items()
    ]
    overall = compute_stratified_precision(strata)
    rows.append(_build_row("all", sum(sample.period_sizes.values()), len(sample.rows), overall))
    notes = ["All: each period is weighted by its number of matches; Wilson interval with the effective sample size."]
    unjudged_periods = [label for label, (_, answers) in strata.items() if not answers]
    if overall.judged_count and unjudged_periods:
        notes.append(f"Not included, since nothing is judged: {abbreviate_list(unjudged_periods)}.")
    sample_ids = {row["id"] for row in sample.rows}
    outside = [judgement for judgement in sample.answers.values() if judgement.id not in sample_ids]
    if outside:
        rule = sample.bound.library.match_hash(sample.topic)
        other_rule_count = sum(judgement.rule != rule for judgement in outside)
        notes.append(
            f"{len(outside):,} more judgements are not in this sample: {other_rule_count:,} made under other rules, "
            "the rest with another seed or -n."
        )
    return _build_report(sample, "precision", "precision", _PRECISION_COLUMNS, rows, notes)


def _build_row(period: str, matched: int, sampled: int, precision: Precision) -> dict[str, Any]:
    return {
        "period": period,
        "caught": matched,
        "sampled": sampled,
        "judged": precision.judged_count,
        "right": precision.relevant_count,
        "precision": precision.share,
        "low": precision.low,
        "high": precision.high,
    }


def _build_report(
    sample: TopicSample,
    kind: str,
    subtitle: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> Report:
    bound = sample.bound
    return Report(
        kind=kind,
        title=f"{bound.library.get_topic(sample.topic).name}: {subtitle}, seed {sample.seed}",
        corpus=bound.selection.corpus,
        synthetic=bound.store.manifest.synthetic,
        query={**query_to_json(bound), "seed": sample.seed, "number": len(sample.rows)},
        columns=columns,
        rows=rows,
        data_as_of=format_timestamp(bound.data_as_of),
        notes=[*notes, *common_notes(bound, [])],
        provenance=build_provenance(bound),
    )
