"""The change of a share, taken apart: did it change inside the categories, or did the categories change?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Contribution(NamedTuple):
    """What one part of the base contributes to the change of a share, as differences of shares."""

    within: float
    mix: float


def decompose_share_change(groups: Sequence[tuple[int, int, int, int]]) -> list[Contribution]:
    """The contributions of parts given as (count 1, base 1, count 2, base 2); all of them add up to the change.

    With w the weight of a part in the base and s the share in it, `within` is the mean weight times the change of s,
    and `mix` the change of w times how far the mean s lies from the mean share of the whole (Kitagawa 1955; the
    second is centred, which changes no sum since the changes of the weights add up to 0). A part that is empty in one
    of the periods has no share there; that of the other period stands in, so that it counts as mix alone.
    """
    whole_1, whole_2 = sum(part[1] for part in groups), sum(part[3] for part in groups)
    middle = (sum(part[0] for part in groups) / whole_1 + sum(part[2] for part in groups) / whole_2) / 2
    found = []
    for count_1, base_1, count_2, base_2 in groups:
        if not base_1 and not base_2:
            found.append(Contribution(0.0, 0.0))
            continue
        share_1 = count_1 / base_1 if base_1 else count_2 / base_2
        share_2 = count_2 / base_2 if base_2 else share_1
        weight_1, weight_2 = base_1 / whole_1, base_2 / whole_2
        found.append(
            Contribution(
                (weight_1 + weight_2) / 2 * (share_2 - share_1),
                (weight_2 - weight_1) * ((share_1 + share_2) / 2 - middle),
            )
        )
    return found
