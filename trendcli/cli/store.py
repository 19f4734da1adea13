"""Commands about the store itself: what it can vouch for, and what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import CommonOptions
from trendcli.cli.fetch import plan_requests
from trendcli.cli.options import CorpusOption, FormatOption, OutputOption
from trendcli.core.errors import FindingsReported, TrendError, UsageError
from trendcli.store.manifest import ARXIV

if TYPE_CHECKING:
    from trendcli.core.settings import Settings
    from trendcli.store.coverage import Coverage
    from trendcli.store.store import Store

MONTHLY_TOTALS_URL = "https://arxiv.org/stats/get_monthly_submissions"


def show_status(
    common: CommonOptions,
    by: Annotated[
        str, typer.Option(help="span: a row a run of days alike. month: a row a category and month.")
    ] = "span",
    corpus: CorpusOption = "arxiv",
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """What the store holds and can vouch for, category by category, how old it is, and what the next fetch will do."""
    from trendcli.core.report import Column, Report
    from trendcli.reports.notes import SYNTHETIC_WARNING, format_timestamp

    if by not in ("span", "month"):
        raise UsageError(f"Status is told by span or by month, not by {by!r}.")
    store, settings = common.open_store(corpus), common.resolved_settings[0]
    coverage, manifest = store.build_coverage(), store.manifest
    known = sorted({name for answer in manifest.ledger for name in answer.categories})
    rows = _month_rows(coverage, known) if by == "month" else _span_rows(coverage, known)
    size = sum(path.stat().st_size for item in manifest.files if (path := store.root / item.path).exists())
    updates = sum(item.kind == "update" for item in manifest.files)
    moments = [moment for name in known if (moment := coverage.data_as_of([name]))]
    short = [answer for answer in manifest.ledger if answer.status in ("partial", "failed")]
    columns = ("categories", "since", "until", "status") if by == "span" else ("category", "month", "status")
    common.write_report(
        Report(
            kind="status",
            title=f"{store.root}: {manifest.submission_count:,} submissions",
            corpus=store.corpus,
            synthetic=manifest.synthetic,
            query={"by": by},
            columns=[Column(key, key.capitalize(), "day" if key in ("since", "until") else "text") for key in columns],
            rows=rows,
            data_as_of=format_timestamp(min(moments)) if moments and corpus == ARXIV else None,
            notes=[
                *([SYNTHETIC_WARNING] if manifest.synthetic else []),
                f"{len(manifest.files)} data files, {size / 1e6:,.1f} MB; {updates} not yet folded into months.",
                *(
                    _describe_age(coverage, known, moments, synthetic=manifest.synthetic)
                    if corpus == ARXIV
                    else _describe_editions(store)
                ),
                *[
                    f"{answer.status}: {answer.query} brought {answer.received:,} of "
                    f"{'an unknown number' if answer.expected is None else f'{answer.expected:,}'}."
                    for answer in short[-5:]
                    if corpus == ARXIV or answer.expected is not None
                ],
                *(_describe_next_fetch(store, settings) + _describe_venues(common) if corpus == ARXIV else []),
            ],
            provenance={"store": store.compute_fingerprint(), "program": manifest.program},
        ),
        format,
        output,
    )


def _span_rows(coverage: Coverage, categories: list[str]) -> list[dict[str, Any]]:
    """A row for each run of days with one status; categories that share all of theirs stand together."""

    def list_spans(name: str) -> list[tuple[str, str, str]]:
        found, reached = [], None
        for span in coverage.category_spans(name):
            if reached and reached < span.since:
                found.append((str(reached), str(span.since), "never asked"))
            found.append((str(span.since), str(span.until), span.status))
            reached = span.until
        return found

    rows = []
    for spans, names in groupby(sorted(categories, key=lambda name: (list_spans(name), name)), key=list_spans):
        label = " ".join(_category_label(name) for name in names)
        rows += [{"categories": label, "since": a, "until": b, "status": status} for a, b, status in spans]
    return rows


def _month_rows(coverage: Coverage, categories: list[str]) -> list[dict[str, Any]]:
    from trendcli.core import periods

    rows = []
    for name in categories:
        spans = coverage.category_spans(name)
        for period in periods.list_periods(spans[0].since, spans[-1].until, "month") if spans else ():
            worst = coverage.worst_status(name, period.start, min(period.end, spans[-1].until))
            rows.append(
                {
                    "category": _category_label(name),
                    "month": period.label,
                    "status": "never asked" if worst == "never" else worst,
                }
            )
    return rows


def _category_label(category: str) -> str:
    return "all categories" if category == "*" else category


def _describe_age(
    coverage: Coverage, categories: list[str], data_times: list[datetime], *, synthetic: bool
) -> list[str]:
    from trendcli.reports.notes import abbreviate_list

    if not data_times:
        return ["Nothing was fetched yet."]
    days = (datetime.now(UTC) - min(data_times)).days
    sources = ", ".join(sorted({f"{answer.source} ({answer.version})" for answer in coverage.records}))
    sources = "an invented corpus" if synthetic else sources
    late = [_category_label(name) for name in categories if coverage.data_as_of([name]) == min(data_times)]
    whose = (
        ""
        if min(data_times) == max(data_times)
        else f" ({abbreviate_list(late)}; the newest {max(data_times):%Y-%m-%d})"
    )
    age = f"{days} {'day' if days == 1 else 'days'} old"
    return [f"Data as of {min(data_times):%Y-%m-%d}{whose}, {age}; sources: {sources}."]


def _describe_editions(store: Store) -> list[str]:
    """What the list of each year holds and lacks."""
    from trendcli.store.corpus import list_venue_years

    said = []
    for item in list_venue_years(store):
        lacking = [f"{number:,} without {name}" for name, number in item.missing_counts.items() if number]
        said.append(
            f"{item.year}: {item.submission_count:,} submissions" + (f", {', '.join(lacking)}" if lacking else "") + "."
        )
    return said


def _describe_venues(common: CommonOptions) -> list[str]:
    from trendcli.store.store import list_venues

    said = []
    for name in list_venues(common.store_root()):
        try:
            rows = f"{common.open_store(name).manifest.submission_count:,} submissions"
        except TrendError:  # the command that is named says what is wrong with it
            rows = "a damaged list of the submissions"
        said.append(f"Beside it: {rows} to {name} (`trend status --corpus {name}`).")
    return said


def _describe_next_fetch(store: Store, settings: Settings) -> list[str]:
    """What a fetch without options would ask now, for each source that can go on."""
    from trendcli.core.types import Window

    said = []
    for source in ("arxiv", "oai"):
        asks = plan_requests(store, settings, source, (), Window(None, None), strict=False)
        since = [day for ask in asks if (day := ask.window.since if source == "arxiv" else ask.changed_since)]
        if since and (source == "arxiv" or any(answer.source == source for answer in store.manifest.ledger)):
            what = "submitted" if source == "arxiv" else "changed"
            option = "" if source == "arxiv" else " --source oai"
            said.append(f"The next `trend fetch{option}` asks for what was {what} since {min(since)}.")
    return said or ["The next `trend fetch` has nothing to ask today."]


def run_doctor(
    common: CommonOptions,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended without losing a submission that can be read.")
    ] = False,
    totals: Annotated[
        str | None, typer.Option(help="arXiv's monthly totals: a CSV file, an address, or `arxiv` to fetch them.")
    ] = None,
    corpus: CorpusOption = "arxiv",
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Look for damaged files, duplicates, impossible dates and holes, and say what to do about each."""
    from trendcli.core.report import Column, Report
    from trendcli.reports.doctor import check_store, repair_store

    store, settings = common.open_store(corpus), common.resolved_settings[0]
    if totals and corpus != ARXIV:
        raise UsageError("--totals are arXiv's; a venue has none.")
    expected = _read_expected_totals(totals, settings) if totals else None
    if fix:
        with store.write_lock():
            for line in repair_store(store):
                common.print_note(line)
    with common.progress_bar() as progress:
        findings, looked = check_store(store, expected, progress)
    common.write_report(
        Report(
            kind="doctor",
            title=f"{store.root}: {len(findings)} findings" if findings else f"{store.root}: nothing is wrong",
            corpus=store.corpus,
            synthetic=store.manifest.synthetic,
            query={"totals": totals},
            columns=[
                Column(key, label, "text") for key, label in zip(("what", "where", "do"), _COLUMN_LABELS, strict=True)
            ],
            rows=[item._asdict() for item in findings],
            notes=looked,
        ),
        format,
        output,
    )
    if findings:
        raise FindingsReported(f"{len(findings)} findings; see above for what to do.")


_COLUMN_LABELS = ("What", "Where", "What to do")


def _read_expected_totals(location: str, settings: Settings) -> dict[str, int]:
    """The monthly totals of a file or an address."""
    from trendcli.reports.doctor import parse_monthly_totals

    url = MONTHLY_TOTALS_URL if location == "arxiv" else location
    if not url.startswith(("http://", "https://")):
        try:
            return parse_monthly_totals(Path(url).read_text(encoding="utf-8"), url)
        except OSError as error:
            raise UsageError(f"Cannot read {url}: {error.strerror}.") from None
    from trendcli.core.settings import pace_path
    from trendcli.sources.http import InvalidResponse, Pace, build_session

    def check_body(body: bytes, url: str) -> None:
        try:
            parse_monthly_totals(body.decode(), url)
        except (UnicodeError, UsageError) as error:
            raise InvalidResponse(str(error)) from None

    asked, _ = build_session(Pace(pace_path(), settings.interval_for_url(url)), settings.contact, check_body)
    return parse_monthly_totals(asked.get(url).text, url)
