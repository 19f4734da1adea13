"""The fruit world: four topics and ten submissions whose counts a reader can compute by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.worlds import paper
from trendcli.core.periods import parse_period
from trendcli.core.types import Scope, Selection, ignore_progress
from trendcli.store.store import Store
from trendcli.topics.counting import PeriodCounts, count_submissions
from trendcli.topics.library import Library

FRUIT_TOPICS = """
topics:
  fruit: {name: Fruit}
  apple:
    parents: [fruit]
    phrases: [apple, apple pie]
    exclude: [apple computer]
  pear:
    parents: [fruit]
    phrases: [pear]
    categories: [cs.LG, stat.*]
  jam:
    parents: [apple, pear]
    acronyms: [JAM]
packs:
  all: [fruit, apple, pear, jam]
"""
FRUIT_NAMES = ("fruit", "apple", "pear", "jam")
LG_CL = Scope("two", ("cs.LG", "cs.CL"))

FRUIT_WORLD = [
    paper("1801.00001", "2018-01-05", "An apple"),
    paper("1801.00002", "2018-01-31T23:59:59", "An apple and a pear", categories="cs.LG cs.CL"),  # one, in two
    paper("1802.00003", "2018-02-01", "A pear", categories="cs.CL"),  # its guard keeps pear out
    paper("1802.00004", "2018-02-02", "A pear", categories="cs.CL stat.AP"),  # any category of the guard will do
    paper("1803.00005", "2018-03-03", "An apple computer", "Not an apple pie."),
    paper("1803.00006", "2018-03-04", "An apple computer"),
    paper("1804.00007", "2018-04-04", "JAM", categories="cs.CL"),  # the guards of its parents are not its own
    paper("1805.00008", "2018-05-05", "An apple", categories="cs.CV"),  # out of scope
    paper("1812.00009", "2018-12-31", "A cross-listed apple", categories="cs.CV cs.LG"),
    paper("1901.00010", "2019-01-01", "On apples", "Apples, and apples again."),
]


def count_fruit(store: Store, library: Library, *labels: str, **changes: Any) -> PeriodCounts:
    """Count the fruit topics in cs.LG and cs.CL, or a selection with other fields, in the periods of these labels."""
    fields = {"scope": LG_CL, "topics": FRUIT_NAMES, **changes}
    periods = [parse_period(label) for label in labels]
    return count_submissions(store, library, Selection(**fields), periods, ignore_progress)


def fruit_row(counts: PeriodCounts, label: str) -> Mapping[str, int]:
    """Return the total and the count of each fruit topic in the period of this label."""
    period = parse_period(label)
    return {"total": counts.totals[period], **{topic: counts.counts[topic, period] for topic in FRUIT_NAMES}}
