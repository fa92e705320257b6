"""One case, measured: answers compared, then times in turn, then memory."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

from benchmarks.case import Agreement, Case, DisagreementError
from benchmarks.memory import child_peak
from benchmarks.rounds import Progress, Times, time_in_turn


@dataclass(frozen=True)
class WayResult:
    """What was measured of one way.

    Attributes
    ----------
    times : Times
    ratios : mapping
        Its median as a share of each baseline's.
    figures : mapping
        What the case tells of its answer.
    peak_bytes : int or None
        None if memory was not measured.
    """

    name: str
    times: Times
    ratios: Mapping[str, float]
    figures: Mapping[str, float]
    peak_bytes: int | None


@dataclass(frozen=True)
class CaseResult:
    """What was measured of a case.

    Attributes
    ----------
    prepared_bytes : int or None
        Memory of a process that only imports and holds the data.
    """

    name: str
    title: str
    notes: Sequence[str]
    agreements: Sequence[Agreement]
    ways: Sequence[WayResult]
    prepared_bytes: int | None

    def summary(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "name": self.name,
            "title": self.title,
            "notes": list(self.notes),
            "agreements": summary_of(self.agreements),
            "prepared_bytes": self.prepared_bytes,
            "ways": [
                {
                    "name": way.name,
                    "seconds": list(way.times.seconds),
                    "median": way.times.median,
                    "min": way.times.fastest,
                    "max": way.times.slowest,
                    "ratios": dict(way.ratios),
                    "peak_bytes": way.peak_bytes,
                    **way.figures,
                }
                for way in self.ways
            ],
        }


def summary_of(agreements: Sequence[Agreement]) -> list[dict[str, Any]]:
    """Return agreements as JSON takes them."""
    return [
        {
            "what": agreement.what,
            "found": float(agreement.found) if isfinite(agreement.found) else None,  # JSON has none
            "allowed": agreement.allowed,
            "holds": agreement.holds,
        }
        for agreement in agreements
    ]


def measure(
    case: Case,
    *,
    quick: bool,
    repeats: int,
    threads: int,
    reference: str | None,
    progress: Progress = lambda text: None,
) -> CaseResult:
    """Measure a case.

    Parameters
    ----------
    case : Case
    quick : bool
    repeats : int
        Timed rounds.
    threads : int
        Those of the fresh processes; the caller has fixed this one's to the same number.
    reference : str or None
        Where a fresh process finds the case ("module:NAME"); with None memory is not measured.
    progress : callable(text)

    Returns
    -------
    CaseResult

    Raises
    ------
    DisagreementError
        If the answers differ by more than the case allows; nothing is timed then.
    """
    progress("preparing the data")
    data = case.prepare(quick)
    title = case.title(data)
    agreements, figures = _compare(case, data, progress)
    # The runs whose answers were compared have warmed every way up.
    runs = {way.name: partial(way.run, data) for way in case.ways}
    times = time_in_turn(runs, repeats, progress=progress)
    del data, runs  # the machine's memory belongs to the children now
    gc.collect()
    prepared, peaks = None, {}
    if reference is not None:
        peaks = _peaks(case, reference, quick, threads, progress)
        prepared = peaks.pop(None)
    ways = [
        WayResult(
            name=name,
            times=times[name],
            ratios={baseline: times[name].ratio(times[baseline]) for baseline in case.baselines},
            figures=figures[name],
            peak_bytes=peaks.get(name),
        )
        for name in times
    ]
    return CaseResult(case.name, title, case.notes, agreements, ways, prepared)


def _compare(
    case: Case, data: Any, progress: Progress
) -> tuple[Sequence[Agreement], dict[str, Mapping[str, float]]]:
    """Return how the answers agree and what is to be told of each, or raise."""
    answers = {}
    for way in case.ways:
        progress(f"answer of {way.name}")
        answers[way.name] = way.run(data)
    agreements = case.check(data, answers)
    if not all(agreement.holds for agreement in agreements):
        raise DisagreementError(case.name, agreements)
    return agreements, {name: case.figures(data, answer) for name, answer in answers.items()}


def _peaks(
    case: Case, reference: str, quick: bool, threads: int, progress: Progress
) -> dict[str | None, int]:
    """Return the peak of a process for each way, and under None of one that only has the data."""
    peaks: dict[str | None, int] = {}
    for way in (None, *(way.name for way in case.ways)):
        progress(f"memory of {way or 'the data'}")
        peaks[way] = child_peak(reference, way, quick=quick, threads=threads)
    return peaks
