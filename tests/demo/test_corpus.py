"""The synthetic corpus: the same for the same seed, and with its planted trends."""

from __future__ import annotations

from collections import Counter

import pytest

from trendcli.demo.corpus import TOPIC_SHARES, YEARLY_COUNTS, build_corpus


def test_the_same_seed_gives_the_same_corpus() -> None:
    corpus = build_corpus(seed=3, yearly_counts={2018: 60})
    assert build_corpus(seed=3, yearly_counts={2018: 60}) == corpus
    assert build_corpus(seed=4, yearly_counts={2018: 60}) != corpus


@pytest.mark.journey
def test_the_planted_trends_are_there() -> None:
    submissions = build_corpus()
    assert len(submissions) == sum(YEARLY_COUNTS.values()) >= 20_000
    assert {p.published_at.year for p in submissions} == {2015, 2016, 2017, 2018, 2019}
    assert {c for p in submissions for c in p.categories} == {"cs.LG", "cs.CL", "cs.CV", "cs.NE", "stat.ML"}
    assert len({p.id for p in submissions}) == len(submissions)
    assert 0.3 < sum(len(p.versions) > 1 for p in submissions) / len(submissions) < 0.45
    assert 0.4 < sum(len(p.categories) > 1 for p in submissions) / len(submissions) < 0.7

    counts = Counter((topic, p.published_at.year) for p in submissions for topic in p.topics)

    def shares(topic: str) -> list[float]:
        return [counts[topic, year] / YEARLY_COUNTS[year] for year in YEARLY_COUNTS]

    assert shares("rnn")[-1] < 0.7 * shares("rnn")[-2]
    assert shares("transformer")[0] == 0.0 < shares("transformer")[-1]
    gan = shares("gan")
    assert gan[-1] < gan[-2] and gan[-1] * YEARLY_COUNTS[2019] > gan[-2] * YEARLY_COUNTS[2018]
    assert all(max(TOPIC_SHARES, key=lambda topic: shares(topic)[n]) == "rl" for n in range(5))
