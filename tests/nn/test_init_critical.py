"""Critical initialisation: gradients at any depth, by theory and by a batch."""

import copy
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.nn import KernelConv1d, KernelConv2d, KernelLinear
from ogive.nn.init import critical_, measure_propagation


def chain(make, widths, *, head=True):
    parts = [part for pair in itertools.pairwise(widths) for part in make(*pair)]
    return nn.Sequential(*parts, *([nn.Linear(widths[-1], 10)] if head else []))


MAKERS = {
    "KernelLinear sigmoid": lambda a, b: (KernelLinear(a, b, "sigmoid"),),
    "KernelLinear logistic": lambda a, b: (KernelLinear(a, b, "logistic"),),
    "nn.Linear, tanh": lambda a, b: (nn.Linear(a, b), nn.Tanh()),
    "nn.Linear, logistic": lambda a, b: (nn.Linear(a, b), nn.Sigmoid()),
    "nn.Linear, ReLU": lambda a, b: (nn.Linear(a, b), nn.ReLU()),
    "nn.Linear, dropout, GELU": lambda a, b: (nn.Linear(a, b), nn.Dropout(0.3), nn.GELU()),
    "one gamma for all": lambda a, b: (KernelLinear(a, b, "logistic", per_unit=False),),
    "no bias": lambda a, b: (nn.Linear(a, b, bias=False), nn.Sigmoid()),
}


def gradient_ratio(model, batch):
    """Mean squared gradient behind the first layer over that before the last hidden one."""
    model = copy.deepcopy(model).eval()
    layers = [m for m in model if isinstance(m, nn.Linear | KernelLinear)]
    kept = []
    for layer in (layers[1], layers[-2]):
        layer.register_full_backward_hook(lambda _m, into, _out: kept.append(into[0]))
    answer = model(batch)
    answer.backward(torch.randn(answer.shape, dtype=answer.dtype))
    last, first = kept
    return float(first.square().mean() / last.square().mean())


@pytest.mark.parametrize("name", MAKERS)
def test_a_batch_makes_every_hidden_layer_critical(name):
    batch = torch.randn(256, 40).abs()
    model = critical_(chain(MAKERS[name], [40, 64, 64, 64, 64]), batch)
    found = measure_propagation(model, batch)
    assert [round(layer.chi, 4) for layer in found[1:-1]] == [1, 1, 1]


@pytest.mark.parametrize("name", [n for n in MAKERS if "GELU" not in n])
def test_gradients_survive_thirty_layers(name):
    batch = torch.randn(256, 96, dtype=torch.float64)
    model = chain(MAKERS[name], [96] * 31).double()
    assert not 1e-6 < gradient_ratio(model, batch) < 1e6 or "Kernel" in name or "gamma" in name
    assert 0.05 < gradient_ratio(critical_(model, batch), batch) < 20
    assert 0.02 < gradient_ratio(critical_(model), batch) < 20


def test_tanh_layers_by_theory_are_orthogonal_of_gain_1():
    layer = critical_(KernelLinear(20, 20, "sigmoid", dtype=torch.float64))
    effective = layer.gamma[:, None] * layer.weight
    assert torch.allclose(effective @ effective.T, torch.eye(20).double(), atol=1e-12)
    assert not layer.coef0.any()


@pytest.mark.parametrize("gamma", [0.5, -3.0])
def test_logistic_layers_by_theory_are_the_centred_form_of_gain_4(gamma):
    layer = KernelLinear(20, 20, "logistic", dtype=torch.float64)
    with torch.no_grad():
        layer.gamma.fill_(gamma)
    critical_(layer)
    assert (layer.gamma == gamma).all()
    effective = layer.gamma[:, None] * layer.weight
    assert torch.allclose(effective @ effective.T, 16 * torch.eye(20).double(), atol=1e-11)
    assert torch.allclose(layer.coef0, -0.5 * effective.sum(1), atol=1e-12)


