"""The pairwise sigmoid loss against a loop over pairs in float64."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.nn.pairwise_loss import PairwiseSigmoidLoss, positive_prior
from ogive.testing.layer_contract import LAYER_CHECKS, LayerCase

PAIRED = LayerCase(
    "paired",
    lambda dtype: PairwiseSigmoidLoss(0.2, temperature=2.0, chunk=2, dtype=dtype),
    lambda dtype: (_rows(5, dtype, 1), _rows(5, dtype, 2)),
    leading=False,
    twice=False,
)
LABELLED = LayerCase(
    "labelled",
    lambda dtype: PairwiseSigmoidLoss(0.4, temperature=3.0, chunk=3, dtype=dtype, normalise=False),
    lambda dtype: (_rows(4, dtype, 3), _rows(6, dtype, 4), LABELS[:4], LABELS),
    leading=False,
    twice=False,
)
LABELS = torch.tensor([0, 1, 0, 2, 2, 0])


def _rows(n, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("case", [PAIRED, LABELLED], ids=str)
def test_contract(case, check):
    check(case)


def by_pairs(x, y, together, *, scale, bias, alone=False):
    """Sum up pair by pair, in plain numbers; the embeddings are normalised."""
    total, pairs = 0.0, 0
    for i, left in enumerate(x.double()):
        for j, right in enumerate(y.double()):
            if alone and i == j:
                continue
            cosine = float(left @ right / left.norm() / right.norm())
            z = 1 if together(i, j) else -1
            total += math.log1p(math.exp(-z * (scale * cosine + bias)))
            pairs += 1
    return total, pairs


@given(
    st.integers(1, 7),
    st.integers(1, 7),
    st.integers(1, 9),
    st.sampled_from(["rows", "pairs", "sum"]),
    st.sampled_from(["labels", "mask", "paired", "alone", "alone mask"]),
    st.floats(0.001, 0.9),
)
def test_every_way_agrees_with_a_loop(n, m, chunk, reduction, way, prior):
    m = m if way in ("labels", "mask") else n
    x, y = torch.randn(n, 4).double(), torch.randn(m, 4).double()
    labels, others = torch.randint(3, (n,)), torch.randint(3, (m,))
    mask = torch.rand(n, m) < 0.3
    loss = PairwiseSigmoidLoss(
        prior, temperature=3.0, reduction=reduction, chunk=chunk, dtype=torch.float64
    )
    bias = math.log(prior / (1 - prior))
    given, together, other = {
        "labels": (
            {"y": y, "labels": labels, "other_labels": others},
            lambda i, j: labels[i] == others[j],
            y,
        ),
        "mask": ({"y": y, "positive": mask}, lambda i, j: mask[i, j], y),
        "paired": ({"y": y}, lambda i, j: i == j, y),
        "alone": ({"labels": labels}, lambda i, j: labels[i] == labels[j], x),
        "alone mask": ({"positive": mask}, lambda i, j: mask[i, j], x),
    }[way]
    total, pairs = by_pairs(x, other, together, scale=3.0, bias=bias, alone="alone" in way)
    divisor = {"rows": n, "pairs": max(pairs, 1), "sum": 1}[reduction]
    assert float(loss(x, **given)) == pytest.approx(total / divisor, rel=1e-12)


def test_gradients_agree_with_automatic_differentiation_of_the_whole_matrix():
    x = torch.randn(30, 6, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(4, (30,))
    loss = PairwiseSigmoidLoss(0.25, chunk=7, dtype=torch.float64)
    parameters = (x, *loss.parameters())
    found = torch.autograd.grad(loss(x, labels=labels) * 1.7, parameters)
    unit = x / x.norm(dim=1, keepdim=True)
    score = loss.log_scale.exp() * unit @ unit.T + loss.bias
    sign = 2.0 * (labels[:, None] == labels) - 1
    pairs = -torch.nn.functional.logsigmoid(sign * score)
    whole = (pairs.sum() - pairs.diagonal().sum()) / 30
    expected = torch.autograd.grad(whole * 1.7, parameters)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-11, atol=1e-13)


def test_gradients_of_one_batch_with_itself():
    labels = torch.tensor([0, 1, 0, 1, 2])
    loss = PairwiseSigmoidLoss(0.3, chunk=2, dtype=torch.float64)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels=labels), (x,))


def test_memory_is_that_of_a_chunk(monkeypatch):
    largest = 0
    product = torch.addmm

    def watched(*arguments, **keywords):
        nonlocal largest
        answer = product(*arguments, **keywords)
        largest = max(largest, answer.numel())
        return answer

    monkeypatch.setattr(torch, "addmm", watched)
    x = torch.randn(500, 4, requires_grad=True)
    PairwiseSigmoidLoss(0.01, chunk=16)(x, torch.randn(500, 4)).backward()
    assert largest == 16 * 500


def test_the_offset_starts_at_the_log_odds_of_a_positive_pair():
    loss = PairwiseSigmoidLoss(1 / 22_027)
    assert float(loss.bias.detach()) == pytest.approx(-10, abs=1e-3)
    assert float(loss.log_scale.detach().exp()) == pytest.approx(10)
    # At embeddings that say nothing, the offset is where its gradient is 0.
    loss = PairwiseSigmoidLoss(1 / 50, dtype=torch.float64)
    loss(torch.zeros(50, 3).double(), torch.zeros(50, 3).double()).backward()
    assert abs(float(loss.bias.grad)) < 1e-12


def test_large_scores_keep_their_digits():
    loss = PairwiseSigmoidLoss(0.5, temperature=60.0, normalise=False)
    x = torch.tensor([[1.0]])
    assert float(loss(x, x)) == pytest.approx(math.exp(-60), rel=1e-4)
    assert float(loss(x, -x)) == pytest.approx(60)


def test_half_precision_inputs_are_compared_in_single():
    x = torch.randn(6, 4)
    loss = PairwiseSigmoidLoss(0.2)
    assert loss(x.bfloat16(), x.bfloat16()).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(x, x), loss(x, x).float())


def test_no_rows():
    loss = PairwiseSigmoidLoss(0.2)
    assert float(loss(torch.zeros(0, 3), torch.zeros(0, 3))) == 0
    assert float(loss(torch.randn(1, 3), labels=torch.tensor([1]))) == 0


def test_learning_brings_equal_labels_together():
    x = torch.randn(30, 5, requires_grad=True)
    labels = torch.arange(30) % 3
    loss = PairwiseSigmoidLoss(positive_prior(labels), chunk=8)
    optimiser = torch.optim.Adam([x, *loss.parameters()], lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        loss(x, labels=labels).backward()
        optimiser.step()
    unit = torch.nn.functional.normalize(x.detach(), dim=1)
    nearest = (unit @ unit.T).fill_diagonal_(-2).argmax(1)
    assert bool((labels[nearest] == labels).all())


def test_priors():
    assert positive_prior(torch.arange(10)) == pytest.approx(1 / 90)
    assert 0.98 < positive_prior(torch.zeros(10)) < 1
    many = torch.randint(5, (3000,))
    assert positive_prior(many) == pytest.approx(0.2, rel=0.01)
    with pytest.raises(InvalidDataError, match="at least two"):
        positive_prior(torch.tensor([1]))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"prior": 0.0}, "prior=0.0"),
        ({"prior": 1.0}, "below 1"),
        ({"prior": 0.5, "temperature": -1}, "temperature=-1"),
        ({"prior": 0.5, "reduction": "row"}, "did you mean 'rows'"),
        ({"prior": 0.5, "chunk": 0}, "chunk=0"),
    ],
)
def test_parameters_that_are_refused(keywords, message):
    with pytest.raises(InvalidParameterError, match=message):
        PairwiseSigmoidLoss(**keywords)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((torch.ones(3), torch.ones(3)), r"shape \(3,\)"),
        ((torch.ones(3, 2), torch.ones(3, 4)), r"\(3, 4\)"),
        ((torch.ones(3, 2),), "nothing says"),
        ((torch.ones(3, 2), torch.ones(4, 2)), "3 rows and y 4"),
        ((torch.ones(3, 2), torch.ones(4, 2), torch.ones(3)), "one label a row of each"),
        ((torch.ones(3, 2), None, torch.ones(4)), "one label a row of each"),
        ((torch.ones(3, 2), None, None, None, torch.ones(3, 3)), "bool tensor"),
        ((torch.ones(2, 2), None, torch.ones(2), None, torch.ones(2, 2) > 0), "leave one out"),
    ],
)
def test_data_that_are_refused(given, message):
    with pytest.raises(InvalidDataError, match=message):
        PairwiseSigmoidLoss(0.3)(*given)
