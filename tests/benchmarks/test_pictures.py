"""The benchmark of pictures runs, and tells who was sooner."""

from benchmarks import pictures
from ogive.data import load


def test_both_ways_are_measured_and_compared(monkeypatch, capsys):
    small = load("digits").take(range(200))
    monkeypatch.setattr(pictures, "load", lambda name, part="train": small)
    monkeypatch.setattr(pictures, "TARGETS", {1: (0.05, 1.1)})
    assert pictures.main(["--filters", "8", "--epochs", "1", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "closed form, 8 filters" in printed and "network, 1 epoch " in printed
    reached, missed = printed.splitlines()[-2:]
    assert "not reached" not in reached and missed.count("not reached") == 2