def test_ordinary_logistic_layers_are_the_same():
    layer = critical_(nn.Linear(20, 20, dtype=torch.float64), response="logistic")
    assert torch.allclose(layer.weight @ layer.weight.T, 16 * torch.eye(20).double(), atol=1e-11)
    assert torch.allclose(layer.bias, -0.5 * layer.weight.sum(1), atol=1e-12)


def test_a_logistic_network_by_theory_is_the_tanh_network():
    x = torch.randn(50, 30, dtype=torch.float64)
    generator = torch.Generator()
    models = [
        critical_(
            chain(MAKERS[f"KernelLinear {kernel}"], [30] * 6).double(),
            generator=generator.manual_seed(5),
        )
        for kernel in ("sigmoid", "logistic")
    ]
    assert torch.allclose(models[0](x), models[1](x), atol=1e-10)


def test_theory_follows_the_critical_line():
    layer = critical_(KernelLinear(300, 300, "sigmoid"), bias_variance=0.05)
    assert float(layer.weight.detach().square().sum(1).mean()) == pytest.approx(1.761, abs=1e-3)
    assert float(layer.coef0.detach().var()) == pytest.approx(0.05, rel=0.3)


def test_offsets_after_another_layers_function():
    model = nn.Sequential(nn.Linear(6, 6), nn.Sigmoid(), nn.Linear(6, 6), nn.Tanh())
    critical_(model)
    assert not model[0].bias.any()
    assert torch.allclose(model[2].bias, -0.5 * model[2].weight.sum(1))
    assert torch.allclose(model[2].weight @ model[2].weight.T, torch.eye(6), atol=1e-5)


def test_rows_sum_to_zero_where_there_is_no_offset_for_each_unit():
    for layer in (
        KernelLinear(30, 8, "logistic", per_unit=False),
        KernelConv2d(30, 8, 3, "logistic", per_unit=False),
    ):
        critical_(layer)
        assert layer.weight.flatten(1).sum(1).abs().max() < 1e-5
        assert float(layer.coef0) == 0


@pytest.mark.parametrize(
    "layer",
    [
        KernelConv2d(8, 16, 3, "sigmoid", padding=1),
        KernelConv2d(16, 8, 3, "logistic", padding=1, groups=2),
        nn.Conv2d(8, 8, 5, padding=2),
        KernelConv1d(8, 8, 3, "sigmoid", padding=1),
        nn.Conv3d(4, 4, 3, padding=1),
    ],
    ids=repr,
)
def test_convolutions(layer):
    spatial = layer.weight.ndim - 2
    critical_(layer)
    middle = layer.weight.detach()[(..., *(k // 2 for k in layer.kernel_size))]
    assert torch.allclose(layer.weight.detach().abs().sum(), middle.abs().sum())
    channels = layer.in_channels
    x = torch.randn(16, channels, *(6,) * spatial)
    model = nn.Sequential(type(layer)(channels, channels, 3), layer, nn.Tanh())
    found = measure_propagation(critical_(model, x), x)
    assert found[1].chi == pytest.approx(1, abs=1e-4)


def test_a_layer_that_widens_keeps_the_size_of_its_arguments():
    layer = critical_(nn.Linear(20, 80, dtype=torch.float64), response="tanh")
    assert float(layer.weight.detach().square().sum(1).mean()) == pytest.approx(1)


def test_polynomials_are_critical_about_1_and_squares_by_a_batch():
    layer = critical_(KernelLinear(30, 30, "polynomial"))
    assert (layer.coef0 - 1 + layer.gamma * layer.weight.sum(1)).abs().max() < 1e-4
    batch = torch.randn(200, 30)
    model = nn.Sequential(*(KernelLinear(30, 30, "polynomial") for _ in range(3)))
    found = measure_propagation(critical_(model, batch), batch)
    assert [round(layer.chi, 3) for layer in found[1:]] == [1, 1]


def test_gaussian_layers_are_left_alone():
    model = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), KernelLinear(5, 5, "gaussian"))
    before = model[2].weight.clone()
    critical_(model, torch.randn(20, 5))
    assert torch.equal(model[2].weight, before)
    with pytest.raises(InvalidParameterError, match="prototypes_"):
        critical_(KernelLinear(5, 5, "gaussian"))


def test_generators_decide_and_modes_and_gradients_stay():
    batch = torch.randn(64, 12)
    make = lambda: chain(MAKERS["nn.Linear, dropout, GELU"], [12, 12, 12])  # noqa: E731
    models = [critical_(make(), batch, generator=torch.Generator().manual_seed(1)) for _ in "ab"]
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.requires_grad and one.grad is None and one.is_leaf
    assert all(module.training for module in models[0].modules())
    model = make()
    model[1].eval()
    critical_(model, batch)
    assert not model[1].training and model.training
    assert not model[0]._forward_pre_hooks


def test_it_returns_what_it_was_given():
    layer = KernelLinear(3, 4, "sigmoid")
    assert critical_(layer) is layer


def test_shared_layers_are_set_once():
    shared = nn.Linear(16, 16)
    model = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), shared, nn.Tanh(), shared, nn.Tanh())
    batch = torch.randn(100, 16)
    critical_(model, batch)
    assert measure_propagation(model, batch)[1].chi == pytest.approx(1)


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(["sigmoid", "logistic"]))
def test_any_shape(inputs, outputs, kernel):
    for layer in (KernelLinear(inputs, outputs, kernel), KernelConv2d(inputs, outputs, 2, kernel)):
        assert torch.isfinite(critical_(layer).weight).all()


