"""The comparisons of kernel machines: they run on few rows and say what they found."""

import numpy as np
import pytest

from benchmarks import all_rows, calibration, treatments
from benchmarks.cases.ridge_path import RIDGE_PATH_EXACT
from benchmarks.measure import measure
from ogive.data import available

needs_pictures = pytest.mark.skipif(
    not available("fashion-mnist"), reason="Fashion-MNIST is not on this machine"
)


@needs_pictures
def test_a_path_is_compared_with_one_fit():
    result = measure(RIDGE_PATH_EXACT, quick=True, repeats=1, threads=1, reference=None)
    assert all(agreement.holds for agreement in result.agreements)


def test_treatments_of_digits(monkeypatch):
    monkeypatch.setattr(treatments, "PENALTIES", (1.0, 100.0))
    monkeypatch.setattr(treatments, "SIGMOIDS", ((2.2, 0.0), (0.88, -3.0)))
    parts = treatments.digits(0)
    few = treatments.Parts(
        parts.name, tuple(a[:300] for a in parts.train), parts.validation, parts.test
    )
    lines = [line.split() for line in treatments.table(few)]
    assert len(lines) == 3 and lines[-1][0] == "Gaussian"
    indefinite, nearly = (
        dict(zip(("mass", *treatments.TREATMENTS), map(float, line[-5:]), strict=True))
        for line in lines[:2]
    )
    assert indefinite["mass"] > 0.05 > 1e-3 > nearly["mass"]
    assert indefinite["krein"] > indefinite["none"] + 0.01
    assert nearly["krein"] == pytest.approx(nearly["none"], abs=0.005)


def test_calibration_error_of_known_probabilities():
    generator = np.random.default_rng(0)
    sure = generator.uniform(0.5, 1, 200_000)
    p = np.stack([sure, 1 - sure], 1)
    right = generator.random(200_000) < sure
    assert calibration.calibration_error(p, np.where(right, 0, 1)) < 0.005
    assert calibration.calibration_error(p, np.zeros(200_000)) == pytest.approx(0.25, abs=0.005)


@needs_pictures
def test_probabilities_of_few_pictures(capsys):
    assert calibration.main(["--rows", "300", "--no-peer", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("Kernel") == 2 and "logistic regression" in printed


@needs_pictures
@pytest.mark.parametrize("way", all_rows.WAYS)
def test_each_way_on_few_pictures(way):
    found = all_rows.measured(way, 400, 50)
    assert found["accuracy"] > 0.6 and found["seconds"] > 0 and found["peak_bytes"] > 1e8
