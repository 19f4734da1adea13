"""Turning points of series: where topics cross, where one is first seen, where one comes back after a quiet time."""

from __future__ import annotations

from collections.abc import Sequence

# a topic has crossed another when it stays above for so many periods
MIN_LEAD_PERIODS = 3
# a quiet time: so many years below this part of the earlier peak
MIN_QUIET_YEARS, MAX_QUIET_FRACTION = 3, 0.1

ShareSeries = Sequence[float | None]


def find_crossovers(
    first: ShareSeries, second: ShareSeries, min_periods: int = MIN_LEAD_PERIODS
) -> list[tuple[int, bool]]:
    """(place, whether the first is now above) of every period from which one share stays above the other.

    The other was above before, and the one stays above for `stays` periods; a hole in either ends all that came before.
    """
    found: list[tuple[int, bool]] = []
    above: bool | None = None  # who is known to be above
    run: tuple[int, bool] | None = None  # where the present run of one sign began
    for place, (a, b) in enumerate(zip(first, second, strict=True)):
        if a is None or b is None:
            above = run = None
            continue
        if a == b:
            run = None
            continue
        if run is None or run[1] != (a > b):
            run = (place, a > b)
        if place - run[0] + 1 == min_periods:
            if above is not None and above != run[1]:
                found.append(run)
            above = run[1]
    return found


def find_first_occurrence(counts: Sequence[int | None]) -> int | None:
    """The place of the first period with a match, where a period that is known to have none lies before it."""
    for place, number in enumerate(counts):
        if number:
            return place if place and None not in counts[:place] else None
    return None


def find_resurgence(shares: ShareSeries, verdicts: Sequence[str]) -> int | None:
    """The last year that rises after QUIET_YEARS or more below QUIET of the peak before them; None where none does."""
    for place in range(len(shares) - 1, MIN_QUIET_YEARS, -1):
        if verdicts[place] != "rising":
            continue
        quiet = place
        for start in range(place - MIN_QUIET_YEARS, 0, -1):
            before = [share for share in shares[:start] if share is not None]
            span = shares[start:place]
            if before and all(share is not None and share < MAX_QUIET_FRACTION * max(before) for share in span):
                quiet = start
                break
        if quiet < place:
            return place
    return None