def test_low_precision():
    layer = critical_(KernelLinear(8, 8, "sigmoid", dtype=torch.bfloat16))
    assert torch.allclose(layer.weight.float() @ layer.weight.float().T, torch.eye(8), atol=0.05)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: critical_(nn.Tanh()), InvalidParameterError, "Tanh has no layer with weights"),
        (
            lambda: critical_(nn.Linear(2, 2), response="tan"),
            InvalidParameterError,
            "did you mean 'tanh'",
        ),
        (
            lambda: critical_(nn.Linear(2, 2), torch.randn(3, 2), bias_variance=0.1),
            InvalidParameterError,
            "leave one of them out",
        ),
        (
            lambda: critical_(nn.Linear(2, 2), bias_variance=-1),
            InvalidParameterError,
            "bias_variance=-1",
        ),
        (
            lambda: critical_(nn.Linear(2, 2), response="relu", bias_variance=0.1),
            InvalidParameterError,
            "or give a batch",
        ),
        (lambda: critical_(nn.LazyLinear(2)), InvalidParameterError, "does not know its shape"),
        (
            lambda: critical_(nn.Linear(2, 2, device="meta")),
            InvalidParameterError,
            "meta device",
        ),
        (
            lambda: critical_(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))),
            InvalidParameterError,
            "parametrise then",
        ),
        (
            lambda: critical_(nn.Linear(2, 2), torch.randn(1, 2)),
            InvalidDataError,
            r"shape \(1, 2\)",
        ),
        (lambda: critical_(nn.Linear(2, 2), [1.0, 2.0]), InvalidDataError, "a list"),
        (
            lambda: critical_(nn.Linear(2, 2), torch.full((5, 2), torch.nan)),
            InvalidDataError,
            "NaN",
        ),
        (
            lambda: critical_(nn.Linear(2, 2), torch.ones(5, 2)),
            InvalidDataError,
            "the same for the whole batch",
        ),
    ],
)
def test_what_cannot_be_done(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_gamma_of_zero():
    layer = KernelLinear(2, 2, "sigmoid")
    with torch.no_grad():
        layer.gamma.zero_()
    with pytest.raises(InvalidParameterError, match="gamma that is not 0"):
        critical_(layer)
