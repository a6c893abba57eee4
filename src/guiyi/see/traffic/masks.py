"""Groups of people by a set of channels, functions or months: a mask in words of 64 bits, and a count. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from guiyi.see.traffic.engine import Column

Words = NDArray[np.uint64]
"""Shape (groups, words)."""
Counts = NDArray[np.int64]

WORD_BITS: Final = 64
CHUNK_ROWS: Final = 65_536
"""Groups spread out into bits at a time."""
MOST_PEOPLE: Final = 1 << 53
"""Sums of fewer are exact in float64."""


def words_for(places: int) -> int:
    """Return how many words a mask of so many places has; at least one."""
    return max(1, -(-places // WORD_BITS))


def mask_of(places: Iterable[int], words: int) -> Words:
    """Return the mask, shape (words,), in which exactly `places` are set."""
    mask = [0] * words
    for place in places:
        mask[place // WORD_BITS] |= 1 << (place % WORD_BITS)
    return np.array(mask, dtype=np.uint64)


def words_of(columns: Mapping[str, Column], letter: str, words: int) -> Words:
    """Gather the columns `letter`0, `letter`1, … of an engine's answer."""
    for word in range(words):
        if columns[f"{letter}{word}"].dtype != np.uint64:
            raise AssertionError(f"{letter}{word} came as {columns[f'{letter}{word}'].dtype}: bits may be lost")
    if not words:
        raise AssertionError("a mask has at least one word")
    return np.stack([columns[f"{letter}{word}"] for word in range(words)], axis=1).astype(np.uint64, copy=False)


def bits_of(words: Words, places: int) -> NDArray[np.bool_]:
    """Spread masks out: shape (groups, places)."""
    place = np.arange(places)
    shift = (place % WORD_BITS).astype(np.uint64)
    return ((words[:, place // WORD_BITS] >> shift) & np.uint64(1)).astype(np.bool_)


@dataclass(frozen=True, slots=True)
class MaskTable:
    """Groups of people; every group has at least one place set, and every person is in exactly one group."""

    words: Words
    customers: Counts
    places: int

    @classmethod
    def grouped(cls, words: Words, customers: Counts, places: int) -> "MaskTable":
        """Make the table from groups of which several may have the same mask."""
        if not len(words):
            return cls(words, customers, places)
        order = np.lexsort(words.T)
        words, customers = words[order], customers[order]
        first = np.concatenate(([True], (words[1:] != words[:-1]).any(axis=1)))
        starts = np.flatnonzero(first)
        return cls(words[starts], np.add.reduceat(customers, starts), places)

    @property
    def total(self) -> int:
        """All people."""
        return int(self.customers.sum())

    def reach(self) -> Counts:
        """Return for each place the people who have it."""
        return np.diagonal(self.shared()).copy()

    def exclusive(self) -> Counts:
        """Return for each place the people who have it alone."""
        alone = np.bitwise_count(self.words).sum(axis=1) == 1
        return MaskTable(self.words[alone], self.customers[alone], self.places).reach()

    def shared(self) -> Counts:
        """Return (place, place) -> people who have both; the diagonal is the reach of one."""
        if self.total >= MOST_PEOPLE:
            raise AssertionError("more people than float64 counts exactly")
        pairs = np.zeros((self.places, self.places), dtype=np.float64)
        for start in range(0, len(self.words), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            bits = bits_of(self.words[rows], self.places).astype(np.float64)
            pairs += (bits * self.customers[rows, None]).T @ bits
        return pairs.astype(np.int64)

    def lost(self, closed: Iterable[int]) -> int:
        """Return the people of whom no place is left when `closed` are gone."""
        kept = ~mask_of(closed, self.words.shape[1])
        return int(self.customers[((self.words & kept) == 0).all(axis=1)].sum())


def names_of(words: Words, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each mask the names of its places, in the order of the names."""
    return [tuple(names[place] for place in places_set(row)) for row in bits_of(words, len(names))]


def places_set(row: NDArray[np.bool_] | Counts) -> list[int]:
    """Return the places of a one-dimensional array that are not zero."""
    return [int(place) for place in np.flatnonzero(row)]
