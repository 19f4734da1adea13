from __future__ import annotations

import pickle

from trendcli.core import errors
from trendcli.core.errors import RetryableError, SourceUnreachable, TrendError, suggest_names


def test_the_exit_codes_are_those_of_the_table() -> None:
    classes = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, TrendError)}  # fmt: skip
    rows = [line.lstrip("├└─│ ").split()[:2] for line in (errors.__doc__ or "").splitlines() if line.lstrip("├└─│ ")[:1].isupper()]  # fmt: skip
    table = {row[0]: int(row[1]) for row in rows if row[0] in classes}
    assert table == {name: kind.exit_code for name, kind in classes.items()}


def test_the_summary_is_the_first_sentence_without_its_full_stop() -> None:
    assert TrendError("arXiv does not answer (status 503). Nothing was stored.").summary == (
        "arXiv does not answer (status 503)"
    )
    assert TrendError("Nothing is new.").summary == "Nothing is new"
    assert TrendError("see example.org/a.b").summary == "see example.org/a.b"


def test_a_retryable_error_carries_the_status_of_the_reply_through_processes() -> None:
    error = SourceUnreachable("Refused.", status=403)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.status, RetryableError("Torn.").status) == ("Refused.", 403, None)


def test_similar_names_are_suggested() -> None:
    assert suggest_names("gna", ["gan", "rnn", "transformer"]) == " (did you mean gan?)"
    assert suggest_names("zzz", ["gan"]) == ""
