"""Commands about the store itself: what it can vouch for, and what is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trendcli.cli.base import Common
from trendcli.cli.fetch import planned
from trendcli.cli.options import Corpus, Format, Output
from trendcli.core.errors import Findings, TrendError, UsageError
from trendcli.store.manifest import ARXIV

if TYPE_CHECKING:
    from trendcli.core.settings import Settings
    from trendcli.store.coverage import Coverage
    from trendcli.store.store import Store

TOTALS = "https://arxiv.org/stats/get_monthly_submissions"


def status(
    common: Common,
    by: Annotated[
        str, typer.Option(help="span: a row a run of days alike. month: a row a category and month.")
    ] = "span",
    corpus: Corpus = "arxiv",
    format: Format = None,
    output: Output = None,
) -> None:
    """What the store holds and can vouch for, category by category, how old it is, and what the next fetch will do."""
    from trendcli.core.types import Column, Report
    from trendcli.reports.notes import MADE_UP, as_of_text

    if by not in ("span", "month"):
        raise UsageError(f"Status is told by span or by month, not by {by!r}.")
    store, settings = common.open(corpus), common.resolved[0]
    coverage, manifest = store.coverage(), store.manifest
    known = sorted({name for answer in manifest.ledger for name in answer.categories})
    rows = _by_month(coverage, known) if by == "month" else _by_span(coverage, known)
    size = sum(path.stat().st_size for item in manifest.files if (path := store.root / item.path).exists())
    updates = sum(item.kind == "update" for item in manifest.files)
    moments = [moment for name in known if (moment := coverage.data_as_of([name]))]
    short = [answer for answer in manifest.ledger if answer.status in ("partial", "failed")]
    columns = ("categories", "since", "until", "status") if by == "span" else ("category", "month", "status")
    common.show(
        Report(
            kind="status",
            title=f"{store.root}: {manifest.rows:,} submissions",
            corpus=store.corpus,
            synthetic=manifest.synthetic,
            query={"by": by},
            columns=[Column(key, key.capitalize(), "day" if key in ("since", "until") else "text") for key in columns],
            rows=rows,
            data_as_of=as_of_text(min(moments)) if moments and corpus == ARXIV else None,
            notes=[
                *([MADE_UP] if manifest.synthetic else []),
                f"{len(manifest.files)} data files, {size / 1e6:,.1f} MB; {updates} not yet folded into months.",
                *(_age(coverage, known, moments, synthetic=manifest.synthetic) if corpus == ARXIV else _lists(store)),
                *[
                    f"{answer.status}: {answer.query} brought {answer.received:,} of "
                    f"{'an unknown number' if answer.expected is None else f'{answer.expected:,}'}."
                    for answer in short[-5:]
                    if corpus == ARXIV or answer.expected is not None
                ],
                *(_next(store, settings) + _venues(common) if corpus == ARXIV else []),
            ],
            provenance={"store": store.fingerprint(), "program": manifest.program},
        ),
        format,
        output,
    )


def _by_span(coverage: Coverage, categories: list[str]) -> list[dict[str, Any]]:
    """A row for each run of days with one status; categories that share all of theirs stand together."""

    def lines(name: str) -> list[tuple[str, str, str]]:
        found, reached = [], None
        for span in coverage.spans(name):
            if reached and reached < span.since:
                found.append((str(reached), str(span.since), "never asked"))
            found.append((str(span.since), str(span.until), span.status))
            reached = span.until
        return found

    rows = []
    for spans, names in groupby(sorted(categories, key=lambda name: (lines(name), name)), key=lines):
        label = " ".join(_label(name) for name in names)
        rows += [{"categories": label, "since": a, "until": b, "status": status} for a, b, status in spans]
    return rows


def _by_month(coverage: Coverage, categories: list[str]) -> list[dict[str, Any]]:
    from trendcli.core import periods

    rows = []
    for name in categories:
        spans = coverage.spans(name)
        for period in periods.between(spans[0].since, spans[-1].until, "month") if spans else ():
            worst = coverage.worst(name, period.start, min(period.end, spans[-1].until))
            rows.append(
                {
                    "category": _label(name),
                    "month": period.label,
                    "status": "never asked" if worst == "never" else worst,
                }
            )
    return rows


def _label(category: str) -> str:
    return "all categories" if category == "*" else category


def _age(coverage: Coverage, categories: list[str], moments: list[datetime], *, synthetic: bool) -> list[str]:
    from trendcli.reports.notes import few

    if not moments:
        return ["Nothing was fetched yet."]
    days = (datetime.now(UTC) - min(moments)).days
    sources = ", ".join(sorted({f"{answer.source} ({answer.version})" for answer in coverage.answers}))
    sources = "an invented corpus" if synthetic else sources
    late = [_label(name) for name in categories if coverage.data_as_of([name]) == min(moments)]
    whose = "" if min(moments) == max(moments) else f" ({few(late)}; the newest {max(moments):%Y-%m-%d})"
    age = f"{days} {'day' if days == 1 else 'days'} old"
    return [f"Data as of {min(moments):%Y-%m-%d}{whose}, {age}; sources: {sources}."]


def _lists(store: Store) -> list[str]:
    """What the list of each year holds and lacks."""
    from trendcli.store.corpus import editions

    said = []
    for item in editions(store):
        lacking = [f"{number:,} without {name}" for name, number in item.without.items() if number]
        said.append(
            f"{item.year}: {item.submissions:,} submissions" + (f", {', '.join(lacking)}" if lacking else "") + "."
        )
    return said


def _venues(common: Common) -> list[str]:
    from trendcli.store.store import venues

    said = []
    for name in venues(common.root()):
        try:
            rows = f"{common.open(name).manifest.rows:,} submissions"
        except TrendError:  # the command that is named says what is wrong with it
            rows = "a damaged list of the submissions"
        said.append(f"Beside it: {rows} to {name} (`trend status --corpus {name}`).")
    return said


def _next(store: Store, settings: Settings) -> list[str]:
    """What a fetch without options would ask now, for each source that can go on."""
    from trendcli.core.types import Window

    said = []
    for source in ("arxiv", "oai"):
        asks = planned(store, settings, source, (), Window(None, None), strict=False)
        since = [day for ask in asks if (day := ask.window.since if source == "arxiv" else ask.changed)]
        if since and (source == "arxiv" or any(answer.source == source for answer in store.manifest.ledger)):
            what = "submitted" if source == "arxiv" else "changed"
            option = "" if source == "arxiv" else " --source oai"
            said.append(f"The next `trend fetch{option}` asks for what was {what} since {min(since)}.")
    return said or ["The next `trend fetch` has nothing to ask today."]


def doctor(
    common: Common,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended without losing a submission that can be read.")
    ] = False,
    totals: Annotated[
        str | None, typer.Option(help="arXiv's monthly totals: a CSV file, an address, or `arxiv` to fetch them.")
    ] = None,
    corpus: Corpus = "arxiv",
    format: Format = None,
    output: Output = None,
) -> None:
    """Look for damaged files, duplicates, impossible dates and holes, and say what to do about each."""
    from trendcli.core.types import Column, Report
    from trendcli.reports.doctor import examine, mend

    store, settings = common.open(corpus), common.resolved[0]
    if totals and corpus != ARXIV:
        raise UsageError("--totals are arXiv's; a venue has none.")
    expected = _totals(totals, settings) if totals else None
    if fix:
        with store.writing():
            for line in mend(store):
                common.say(line)
    with common.progress() as progress:
        findings, looked = examine(store, expected, progress)
    common.show(
        Report(
            kind="doctor",
            title=f"{store.root}: {len(findings)} findings" if findings else f"{store.root}: nothing is wrong",
            corpus=store.corpus,
            synthetic=store.manifest.synthetic,
            query={"totals": totals},
            columns=[Column(key, label, "text") for key, label in zip(("what", "where", "do"), _HEADS, strict=True)],
            rows=[item._asdict() for item in findings],
            notes=looked,
        ),
        format,
        output,
    )
    if findings:
        raise Findings(f"{len(findings)} findings; see above for what to do.")


_HEADS = ("What", "Where", "What to do")


def _totals(named: str, settings: Settings) -> dict[str, int]:
    """The monthly totals of a file or an address."""
    from trendcli.reports.doctor import read_totals

    url = TOTALS if named == "arxiv" else named
    if not url.startswith(("http://", "https://")):
        try:
            return read_totals(Path(url).read_text(encoding="utf-8"), url)
        except OSError as error:
            raise UsageError(f"Cannot read {url}: {error.strerror}.") from None
    from trendcli.core.settings import pace_path
    from trendcli.sources.http import Faulty, session
    from trendcli.sources.pace import Pace

    def check(body: bytes, url: str) -> None:
        try:
            read_totals(body.decode(), url)
        except (UnicodeError, UsageError) as error:
            raise Faulty(str(error)) from None

    asked, _ = session(Pace(pace_path(), settings.interval_for(url)), settings.contact, check)
    return read_totals(asked.get(url).text, url)
