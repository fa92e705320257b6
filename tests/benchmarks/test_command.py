"""The real command on tiny data: it runs, prints its tables and writes its figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cases import CASES, load_case
from benchmarks.command import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cases():
    return [load_case(reference) for reference in CASES]


def test_quick_run_of_all_cases(tmp_path, cases):
    output = tmp_path / "deep" / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--threads", "1"]
    done = subprocess.run(
        [*command, "--output", str(output)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout
    record = json.loads(output.read_text())
    assert record["threads"] == 1 and {p["threads"] for p in record["thread_pools"]} == {1}
    assert {"processor", "cores", "memory_bytes", "system", "flags"} <= record["machine"].keys()
    named = {"python", "torch", "numpy", "scipy", "scikit-learn", "ogive", "commit"}
    assert record["versions"].keys() == named
    assert record["quick"] and record["repeats"] == 1 and record["refused"] == []
    assert [case["name"] for case in record["cases"]] == [case.name for case in cases]
    for case, found in zip(cases, record["cases"], strict=True):
        assert f"{case.name}: {found['title']}"[:100] in printed
        assert found["agreements"] and all(a["holds"] for a in found["agreements"])
        assert [way["name"] for way in found["ways"]] == [way.name for way in case.ways]
        for way in found["ways"]:
            assert way["name"] in printed
            assert len(way["seconds"]) == 1 and way["min"] <= way["median"] <= way["max"]
            assert way["ratios"].keys() == set(case.baselines)
            assert way["peak_bytes"] is None
    (ridge,) = (case for case in record["cases"] if case["name"] == "nystroem-ridge")
    assert all("accuracy" in way for way in ridge["ways"])


def test_list_names_every_case(capsys, cases):
    assert main(["--list"]) == 0
    printed = capsys.readouterr().out
    assert all(case.name in printed and case.summary in printed for case in cases)


@pytest.mark.parametrize("arguments", [["--case", "nothing"], ["--repeats", "0"], ["--threads=x"]])
def test_impossible_options_are_told(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert arguments[0].split("=")[0] in capsys.readouterr().err


def test_cases_name_their_ways_once_and_their_baselines_rightly(cases):
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        names = [way.name for way in case.ways]
        assert len(set(names)) == len(names)
        assert set(case.baselines) <= set(names)
