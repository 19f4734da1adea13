"""Options that cannot be combined: which were given, and what the message says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from trendcli.cli.conflicts import Conflict, changed_flags, check_conflicts, format_flag, given_flags, join_flags
from trendcli.core.errors import UsageError


@dataclass(frozen=True)
class Options:
    topic: list[str] | None = None
    min_count: int = 20
    primary_only: bool = False


def test_flags_are_named_as_they_are_typed() -> None:
    assert format_flag("min_count") == "--min-count"
    assert join_flags(["--a"], "or") == "--a"
    assert join_flags(["--a", "--b"], "or") == "--a or --b"
    assert join_flags(["--a", "--b", "--c"], "and") == "--a, --b and --c"


def test_an_option_of_a_group_is_given_where_it_differs_from_its_default() -> None:
    assert changed_flags(Options()) == set()
    assert changed_flags(Options(topic=[])) == set()  # as it is without any -t
    assert changed_flags(Options(["gan"], 0, True)) == {"--topic", "--min-count", "--primary-only"}
    assert given_flags({"--vs": "2018", "--by": None, "--reverse": False}) == {"--vs"}


def test_the_message_names_the_options_that_were_given_and_what_to_do() -> None:
    conflicts = [Conflict("--a", ("--b", "--c", "--d"), "Leave out --a."), Conflict("--e", ("--b",))]
    check_conflicts({"--a", "--e"}, conflicts)
    check_conflicts({"--b", "--c"}, conflicts)
    for given, message in (
        ({"--a", "--b"}, "--a cannot be combined with --b. Leave out --a."),
        ({"--a", "--d", "--b"}, "--a cannot be combined with --b or --d. Leave out --a."),
        ({"--b", "--e"}, "--e cannot be combined with --b."),
    ):
        with pytest.raises(UsageError) as caught:
            check_conflicts(given, conflicts)
        assert str(caught.value) == message
