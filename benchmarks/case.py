"""A case: one piece of work, the ways to do it, and how their answers are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

Data = TypeVar("Data")
Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Way(Generic[Data]):
    """One way to do the work.

    Attributes
    ----------
    name : str
        Short: it heads a row of the table, and a column if it is a baseline.
    run : callable(data) -> answer
        Everything from the data to the answer; nothing is kept between two calls.
    """

    name: str
    run: Callable[[Data], Any]


@dataclass(frozen=True)
class Agreement:
    """How far an answer is from what it must be.

    Attributes
    ----------
    what : str
        What was compared with what.
    found, allowed : float
        The difference, and the largest one that passes.
    """

    what: str
    found: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether the difference is allowed; one that is not a number is not."""
        return bool(self.found <= self.allowed)  # numpy's own truth values are no JSON

    def __str__(self) -> str:
        relation = "within" if self.holds else "ABOVE"
        return f"{self.what}: {self.found:.2g}, {relation} {self.allowed:.2g}"


@dataclass(frozen=True)
class Case(Generic[Data]):
    """A piece of work and the ways to do it.

    Attributes
    ----------
    name : str
        As ``--case`` takes it.
    summary : str
        One line, for ``--list``.
    prepare : callable(quick) -> data
        Makes the data, the same in every process; small ones if ``quick``.
    title : callable(data) -> str
        What was done, with the sizes as they really are.
    ways : sequence of Way
    baselines : sequence of str
        The ways that every way's median is divided by; the first is the peer.
    check : callable(data, answers) -> agreements
        Compares the answers, which come by the ways' names.
    figures : callable(data, answer) -> mapping
        What else is to be told of an answer, such as its accuracy.
    notes : sequence of str
        What a reader must know to judge the comparison.
    """

    name: str
    summary: str
    prepare: Callable[[bool], Data]
    title: Callable[[Data], str]
    ways: Sequence[Way[Data]]
    baselines: Sequence[str]
    check: Callable[[Data, Answers], Sequence[Agreement]]
    figures: Callable[[Data, Any], Mapping[str, float]] = lambda data, answer: {}
    notes: Sequence[str] = ()

    def way(self, name: str) -> Way[Data]:
        """Return the way of that name."""
        return next(way for way in self.ways if way.name == name)


class DisagreementError(Exception):
    """The ways of a case do not give the same answer, so their times mean nothing.

    Attributes
    ----------
    case : str
    agreements : sequence of Agreement
        All comparisons, those that hold too.
    """

    def __init__(self, case: str, agreements: Sequence[Agreement]) -> None:
        self.case, self.agreements = case, agreements
        wrong = "; ".join(str(agreement) for agreement in agreements if not agreement.holds)
        super().__init__(f"{case}: the answers disagree, nothing was timed: {wrong}")


def relative_error(answer: Any, reference: Any) -> float:
    """Return the largest difference of two arrays as a share of the reference's largest entry."""
    answer, reference = np.asarray(answer, np.float64), np.asarray(reference, np.float64)
    if answer.shape != reference.shape:  # not to be hidden by broadcasting
        return float("inf")
    return float(np.abs(answer - reference).max() / np.abs(reference).max())
