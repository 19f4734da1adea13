"""The slices in which a window is requested from arXiv's API: nodes of the calendar, from years down to days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from trendcli.core.arxiv import list_category_names
from trendcli.core.periods import add_months
from trendcli.store.coverage import ALL_CATEGORIES

# a slice stays below the 10,000 results that can be paged to, with room for what is submitted meanwhile
MAX_SLICE_RESULTS = 9_000
# results a page, the smaller ones where arXiv answers the larger ones with a server error
PAGE_SIZES = (1000, 200)
DaySpan = tuple[date, date]


def split_into_nodes(since: date, until: date) -> list[DaySpan]:
    """Split the days [since, until) into the fewest nodes of the calendar: years, or what `split_node` makes of one."""

    def nodes_within(node: DaySpan) -> list[DaySpan]:
        if node[1] <= since or until <= node[0]:
            return []
        if since <= node[0] and node[1] <= until:
            return [node]
        return [part for half in split_node(*node) for part in nodes_within(half)]

    years = [(date(year, 1, 1), date(year + 1, 1, 1)) for year in range(since.year, until.year + 1)]
    return [part for year in years for part in nodes_within(year)]


def split_node(since: date, until: date) -> list[DaySpan]:
    """Split a node of the calendar: a year into halves, a half into quarters, months and finally days."""
    months = (until.year - since.year) * 12 + until.month - since.month
    if months > 1 and since.day == until.day == 1:
        step = 1 if months == 3 else months // 2
        edges = [add_months(since, offset) for offset in range(0, months + 1, step)]
    else:
        edges = [since, since + timedelta(days=(until - since).days // 2), until]
    return list(zip(edges, edges[1:], strict=False))


def estimate_requests(since: date, until: date, total: int) -> tuple[int, int]:
    """Estimate (slices, requests) to fetch `total` submissions that spread evenly over the days [since, until).

    Requests include those that only ask for a total.
    """
    queue = split_into_nodes(since, until)
    days, slices, requests = max((until - since).days, 1), 0, 0
    while queue:
        low, high = queue.pop()
        share = -(-total * (high - low).days // days)  # rounded up
        requests += 1 if share else 2  # a zero is requested twice
        if share > MAX_SLICE_RESULTS and (high - low).days > 1:
            queue += split_node(low, high)
        else:
            slices += 1
            requests += -(-share // PAGE_SIZES[0])
    return slices, requests


def build_query(categories: Sequence[str], low: datetime, high: datetime) -> str:
    """Build the query for some categories between two minutes, both inclusive; brackets, as there is no precedence."""
    dates = f"submittedDate:[{low:%Y%m%d%H%M} TO {high:%Y%m%d%H%M}]"
    if ALL_CATEGORIES in categories:
        return dates
    named = " OR ".join(f"cat:{name}" for category in sorted(categories) for name in list_category_names(category))
    return f"({named}) AND {dates}"


def split_slice(
    categories: Sequence[str], low: datetime, high: datetime
) -> list[tuple[Sequence[str], datetime, datetime]] | None:
    """Return both halves of a slice, by time or else by categories; None where it is one minute of one category."""
    minutes = int((high - low).total_seconds() // 60)
    if minutes > 1:
        middle = low + timedelta(minutes=minutes // 2)
        return [(categories, low, middle), (categories, middle, high)]
    if len(categories) > 1:
        half = len(categories) // 2
        return [(categories[:half], low, high), (categories[half:], low, high)]
    return None
