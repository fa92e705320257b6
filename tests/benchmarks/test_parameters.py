"""The comparison by parameters: it runs, compares like with like, and says what it found."""

import pytest
import torch

from benchmarks.parameters import Network, Result, main, measure, prepare, same_parameters, verdict


def made_up(kind, width, *finals, seconds):
    """Return a result of two epochs, the first at half the final accuracy."""
    network = Network(64, width, 10)
    network = same_parameters(network) if kind == "additive" else network
    curves = [[a / 2, a] for a in finals]
    return Result(network, 0.01, curves, [[seconds / 2, seconds]] * len(finals))


def test_quick_run(capsys):
    assert main(["--quick", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "digits: 300 training and 360 test rows" in printed
    assert printed.count("ordinary  ") == 2 and printed.count("additive  ") == 2
    assert "the claim that fewer parameters make training efficient" in printed


@pytest.mark.parametrize("features", [64, 784])
@pytest.mark.parametrize("width", [4, 8, 16, 64, 200])
def test_as_many_parameters(features, width):
    ordinary = Network(features, width, 10)
    additive = same_parameters(ordinary)
    for network in (ordinary, additive):
        assert sum(p.numel() for p in network.build().parameters()) == network.parameters
    assert additive.parameters == pytest.approx(ordinary.parameters, rel=0.03)
    assert ordinary.kind == "ordinary" and additive.kind == "additive"


def test_data_are_standardised_by_the_training_rows():
    rows = prepare("digits", 1, 500)
    assert rows.x.shape == (500, 64) and rows.classes == 10 and len(rows.test_x) == 360
    assert float(rows.x.mean()) == pytest.approx(0, abs=1e-5)
    assert float(rows.x.std()) == pytest.approx(1, abs=1e-5)


def test_measured_curves():
    """One entry an epoch and a seed; seconds add up; the same seed gives the same."""
    rows = prepare("digits", 2, 200)
    result = measure(rows, same_parameters(Network(64, 4, 10)), (0, 0, 1))
    assert [len(curve) for curve in result.accuracies] == [2, 2, 2]
    assert all(curve[0] < curve[1] for curve in result.seconds)
    assert result.accuracies[0] == result.accuracies[1] != result.accuracies[2]
    assert torch.equal(torch.tensor(result.final), torch.tensor(result.accuracies)[:, -1])


@pytest.mark.parametrize(
    ("finals", "seconds", "expected"),
    [
        (
            (0.95, 0.96),
            1.0,
            ["more accurate (+5.00 points)", "saves parameters and saves time", "efficient holds"],
        ),
        (
            (0.95, 0.96),
            9.0,
            ["saves parameters and does not save time", "does not hold", "4.5 times"],
        ),
        (
            (0.80, 0.81),
            1.0,
            ["less accurate (-10.00 points)", "does not save parameters", "does not hold"],
        ),
        ((0.90, 0.92), 9.0, ["as accurate within the range of seeds (+0.50 points)"]),
    ],
)
def test_verdict_follows_the_figures(finals, seconds, expected):
    ordinary = [
        made_up("ordinary", 8, 0.90, 0.91, seconds=2.0),
        made_up("ordinary", 32, 0.95, 0.96, seconds=4.0),
    ]
    additive = [
        made_up("additive", 8, *finals, seconds=seconds),
        made_up("additive", 32, 0.95, 0.96, seconds=9.0),
    ]
    said = verdict(ordinary, additive)
    for words in expected:
        assert words in said
    assert "To reach 0.9450" in said


def test_a_few_parameters_are_no_saving():
    ordinary = [made_up("ordinary", 16, 0.90, 0.91, seconds=4.0)]
    additive = [made_up("additive", 16, 0.90, 0.91, seconds=3.9)]
    assert additive[0].network.parameters != ordinary[0].network.parameters
    assert "does not save parameters and does not save time" in verdict(ordinary, additive)
    assert "does not save parameters and does not save time" in verdict(additive, ordinary)
