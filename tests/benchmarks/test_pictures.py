"""The benchmark of pictures runs, and tells who was sooner."""

from benchmarks import pictures
from ogive.data import load


def test_both_ways_are_measured_and_compared(monkeypatch, capsys):
    small = load("digits").take(range(200))
    monkeypatch.setattr(pictures, "load", lambda name, part="train": small)
    monkeypatch.setattr(pictures, "TARGETS", {1: (0.05, 1.1)})
    assert (
        pictures.main(["--filters", "8", "--both", "8:1", "--epochs", "1", "--threads", "1"]) == 0
    )
    printed = capsys.readouterr().out
    for way in ("closed form, 8 filters", "both, 8 filters, 1 epoch ", "network, 1 epoch "):
        assert way in printed
    reached, best, missed = printed.splitlines()[-3:]
    assert "not reached" not in reached and missed.count("not reached") == 2
    assert best.split()[0] == printed.split("network, 1 epoch ")[1].split()[1].rstrip("0")
