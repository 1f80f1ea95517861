"""How well scores agree with labels and with people: accuracy, macro-F1 and correlation in plain code."""

from __future__ import annotations

import math
from collections.abc import Sequence


def accuracy(labels: Sequence[str], calls: Sequence[str]) -> float:
    """Share of calls that are the label.

    >>> accuracy(["up", "down", "up", "up"], ["up", "up", "up", "down"])
    0.5
    """
    return sum(label == call for label, call in zip(labels, calls, strict=True)) / len(labels)


def macro_f1(labels: Sequence[str], calls: Sequence[str], classes: Sequence[str]) -> float:
    """Mean over the classes of F1 = 2 TP / (2 TP + FP + FN); a class without any of them counts 0."""
    pairs = list(zip(labels, calls, strict=True))
    total = 0.0
    for name in classes:
        hits = sum(label == name == call for label, call in pairs)
        wrong = sum((label == name) != (call == name) for label, call in pairs)
        total += 2 * hits / (2 * hits + wrong or 1)
    return total / len(classes)


def pearson(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's correlation, -1 to 1; NaN where either does not vary."""
    mean_1, mean_2 = math.fsum(first) / len(first), math.fsum(second) / len(second)
    pairs = [(one - mean_1, other - mean_2) for one, other in zip(first, second, strict=True)]
    together = math.fsum(one * other for one, other in pairs)
    alone = math.sqrt(math.fsum(one * one for one, _ in pairs) * math.fsum(other**2 for _, other in pairs))
    return together / alone if alone else math.nan


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of theirs."""
    return pearson(_ranks(first), _ranks(second))


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + end + 1) / 2
        start = end
    return ranks
