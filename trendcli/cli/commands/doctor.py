"""The command doctor: problems of a store, and how to repair them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trendcli.cli.base import CommonOptions, read_text
from trendcli.cli.commands.importing import build_pace
from trendcli.cli.options import FormatOption, OutputOption, complete_corpora
from trendcli.core.errors import FindingsReported, StoreDamaged, TrendError, UsageError
from trendcli.store.manifest import ARXIV

if TYPE_CHECKING:
    from trendcli.reports.doctor.problems import StoreProblem

MONTHLY_TOTALS_URL = "https://arxiv.org/stats/get_monthly_submissions"
# arXiv's has 15 bytes per month
MAX_TOTALS_BYTES = 1_000_000


def run_doctor(
    common: CommonOptions,
    fix: Annotated[
        bool, typer.Option("--fix", help="Repair what can be repaired without losing readable submissions.")
    ] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Rebuild a lost, damaged or outdated manifest.")] = False,
    totals: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="Compare with arXiv's monthly totals: a CSV file, a URL, or `arxiv` to fetch them."
        ),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="CORPUS", help="arxiv, or an imported venue [all].", autocompletion=complete_corpora),
    ] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Check the store and its caches for damage, duplicates and gaps.

    Each finding says what to do. Exits with code 4 if there are findings. Without --corpus, arXiv and every venue are
    checked.
    """
    from trendcli.core.report import Column, Report
    from trendcli.reports.notes import format_count
    from trendcli.store.identity import VENUES_FOLDER
    from trendcli.store.rebuild import rebuild_manifest

    if totals and corpus not in (None, ARXIV):
        raise UsageError("--totals applies to arXiv only; omit it, or --corpus.")
    monthly_totals = _read_monthly_totals(common, totals) if totals else None
    problems: list[StoreProblem] = []
    notes: list[str] = []
    corpora = [corpus] if corpus else _list_corpora(common.store_root())
    for name in corpora:
        if rebuild:
            for note in rebuild_manifest(common.store_root(name), name):
                common.print_note(_name_corpus(note, name))
        new_problems, new_notes = _check_corpus(common, name, monthly_totals if name == ARXIV else None, fix=fix)
        folder = "" if name == ARXIV or corpus else f"{VENUES_FOLDER}/{name}/"
        problems += [problem._replace(where=f"{folder}{problem.where}") for problem in new_problems]
        notes += [_name_corpus(note, name) for note in new_notes]
    finding_count = format_count(len(problems), "finding")
    labels = {"what": "What", "where": "Where", "do": "What to do"}
    common.write_report(
        Report(
            kind="doctor",
            title=f"{common.store_root(corpus or ARXIV)}: {finding_count if problems else 'no findings'}",
            corpus=corpus or ARXIV,
            synthetic=any(_is_synthetic(common.store_root(name)) for name in corpora),
            query={"totals": totals},
            columns=[Column(key, label, "text") for key, label in labels.items()],
            rows=[problem._asdict() for problem in problems],
            notes=notes,
        ),
        format,
        output,
    )
    if problems:
        raise FindingsReported(f"{finding_count}; see above for what to do.")


def _list_corpora(root: Path) -> list[str]:
    """Return the corpora that have a store in the folder; if none has, arXiv, so that its absence is reported."""
    from trendcli.store.identity import FolderState, inspect_folder
    from trendcli.store.store import list_venues

    venues = list_venues(root)
    return venues if venues and inspect_folder(root) == FolderState.empty else [ARXIV, *venues]


def _name_corpus(note: str, corpus: str) -> str:
    return note if corpus == ARXIV else f"{corpus}: {note}"


def _is_synthetic(root: Path) -> bool:
    from trendcli.store.store import read_manifest

    try:
        return read_manifest(root).synthetic
    except (FileNotFoundError, TrendError):
        return False


def _check_corpus(
    common: CommonOptions, corpus: str, monthly_totals: dict[str, int] | None, *, fix: bool
) -> tuple[list[StoreProblem], list[str]]:
    """Return the problems of the store of a corpus, and notes; repair it first with `fix`."""
    from trendcli.reports.doctor.check import check_store
    from trendcli.reports.doctor.problems import REBUILD_COMMAND, StoreProblem
    from trendcli.reports.doctor.repair import repair_store

    try:
        store = common.open_store(corpus)
    except StoreDamaged as error:
        return [StoreProblem(error.summary, "manifest.json", REBUILD_COMMAND)], []
    if fix:
        with store.write_lock():
            for note in repair_store(store, common.load_library()):
                common.print_note(_name_corpus(note, corpus))
    with common.progress_bar() as progress:
        return check_store(store, common.load_library(), monthly_totals, progress)


def _read_monthly_totals(common: CommonOptions, location: str) -> dict[str, int]:
    """Read the monthly totals from a file or a URL, by month."""
    from trendcli.reports.doctor.identifiers import parse_monthly_totals

    url = MONTHLY_TOTALS_URL if location == "arxiv" else location
    if not url.startswith(("http://", "https://")):
        return parse_monthly_totals(read_text(Path(url)), url)
    from trendcli.sources.http import InvalidResponse, build_session, fetch_body
    from trendcli.sources.reply import LimitExceeded

    def check_body(body: bytes, url: str) -> None:
        if len(body) > MAX_TOTALS_BYTES:
            raise LimitExceeded("too large for a list of months")
        try:
            parse_monthly_totals(body.decode(), url)
        except (UnicodeError, UsageError) as error:
            raise InvalidResponse(str(error).removesuffix(".")) from None

    session, _ = build_session(build_pace(common, url), common.resolved_settings[0].contact, check_body)
    return parse_monthly_totals(fetch_body(session, url).decode(), url)
