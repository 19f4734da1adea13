"""A synthetic corpus with planted trends. Nothing in it was ever submitted anywhere.

Planted, for reports to find again: recurrent networks fall, GANs rise in count and fall in share, transformers start
from nothing, reinforcement learning is the largest topic throughout.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

FIRST_YEAR = 2015
LAST_YEAR = 2019
# submissions a year: they double in about two years, as the real ones did
YEARLY_COUNTS = {2015: 2600, 2016: 3600, 2017: 4800, 2018: 6200, 2019: 7800}
# shares of primary categories
CATEGORY_WEIGHTS = {"cs.LG": 0.34, "cs.CV": 0.26, "cs.CL": 0.18, "stat.ML": 0.14, "cs.NE": 0.08}
# share of the submissions of a year that are about a topic; a submission may be about several
TOPIC_SHARES: Mapping[str, Mapping[int, float]] = {
    "rl": {2015: 0.110, 2016: 0.115, 2017: 0.124, 2018: 0.134, 2019: 0.144},
    "rnn": {2015: 0.090, 2016: 0.098, 2017: 0.086, 2018: 0.064, 2019: 0.042},
    "gan": {2015: 0.030, 2016: 0.050, 2017: 0.070, 2018: 0.082, 2019: 0.075},
    "transformer": {2015: 0.0, 2016: 0.0, 2017: 0.006, 2018: 0.024, 2019: 0.062},
    "cnn": {2015: 0.100, 2016: 0.104, 2017: 0.098, 2018: 0.090, 2019: 0.080},
    "gnn": {2015: 0.003, 2016: 0.005, 2017: 0.010, 2018: 0.022, 2019: 0.045},
    "meta-learning": {2015: 0.004, 2016: 0.006, 2017: 0.013, 2018: 0.024, 2019: 0.031},
    "vae": {2015: 0.016, 2016: 0.021, 2017: 0.027, 2018: 0.030, 2019: 0.030},
    "bayesian": {2015: 0.060, 2016: 0.055, 2017: 0.047, 2018: 0.041, 2019: 0.036},
    "transfer-learning": {2015: 0.022, 2016: 0.026, 2017: 0.032, 2018: 0.040, 2019: 0.050},
    "adversarial-examples": {2015: 0.006, 2016: 0.010, 2017: 0.022, 2018: 0.040, 2019: 0.050},
    "interpretability": {2015: 0.014, 2016: 0.017, 2017: 0.022, 2018: 0.027, 2019: 0.032},
}
_TOPIC_PHRASES: Mapping[str, Sequence[str]] = {
    "rl": ["reinforcement learning", "deep reinforcement learning", "policy gradients", "Q-learning"],
    "rnn": ["recurrent neural networks", "RNNs", "LSTM", "long short-term memory", "gated recurrent units"],
    "gan": ["generative adversarial networks", "GANs", "a conditional GAN", "Wasserstein GANs"],
    "transformer": ["the Transformer architecture", "Transformers", "a transformer model"],
    "cnn": ["convolutional neural networks", "CNNs", "a convolutional network"],
    "gnn": ["graph neural networks", "graph convolutional networks", "GNNs"],
    "meta-learning": ["meta-learning", "learning to learn", "a meta-learner"],
    "vae": ["variational autoencoders", "variational auto-encoders", "VAEs"],
    "bayesian": ["Bayesian inference", "variational inference", "a posterior distribution"],
    "transfer-learning": ["transfer learning", "fine-tuning", "a fine-tuned model"],
    "adversarial-examples": ["adversarial examples", "adversarial attacks", "adversarial robustness"],
    "interpretability": ["interpretability", "explainable models", "interpretable predictions"],
}
_TASKS = (
    "image classification;speech recognition;parsing;object detection;question answering;robotic grasping;ranking;"
    "sequence labelling;forecasting;anomaly detection;image segmentation;dialogue;control;clustering;retrieval"
).split(";")
_ADJECTIVES = (
    "efficient;robust;scalable;simple;sample-efficient;hierarchical;distributed;sparse;weakly supervised;online".split(
        ";"
    )
)
_NOUNS = "approach;study;method;framework;analysis;perspective;baseline;treatment".split(";")
_RESULT_SENTENCES = (
    "It improves on the baseline by a clear margin.;The gain holds over five random seeds.;An ablation shows which part"
    " matters.;We prove a bound that is tight up to constants.;The code is short.;We discuss where it fails.;Training"
    " takes a day on one machine.;A user study supports the finding.;The effect vanishes for small data."
).split(";")
_GIVEN_NAMES = (
    "Ada Bo Chen Dana Emil Farah Goran Hana Ines Jun Kofi Lena Mio Noor Otto Priya Quim Rosa Sven Tariq".split()
)
_FAMILY_NAMES = (
    "Abel Brandt Castro Dimitrov Eriksen Fofana Garcia Hoang Ivanova Jansen Kim Lindqvist Moreau Novak Okafor".split()
)


@dataclass(frozen=True)
class SyntheticSubmission:
    """One submission as arXiv lists it: `versions` are UTC moments of v1, v2, …; the primary category comes first.

    `affiliations` are by index of the author. `changed` is the day on which its metadata last changed; None means the
    day after its last version.
    """

    id: str
    versions: tuple[datetime, ...]
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    comment: str | None = None
    journal_ref: str | None = None
    doi: str | None = None
    affiliations: Mapping[int, Sequence[str]] = field(default_factory=dict)
    topics: frozenset[str] = frozenset()
    changed: date | None = None
    withdrawn: bool = False

    @property
    def published_at(self) -> datetime:
        """The moment of version 1."""
        return self.versions[0]


def build_corpus(seed: int = 1, yearly_counts: Mapping[int, int] = YEARLY_COUNTS) -> list[SyntheticSubmission]:
    """Build the corpus, by year and oldest first within one; the same seed gives the same submissions.

    `yearly_counts` are submissions a year; the default is 25,000 over 2015–2019.
    """
    rng = random.Random(seed)
    submissions = []
    for year, count in yearly_counts.items():
        timestamps = sorted(_random_timestamp(year, rng) for _ in range(count))
        numbers: dict[int, int] = {}
        for at in timestamps:
            numbers[at.month] = numbers.get(at.month, 0) + 1
            submissions.append(_build_submission(f"{at:%y%m}.{numbers[at.month]:05d}", at, rng))
    return submissions


# how the submissions of a year spread over its months: growth, a dip in summer and at the turn of the year
_MONTH_WEIGHTS = (0.80, 0.84, 0.92, 0.94, 1.04, 1.02, 0.95, 0.92, 1.06, 1.18, 1.22, 1.11)


def _random_timestamp(year: int, rng: random.Random) -> datetime:
    """Draw a moment of a year, mostly on weekdays."""
    while True:
        month = rng.choices(range(1, 13), _MONTH_WEIGHTS)[0]
        at = datetime(year, month, 1, tzinfo=UTC) + timedelta(days=rng.randrange(31), seconds=rng.randrange(86400))
        if at.month == month and (at.weekday() < 5 or rng.random() < 0.25):
            return at


def _build_submission(ident: str, at: datetime, rng: random.Random) -> SyntheticSubmission:
    topics = [topic for topic, shares in TOPIC_SHARES.items() if rng.random() < shares.get(at.year, 0.0)]
    primary = rng.choices(list(CATEGORY_WEIGHTS), list(CATEGORY_WEIGHTS.values()))[0]
    cross_lists = [name for name in CATEGORY_WEIGHTS if name != primary and rng.random() < 0.22]
    versions = [at]
    while rng.random() < 0.38 and len(versions) < 5:
        versions.append(versions[-1] + timedelta(days=rng.randint(3, 120), seconds=rng.randrange(86400)))
    task, adjective, noun = rng.choice(_TASKS), rng.choice(_ADJECTIVES), rng.choice(_NOUNS)
    phrases = [rng.choice(_TOPIC_PHRASES[topic]) for topic in topics]
    subject = phrases[0] if phrases and rng.random() < 0.6 else f"{task} models"
    article = "an" if adjective[0] in "aeiou" else "a"
    title = f"{article.capitalize()} {adjective} {noun} of {subject} for {task}"
    sentences = [f"We study {task} and present {article} {adjective} {noun}."]
    for topic, phrase in zip(topics, phrases, strict=True):
        sentences.append(f"It builds on {phrase} and asks what they add to {task}.")
        if rng.random() < 0.5:
            sentences.append(f"Compared with earlier work, {rng.choice(_TOPIC_PHRASES[topic])} need fewer parameters.")
    sentences += [*rng.sample(_RESULT_SENTENCES, rng.randint(2, 4)), "This abstract is made up."]
    authors = tuple(f"{rng.choice(_GIVEN_NAMES)} {rng.choice(_FAMILY_NAMES)}" for _ in range(rng.randint(1, 5)))
    return SyntheticSubmission(
        id=ident,
        versions=tuple(versions),
        title=title,
        abstract=" ".join(sentences),
        authors=authors,
        categories=(primary, *cross_lists),
        comment=f"{rng.randint(4, 30)} pages, made up" if rng.random() < 0.4 else None,
        topics=frozenset(topics),
    )
