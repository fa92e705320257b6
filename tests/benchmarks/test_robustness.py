"""The benchmark of noise runs, is gone on from, and says what its figures say."""

import json

import numpy as np
import pytest

from benchmarks import robustness
from benchmarks.robustness import GAUSSIAN, LABELS, LEVELS, SALT, corrupted, verdict

ARGUMENTS = ("--data", "digits", "--rows", "60", "--epochs", "1", "--test-rows", "40",
             "--threads", "1", "--seeds", "1")  # fmt: skip


def test_the_command_prints_tables_and_repeats_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(LEVELS, LABELS, (0.0, 0.4))
    monkeypatch.setattr(robustness.Size.__init__, "__defaults__", (4, 4))
    arguments = [*ARGUMENTS, "--results", str(tmp_path / "done.jsonl")]
    assert robustness.main(arguments) == 0
    printed = capsys.readouterr().out
    for way in ("sigmoid", "relu", "closed form"):
        assert printed.count(f"\n| {way} | ") == 3
    assert printed.count("one seed decides nothing") == 3
    records = [json.loads(line) for line in (tmp_path / "done.jsonl").read_text().splitlines()]
    assert len(records) == 6 and all(0 <= v <= 1 for r in records for v in r["accuracies"].values())
    with (tmp_path / "done.jsonl").open("a") as stream:
        stream.write('{"torn": ')  # by a kill
    monkeypatch.setattr(robustness, "run", lambda *a: pytest.fail("trained again"))
    assert robustness.main(arguments) == 0
    assert capsys.readouterr().out == printed


def test_noise_is_what_it_says():
    pictures = np.full((40, 20, 20, 1), 128, np.uint8)
    for kind in (GAUSSIAN, SALT):
        assert np.array_equal(corrupted(pictures, kind, 0.0, 3), pictures)
    noisy = corrupted(pictures, GAUSSIAN, 0.1, 3).astype(float) / 255
    assert noisy.std() == pytest.approx(0.1, rel=0.02)
    salted = corrupted(pictures, SALT, 0.2, 3)
    assert set(np.unique(salted)) == {0, 128, 255}
    assert (salted != 128).mean() == pytest.approx(0.2, abs=0.02)
    assert (salted == 0).sum() == pytest.approx((salted == 255).sum(), rel=0.1)
    assert np.array_equal(corrupted(pictures, SALT, 0.2, 3), salted)


def test_wrong_labels_are_wrong_and_as_many_as_asked():
    y = np.repeat(list("abcde"), 40)
    some, more = (robustness.with_wrong_labels(y, share, 1) for share in (0.2, 0.4))
    assert (some != y).sum() == 40 and (more != y).sum() == 80
    assert set(np.flatnonzero(some != y)) < set(np.flatnonzero(more != y))
    assert np.array_equal(robustness.with_wrong_labels(y, 0.0, 1), y)


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ((0.02, 0.021, 0.019), "sigmoid is better; sigmoid less relu \\+0.0200"),
        ((-0.02, -0.021, -0.019), "relu is better"),
        ((0.03, -0.01, 0.02), "a tie"),
        ((0.0, 0.0, 0.0), "a tie"),
        ((0.5,), "one seed decides nothing"),
    ],
)
def test_the_verdict_follows_the_figures(gains, words):
    names = [robustness._name(SALT, level) for level in LEVELS[SALT]]
    control = [dict.fromkeys(names, 0.3 + seed / 10) for seed in range(len(gains))]
    ours = [{n: v + g for n, v in c.items()} for c, g in zip(control, gains, strict=True)]
    # The level without noise has no say.
    ours[0][names[0]] = 0.0
    found = verdict(SALT, ours, control)
    assert words.replace("\\", "") in found
