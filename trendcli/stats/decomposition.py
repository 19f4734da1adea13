"""Decompose the change of a share: how much changed within the categories, and how much by their mix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Contribution(NamedTuple):
    """What one group contributes to the change of the overall share, as differences of shares (0.01: one point).

    `within` is due to the share inside the group, `mix` to the weight of the group among all submissions.
    """

    within: float
    mix: float


def decompose_share_change(groups: Sequence[tuple[int, int, int, int]]) -> list[Contribution]:
    """Return the contribution of each group to the change of the overall share; together they add up to it.

    `groups` are disjoint and given as (count 1, total 1, count 2, total 2). Both periods need a submission in some
    group: ZeroDivisionError otherwise.

    With w the weight of a group among all submissions and s the share in it, `within` is the mean weight times the
    change of s, and `mix` the change of w times the distance of the mean s from the mean overall share (Kitagawa 1955;
    the second is centred, which changes no sum because the changes of the weights add up to 0). A group that is empty
    in one of the periods has no share there; that of the other period stands in, so that it contributes by mix alone.
    """
    overall_1, overall_2 = sum(group[1] for group in groups), sum(group[3] for group in groups)
    mean_share = (sum(group[0] for group in groups) / overall_1 + sum(group[2] for group in groups) / overall_2) / 2
    contributions = []
    for count_1, total_1, count_2, total_2 in groups:
        if not total_1 and not total_2:
            contributions.append(Contribution(0.0, 0.0))
            continue
        share_1 = count_1 / total_1 if total_1 else count_2 / total_2
        share_2 = count_2 / total_2 if total_2 else share_1
        weight_1, weight_2 = total_1 / overall_1, total_2 / overall_2
        contributions.append(
            Contribution(
                (weight_1 + weight_2) / 2 * (share_2 - share_1),
                (weight_2 - weight_1) * ((share_1 + share_2) / 2 - mean_share),
            )
        )
    return contributions
