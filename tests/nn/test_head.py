"""Heads in closed form and by logistic regression, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

from ogive._errors import DataWarning, InvalidDataError, InvalidParameterError
from ogive.nn.head import fit_head_
from ogive.solvers.multinomial import multinomial


def network(outputs, *, width=12, bias=True):
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Linear(5, width),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Linear(width, outputs, bias=bias),
    ).double()


def data(n=400, classes=3):
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(n, 5, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, classes, generator=generator, dtype=torch.float64)
    return x, (x[:, :classes] ** 2 - x.roll(1, 1)[:, :classes] + noise).argmax(1)


def batches(x, y, size=64):
    return list(zip(x.split(size), y.split(size), strict=True))


def features(model, x):
    with torch.no_grad():
        return torch.tanh(model[0](x)).numpy() + 0.0


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 20.0])
def test_ridge_on_numbers_is_scikit_learns(alpha, bias):
    model = network(2, bias=bias)
    x, _ = data()
    y = torch.stack([x[:, 0] * x[:, 1], x.sum(1) + 3], 1)
    fit = fit_head_(model, batches(x, y), alpha=alpha)
    peer = Ridge(alpha=alpha, fit_intercept=bias, solver="svd").fit(features(model, x), y.numpy())
    assert np.allclose(model[3].weight.detach(), peer.coef_, rtol=1e-8, atol=1e-9)
    if bias:
        assert np.allclose(model[3].bias.detach(), peer.intercept_, rtol=1e-8)
    error = ((peer.predict(features(model, x)) - y.numpy()) ** 2).sum(1).mean()
    assert fit.error == pytest.approx(error, rel=1e-8)
    assert (fit.head, fit.loss, fit.alpha, fit.rows) == ("3", "ridge", alpha, 400)


def test_ridge_on_classes_has_targets_of_both_signs():
    model = network(3)
    x, y = data()
    fit_head_(model, batches(x, y), alpha=1.0)
    signs = np.where(y[:, None] == np.arange(3), 1.0, -1.0)
    peer = Ridge(alpha=1.0).fit(features(model, x), signs)
    assert np.allclose(model[3].weight.detach(), peer.coef_, rtol=1e-8)


def test_one_output_tells_two_classes_apart():
    x, _ = data()
    y = (x.sum(1) > 0).long()
    for loss in ("ridge", "logistic"):
        model = network(1)
        fit_head_(model, batches(x, y), loss=loss, alpha=0.1)
        with torch.no_grad():
            right = (model.eval()(x)[:, 0] > 0) == (y == 1)
        assert right.double().mean() > 0.9


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_logistic_is_scikit_learns(outputs, bias):
    model = network(outputs, bias=bias)
    x, y = data(classes=max(outputs, 2))
    fit = fit_head_(model, batches(x, y), loss="logistic", alpha=0.5)
    rows = features(model, x)
    peer = LogisticRegression(C=2.0, fit_intercept=bias, tol=1e-10, max_iter=5000).fit(rows, y)
    with torch.no_grad():
        scores = model.eval()(x)
        scores = torch.cat([0 * scores, scores], 1) if outputs == 1 else scores
    expected = peer.predict_proba(rows)
    if (
        outputs == 2
    ):  # two rows of weights that share the penalty: half as strong on their difference
        peer.set_params(C=4.0).fit(rows, y)
        expected = peer.predict_proba(rows)
    assert np.abs(scores.softmax(1).numpy() - expected).max() < 1e-4
    assert fit.converged and fit.rows_used == 400
    assert fit.accuracy == pytest.approx(float((scores.argmax(1) == y).double().mean()))
    own = np.log(expected)[np.arange(400), y]
    assert fit.error == pytest.approx(-own.mean(), rel=1e-4)


@pytest.mark.parametrize("loss", ["ridge", "logistic"])
def test_the_penalty_is_chosen_by_rows_held_out(loss):
    x, _ = data(80)
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (80,), generator=generator)  # nothing to be learnt
    strong = fit_head_(network(3, width=60), batches(x, y), loss=loss)
    x, y = data(2000)
    weak = fit_head_(network(3, width=60), batches(x, y), loss=loss)
    assert strong.alpha / 80 > weak.alpha / 2000
    assert "did best on a fifth" in weak.reason


def test_the_chosen_penalty_is_the_best_on_the_fifth():
    x, _ = data(300)
    y = torch.sin(2 * x[:, :1])
    model = network(1, width=100)
    fit = fit_head_(model, batches(x, y))
    rows = features(model, x)
    held = np.arange(300) % 5 == 0

    def error(alpha):
        peer = Ridge(alpha=alpha, solver="svd").fit(rows[~held], y[~held])
        return ((peer.predict(rows[held]) - y.numpy()[held, 0]) ** 2).sum()

    assert error(fit.alpha) <= min(error(fit.alpha * 10), error(fit.alpha / 10))


def test_the_sum_over_rows_does_not_depend_on_the_batches():
    x, y = data()
    found = []
    for size in (1, 37, 400):
        model = network(3)
        fit_head_(model, batches(x, y, size))
        found.append(model[3].weight.detach())
    assert torch.allclose(found[0], found[1], rtol=1e-8)
    assert torch.allclose(found[0], found[2], rtol=1e-8)


def test_features_far_from_0_keep_their_digits():
    model = nn.Sequential(nn.Identity(), nn.Linear(3, 1))
    x = torch.randn(500, 3)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
    fit_head_(model, batches(x + 1000, y), alpha=0.0)
    assert torch.allclose(model[1].weight, torch.tensor([[1.0, -2.0, 0.5]]), atol=1e-3)


def test_modes_gradients_and_hooks_are_left_as_they_were():
    model = network(3)
    model[2].eval()
    fit_head_(model, batches(*data()), alpha=1.0)
    assert model.training and model[0].training and not model[2].training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not model[3]._forward_pre_hooks


def test_only_the_head_is_set():
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3), nn.Linear(3, 3)).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fit = fit_head_(model, batches(*data()), head="2", alpha=1.0)
    assert fit.head == "2"
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {"2.weight", "2.bias"}
    assert fit_head_(model, batches(*data()), head=model[3], alpha=1.0).head == "3"


def test_many_places_and_classes_to_be_left_out():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, x, scale):
            return self.head(x * scale)

    x, y = torch.randn(10, 6, 4), torch.randint(2, (10, 6))
    y[:, 4:] = -100
    fit = fit_head_(Tokens(), [((x, torch.ones(())), y)], alpha=1.0)
    assert fit.rows == 40
    expected = fit_head_(Tokens(), [((x[:, :4], torch.ones(())), y[:, :4])], alpha=1.0)
    assert fit.error == pytest.approx(expected.error)


def test_more_rows_than_memory_are_sampled_and_it_is_said():
    x, y = data(1000)
    row = 12 * 8 + 8
    with pytest.warns(DataWarning, match="random 300 of 1,000 rows"):
        fit = fit_head_(network(3), batches(x, y), loss="logistic", alpha=1.0, memory=300 * row)
    assert (fit.rows, fit.rows_used) == (1000, 300)


def test_every_row_is_as_likely_in_the_sample():
    from ogive.nn.head_rows import sample

    counts = torch.zeros(40)
    rows = torch.arange(40.0)[:, None]
    for seed in range(600):
        kept, classes, seen = sample(iter(zip(rows.split(7), rows[:, 0].long().split(7))), 10, seed)  # noqa: B905
        assert seen == 40 and torch.equal(kept[:, 0].long(), classes)
        assert len(kept.unique()) == 10
        counts[classes] += 1
    assert (counts - 150).abs().max() < 50  # a standard deviation is 10.6


def test_one_row():
    model = network(3)
    fit = fit_head_(model, [(torch.ones(1, 5).double(), torch.tensor([1]))])
    assert fit.rows == 1
    assert int(model.eval()(torch.ones(1, 5).double()).argmax()) == 1


def test_the_solver_by_itself_meets_its_conditions():
    x, y = data(300)
    fit = multinomial(x, y, 3, 0.7)
    probability = (x @ fit.weight.T + fit.intercept).softmax(1)
    probability[torch.arange(300), y] -= 1
    assert (probability.T @ x + 0.7 * fit.weight).abs().max() < 1e-3
    assert probability.sum(0).abs().max() < 1e-3
    single = multinomial(x.float(), y, 3, 0.7)
    assert torch.allclose(single.weight, fit.weight, atol=1e-3)


def loader(x=None, y=None):
    return [(torch.randn(4, 5).double() if x is None else x, y)]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_head_(nn.Tanh(), []), InvalidParameterError, "has no nn.Linear"),
        (lambda: fit_head_(network(2), [], head="4"), InvalidParameterError, "head='4'"),
        (
            lambda: fit_head_(network(2), [], head=nn.Linear(2, 2)),
            InvalidParameterError,
            "of this model",
        ),
        (lambda: fit_head_(network(2), [], loss="rigde"), InvalidParameterError, "mean 'ridge'"),
        (lambda: fit_head_(network(2), [], alpha="best"), InvalidParameterError, "or 'auto'"),
        (lambda: fit_head_(network(2), [], alpha=-1.0), InvalidParameterError, "alpha=-1.0"),
        (lambda: fit_head_(network(2), []), InvalidDataError, "no rows"),
        (lambda: fit_head_(network(2), [], loss="logistic"), InvalidDataError, "no rows"),
        (
            lambda: fit_head_(network(2), loader(y=torch.tensor([0, 1, 2, 0]))),
            InvalidDataError,
            "targets reach class 2",
        ),
        (
            lambda: fit_head_(network(2), loader(y=torch.tensor([0, 1]))),
            InvalidDataError,
            "one class a row",
        ),
        (
            lambda: fit_head_(network(2), loader(y=torch.randn(4, 3))),
            InvalidDataError,
            "2 outputs",
        ),
        (
            lambda: fit_head_(network(2), loader(y=torch.randn(4, 2)), loss="logistic"),
            InvalidDataError,
            "takes classes",
        ),
        (
            lambda: fit_head_(
                network(2), loader(torch.full((2, 5), torch.nan).double(), torch.tensor([0, 1]))
            ),
            InvalidDataError,
            "NaN or inf",
        ),
        (lambda: fit_head_(network(2), [torch.ones(3, 5)]), InvalidDataError, "pairs"),
        (
            lambda: fit_head_(
                nn.Sequential(*[nn.Linear(5, 5).double()] * 2), loader(y=torch.tensor([0, 1, 1, 0]))
            ),
            InvalidDataError,
            "used 2 times",
        ),
    ],
)
def test_what_cannot_be_done(call, error, message):
    with pytest.raises(error, match=message):
        call()
