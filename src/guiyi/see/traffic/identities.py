"""Which values belong together: connected components over the pairs that channel identities join. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Components:
    """The customers behind the values; arrays with one place a value."""

    person: Ints
    """Number of the customer, from 0 without gaps; -1 where the component is in conflict."""
    linked: int
    """Customers."""
    conflicted: Ints
    """Values of components with two customer numbers or more, ascending."""
    conflict: Ints
    """For each of `conflicted`, the number of its component."""


def component_labels(count: int, low: Ints, high: Ints) -> Ints:
    """Return for each of `count` nodes the least node of its component; `low` and `high` are the ends of the edges.

    Every root that touches a smaller one hangs itself under it, then all paths are cut short; the number of roots falls
    geometrically, so a chain of a million takes about twenty rounds.
    """
    labels = np.arange(count, dtype=np.int64)
    while len(low):
        low, high = labels[low], labels[high]
        apart = low != high
        low, high = np.minimum(low, high)[apart], np.maximum(low, high)[apart]
        np.minimum.at(labels, high, low)
        while not np.array_equal(shorter := labels[labels], labels):
            labels = shorter
    return labels


def resolve(count: int, low: Ints, high: Ints, numbers: Ints) -> Components:
    """Give every value its customer.

    Args:
        count: Values, numbered from 0.
        low: One end of each pair of values that a channel identity joins.
        high: The other end.
        numbers: The values that are customer numbers, each once.

    Two customer numbers in one component are a conflict: nobody knows whose keys they are, so none is linked.
    """
    labels = component_labels(count, low, high)
    numbers_of = np.bincount(labels[numbers], minlength=count)
    in_conflict = numbers_of[labels] > 1
    roots = np.flatnonzero((labels == np.arange(count)) & ~in_conflict)
    person = np.full(count, -1, dtype=np.int64)
    person[roots] = np.arange(len(roots))
    person = np.where(in_conflict, -1, person[labels])
    conflicted = np.flatnonzero(in_conflict)
    return Components(person=person, linked=len(roots), conflicted=conflicted, conflict=labels[conflicted])
