"""The benchmark of generators runs, is gone on from, and judges by real pictures."""

from pathlib import Path

import pytest

from benchmarks import generation

ARGUMENTS = ("--data", "digits", "--steps", "2", "--width", "8", "--samples", "16",
             "--judge-epochs", "1", "--threads", "1", "--seeds", "2")  # fmt: skip


@pytest.mark.slow
def test_both_networks_are_trained_and_judged(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(generation, "_PAIRS", 1)
    folder = tmp_path / "all"
    arguments = [*ARGUMENTS, "--folder", str(folder)]
    assert generation.main(arguments) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("generator "))
    rows = [line.split() for line in lines[start + 1 : start + 10]]
    names = ["real", "kernel", "twin", "kernel", "twin", "kernel,"]
    assert [row[0] for row in rows[:6]] == names and rows[7][:2] == ["twin,", "mean"]
    frechet = [float(row[-5]) for row in (rows[1], rows[3], rows[5])]
    assert frechet[2] == pytest.approx(sum(frechet[:2]) / 2, abs=2e-3)
    # Of two seeds: 12.7 standard errors of their mean, which are halves of their difference.
    half = float(rows[6][-5].removeprefix("±"))
    assert half == pytest.approx(12.706 * abs(frechet[0] - frechet[1]) / 2, abs=2e-2)
    assert "no FID" in printed
    kept = {path.name for path in Path(folder).iterdir()}
    assert {"kernel-0.ogive", "kernel-0.png", "kernel-0.jsonl", "twin-0.checkpoint"} <= kept
    figures = lambda text: [line.split()[3:9] for line in text.splitlines()[start + 1 :]]  # noqa: E731
    assert generation.main(arguments) == 0  # nothing is trained again
    assert figures(capsys.readouterr().out)[:5] == figures(printed)[:5]


def test_fewer_rows_are_of_all_classes(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(generation, "_compare", lambda train, *rest: seen.append(train))
    for rows in (20, 10_000):
        arguments = [*ARGUMENTS, "--rows", str(rows), "--folder", str(tmp_path)]
        assert generation.main(arguments) == 0
    few, many = seen
    assert len(few) == 20 and set(few.y) == set(range(10)) and len(many) == 1437
