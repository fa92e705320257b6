"""Answers that disagree are refused, with the numbers, before anything is timed."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest

import benchmarks.measure
from benchmarks.case import Agreement, Case, DisagreementError, Way, relative_error
from benchmarks.command import main
from benchmarks.measure import measure

OPTIONS = {"quick": True, "repeats": 2, "threads": 1, "reference": None}


def made_up(answers, name="made-up"):
    """Return a case whose ways give these answers, and the list of the ways that were run."""
    runs = []

    def way(name, answer):
        return Way(name, lambda data: runs.append(name) or answer)

    def check(data, found):
        return [Agreement(f"{n} against {data}", abs(a - data), 0.5) for n, a in found.items()]

    case = Case(
        name=name,
        summary="numbers",
        prepare=lambda quick: 1.0,
        title=lambda data: f"the number {data}",
        ways=[way(*item) for item in answers.items()],
        baselines=["peer"],
        check=check,
        figures=lambda data, answer: {"accuracy": answer},
    )
    return case, runs


@pytest.mark.parametrize("wrong", [2.0, float("nan"), float("inf")])
def test_disagreement_is_refused_before_any_timing(monkeypatch, wrong):
    monkeypatch.setattr(benchmarks.measure, "time_in_turn", lambda *_, **__: pytest.fail("timed"))
    case, runs = made_up({"peer": 1.0, "Ogive": wrong})
    with pytest.raises(DisagreementError, match=r"made-up.*Ogive against 1\.0.*ABOVE 0\.5") as info:
        measure(case, **OPTIONS)
    assert runs == ["peer", "Ogive"]
    assert "peer against" not in str(info.value)


def test_agreement_is_followed_by_timing_in_turns():
    case, runs = made_up({"peer": 1.0, "Ogive": 1.25})
    result = measure(case, **OPTIONS)
    assert runs == ["peer", "Ogive", "peer", "Ogive", "Ogive", "peer"]
    assert [len(way.times.seconds) for way in result.ways] == [2, 2]
    assert result.ways[1].figures == {"accuracy": 1.25}
    assert result.ways[0].ratios == {"peer": 1.0}


def test_command_fails_but_keeps_what_agreed(tmp_path, capsys, monkeypatch):
    module = ModuleType("made_up_cases")
    module.GOOD, _ = made_up({"peer": 1.0, "Ogive": 1.0}, "good")
    module.BAD, _ = made_up({"peer": 1.0, "Ogive": float("nan")}, "bad")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    output = tmp_path / "figures.json"
    arguments = ["--quick", "--output", str(output)]
    assert main(arguments, ["made_up_cases:BAD", "made_up_cases:GOOD"]) == 1
    printed = capsys.readouterr()
    assert "bad: the answers disagree" in printed.err and "nan, ABOVE 0.5" in printed.err
    record = json.loads(output.read_text(), parse_constant=pytest.fail)
    assert [case["name"] for case in record["cases"]] == ["good"]
    (refused,) = record["refused"]
    assert refused["name"] == "bad"
    assert [a["holds"] for a in refused["agreements"]] == [True, False]


def test_relative_error_is_of_the_largest_entry_and_broadcasts_nothing():
    reference = np.array([1.0, -4.0])
    assert relative_error(np.array([2.0, -4.0]), reference) == 0.25
    assert relative_error(np.ones((2, 1)), np.ones(2)) == float("inf")
    assert not Agreement("", relative_error(np.array([1.0, np.nan]), reference), 1.0).holds
