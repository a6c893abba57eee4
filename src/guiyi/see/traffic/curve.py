"""The return curve: which set of k channels keeps how much reach. Pure.

Keeping a set S reaches everybody but those whose channels all lie outside of S. With f(C) = people whose channels all
lie in C, the best set of k channels leaves out the C of n - k channels with the least f(C). Up to `EXACT_CHANNELS`
channels f is computed for every C at once (sums over subsets, 2 ** n entries), so every point is exact. Beyond,
channels are added greedily; since reach is submodular, no set of k channels reaches more than a greedy prefix plus its
k best single gains, and the least of these sums over all prefixes is the bound.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from guiyi.see.traffic.masks import MaskTable, bits_of, places_set
from guiyi.see.traffic.model import CurveMethod, CurvePoint

EXACT_CHANNELS: Final = 24
"""Channels with any reach up to which every set is weighed: 2 ** 24 sums of 8 bytes, about a second."""


def return_curve(table: MaskTable, names: Sequence[str]) -> tuple[CurvePoint, ...]:
    """Return the best set of 1, 2, … channels, up to all that reach anybody.

    Args:
        table: People by the channels on which they are active.
        names: Channel ids in the order of the places.
    """
    used = places_set(table.reach())
    bits = bits_of(table.words, table.places)[:, used]
    ids = [names[place] for place in used]
    if not ids:
        return ()
    if len(ids) <= EXACT_CHANNELS:
        return _exact(bits, table, ids)
    return _greedy(bits, table, ids)


def _exact(bits: NDArray[np.bool_], table: MaskTable, ids: list[str]) -> tuple[CurvePoint, ...]:
    count = len(ids)
    compact = bits @ (1 << np.arange(count, dtype=np.int64))
    within = np.bincount(compact, weights=table.customers, minlength=1 << count).astype(np.int64)
    for place in range(count):
        halves = within.reshape(-1, 2, 1 << place)
        halves[:, 1] += halves[:, 0]
    size = np.bitwise_count(np.arange(1 << count, dtype=np.uint32))
    points: list[CurvePoint] = []
    for kept in range(1, count + 1):
        closings = np.flatnonzero(size == count - kept)
        closed = int(closings[np.argmin(within[closings])])
        reach = table.total - int(within[closed])
        channels = tuple(name for place, name in enumerate(ids) if not closed >> place & 1)
        points.append(CurvePoint(channels, reach, reach, CurveMethod.EXACT))
    return tuple(points)


def _greedy(bits: NDArray[np.bool_], table: MaskTable, ids: list[str]) -> tuple[CurvePoint, ...]:
    count = len(ids)
    reached = np.zeros(len(bits), dtype=np.bool_)
    chosen: list[int] = []
    reaches: list[int] = []
    bound = np.full(count, table.total, dtype=np.int64)
    for _ in range(count):
        left = np.where(reached, 0, table.customers)
        gains = left @ bits
        best_sums = (table.total - int(left.sum())) + np.cumsum(np.sort(gains)[::-1])
        bound = np.minimum(bound, best_sums)
        gains[chosen] = -1
        chosen.append(int(np.argmax(gains)))
        reached |= bits[:, chosen[-1]]
        reaches.append(int(table.customers[reached].sum()))
    return tuple(
        CurvePoint(
            channels=tuple(ids[place] for place in sorted(chosen[: size + 1])),
            reach=reaches[size],
            bound=int(bound[size]),
            method=CurveMethod.EXACT if reaches[size] == bound[size] else CurveMethod.GREEDY,
        )
        for size in range(count)
    )
