"""Turning points of series: where topics cross, where one first occurs, where one returns after quiet years."""

from __future__ import annotations

from collections.abc import Sequence

# periods for which a topic has to stay above another to count as above it
MIN_LEAD_PERIODS = 3
# years in a row that make a topic quiet
MIN_QUIET_YEARS = 3
# the fraction of its earlier peak below which a topic is quiet
MAX_QUIET_FRACTION = 0.1

# the share of a topic in consecutive periods, as a fraction; None where it is not known
ShareSeries = Sequence[float | None]


def find_crossovers(
    first: ShareSeries, second: ShareSeries, min_periods: int = MIN_LEAD_PERIODS
) -> list[tuple[int, bool]]:
    """Return (index, whether the first is now above) of every period in which the order of two shares changes for good.

    The one that takes the lead was below before, and stays above for `min_periods` periods or more; so did the other
    before it. Where a share is not known, the order of all earlier periods is forgotten. Raise ValueError if the series
    differ in length.
    """
    crossovers: list[tuple[int, bool]] = []
    leader: bool | None = None  # whether the first is above, once either has been for `min_periods`
    run: tuple[int, bool] | None = None  # where the current run of one order began, and which
    for index, (share_1, share_2) in enumerate(zip(first, second, strict=True)):
        if share_1 is None or share_2 is None:
            leader = run = None
            continue
        if share_1 == share_2:
            run = None
            continue
        if run is None or run[1] != (share_1 > share_2):
            run = (index, share_1 > share_2)
        if index - run[0] + 1 == min_periods:
            if leader is not None and leader != run[1]:
                crossovers.append(run)
            leader = run[1]
    return crossovers


def find_first_occurrence(counts: Sequence[int | None]) -> int | None:
    """Return the index of the first count above 0, or None if nothing is above 0 or it may have been earlier.

    It is the first only after a period with a count of 0, and where all counts before it are known (not None).
    """
    for index, count in enumerate(counts):
        if count:
            return index if index and None not in counts[:index] else None
    return None


def find_resurgence(shares: ShareSeries, verdicts: Sequence[str]) -> int | None:
    """Return the index of the last year in which a topic rises after quiet years, or None if there is no such year.

    `shares` and `verdicts` are those of consecutive years, a verdict that of the change from the year before. Quiet are
    MIN_QUIET_YEARS or more with shares below MAX_QUIET_FRACTION of the peak before them, all of them known.
    """
    for year in range(len(shares) - 1, MIN_QUIET_YEARS, -1):
        if verdicts[year] != "rising":
            continue
        for start in range(year - MIN_QUIET_YEARS, 0, -1):
            earlier = [share for share in shares[:start] if share is not None]
            quiet = shares[start:year]
            if earlier and all(share is not None and share < MAX_QUIET_FRACTION * max(earlier) for share in quiet):
                return year
    return None
