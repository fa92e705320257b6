"""The additive kernel as a layer: naive oracle, contract, initialisation, bad inputs."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.kernels import AdditiveSigmoid
from ogive.nn import additive_linear
from ogive.nn.additive_linear import AdditiveKernelLinear, additive_heads
from ogive.testing.layer_contract import LAYER_CHECKS, LayerCase
from ogive.testing.tolerances import assert_close

KERNELS = ("logistic", "sigmoid")


def naive(x, layer):
    """Return the layer's answer by the formula, in numpy and by loops."""
    alpha, offset, weight = (p.detach().double().numpy() for p in list(layer.parameters())[:3])
    bias = np.zeros(layer.out_features) if layer.bias is None else layer.bias.detach().numpy()
    function = np.tanh if layer.kernel == "sigmoid" else lambda z: 1 / (1 + np.exp(-z))
    answer = np.zeros((len(x), layer.out_features))
    for i, j in itertools.product(range(len(x)), range(layer.out_features)):
        for h in range(layer.heads):
            argument = sum(alpha[h, k] * x[i, k] for k in range(layer.in_features)) + offset[h, j]
            answer[i, j] += weight[h] * function(argument)
    return answer + bias


def case(kernel, *, bias=True):
    def inputs(dtype):
        return (torch.randn(3, 4, generator=torch.Generator().manual_seed(5)).to(dtype),)

    def make(dtype):
        return AdditiveKernelLinear(4, 5, heads=3, kernel=kernel, bias=bias, dtype=dtype)

    return LayerCase(f"additive {kernel}{'' if bias else ', no bias'}", make, inputs)


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("layer", [case("logistic"), case("sigmoid", bias=False)], ids=str)
def test_contract(layer, check):
    check(layer)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("rows", "d", "out", "heads"), [(0, 3, 2, 2), (1, 1, 1, 1), (7, 3, 4, 5), (5, 6, 1, 2)]
)
def test_naive_formula(kernel, bias, rows, d, out, heads):
    layer = AdditiveKernelLinear(d, out, heads, kernel=kernel, bias=bias, dtype=torch.float64)
    x = torch.randn(rows, d, dtype=torch.float64)
    assert_close(layer(x), naive(x.numpy(), layer), "product", torch.float64)


@given(st.integers(0, 20), st.integers(1, 6), st.integers(1, 5), st.integers(1, 40), st.booleans())
def test_tiles_change_nothing(rows, out, heads, entries, tanh):
    """Gradients and values in tiles of any size are those of autograd on the plain formula."""
    inputs = [torch.randn(s, dtype=torch.float64) for s in ((rows, heads), (heads, out), (heads,))]
    gradient = torch.randn(rows, out, dtype=torch.float64)
    u, offset, weight = (t.requires_grad_() for t in inputs)
    function = torch.tanh if tanh else torch.sigmoid
    expected = torch.einsum("iho,h->io", function(u[:, :, None] + offset), weight)
    wanted = torch.autograd.grad(expected, inputs, gradient)
    before = additive_linear._TILE_ENTRIES
    additive_linear._TILE_ENTRIES = entries
    try:
        found = additive_heads(u, offset, weight, "sigmoid" if tanh else "logistic")
        got = torch.autograd.grad(found, inputs, gradient)
    finally:
        additive_linear._TILE_ENTRIES = before
    assert_close(found, expected, "product", torch.float64)
    for mine, theirs in zip(got, wanted, strict=True):
        assert_close(mine, theirs, "gradient", torch.float64)


def test_it_is_the_additive_kernel_with_prototypes():
    """With b_hj = β_hᵀz_j + γ_h the layer is the kernel matrix between inputs and z_j."""
    generator = np.random.default_rng(0)
    kernel = AdditiveSigmoid.random(6, heads=4, seed=1)
    x, z = generator.standard_normal((5, 6)), generator.standard_normal((3, 6))
    layer = AdditiveKernelLinear(6, 3, 4, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.alpha.copy_(torch.from_numpy(kernel.alpha))
        layer.offset.copy_(torch.from_numpy((z @ kernel.beta.T + kernel.gamma).T))
        layer.weight.fill_(kernel.weight)
    assert_close(layer(torch.from_numpy(x)), kernel(x, z), "entry", torch.float64)


def test_one_head_ranks_all_inputs_alike():
    x = torch.randn(200, 10, dtype=torch.float64)
    for heads, alike in ((1, True), (4, False)):
        answer = AdditiveKernelLinear(10, 6, heads, dtype=torch.float64)(x)
        orders = answer.argsort(0)
        assert bool((orders == orders[:, :1]).all()) is alike


def test_number_of_parameters():
    for bias in (True, False):
        layer = AdditiveKernelLinear(30, 20, heads=7, bias=bias)
        found = sum(p.numel() for p in layer.parameters())
        assert found == 7 * (30 + 20 + 1) + 20 * bias


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("heads", [8, 48])  # fewer and more than features
def test_initialisation_is_critical(kernel, heads):
    """By Monte Carlo: χ = 1, outputs centred, of variance 0.79 over inputs."""
    torch.manual_seed(1)
    d, out, rows, layers = 32, 64, 64, 24
    chi, variance, mean = [], [], []
    for _ in range(layers):
        layer = AdditiveKernelLinear(d, out, heads, kernel=kernel, dtype=torch.float64)
        x = torch.randn(rows, d, dtype=torch.float64)
        change = 1e-5 * torch.randn(rows, d, dtype=torch.float64)
        with torch.no_grad():
            answer, moved = layer(x), layer(x + change)
        chi.append(float((moved - answer).square().mean() / change.square().mean()))
        variance.append(float(answer.var(0).mean()))
        mean.append(float(answer.mean()))
    assert np.mean(chi) == pytest.approx(1, abs=0.06)
    assert np.mean(variance) == pytest.approx(0.79, abs=0.06)
    assert abs(np.mean(mean)) < 0.3


def test_the_number_of_the_initialisation():
    """1 / √E[tanh'(z)²] for z ~ N(0, 5), by quadrature; and both kernels start alike."""
    z = np.linspace(-60, 60, 400_001)
    density = np.exp(-(z**2) / 10) / math.sqrt(10 * math.pi)
    expected = (density / np.cosh(np.clip(z, -40, 40)) ** 4).sum() * (z[1] - z[0])
    assert pytest.approx(expected**-0.5, rel=1e-9) == additive_linear._CRITICAL_WEIGHT
    answers = []
    for kernel in KERNELS:
        torch.manual_seed(0)
        layer = AdditiveKernelLinear(5, 4, 3, kernel=kernel, dtype=torch.float64)
        answers.append(layer(torch.ones(5, dtype=torch.float64)))
    assert_close(*answers, "product", torch.float64)


def test_memory_is_that_of_the_answer():
    """No tensor of batch × heads × out is made; what is kept for the backward pass is small."""
    layer = AdditiveKernelLinear(4, 50, heads=40)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        answer = layer(torch.randn(60, 4))
    assert max(t.numel() for t in kept) < answer.numel()


def test_functional_transforms():
    """torch.func.grad agrees with autograd."""
    layer = AdditiveKernelLinear(4, 3, heads=2, dtype=torch.float64)
    x = torch.randn(5, 4, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda v: layer(v).sum(), x)
    assert_close(torch.func.grad(lambda v: layer(v).sum())(x), expected, "gradient", torch.float64)


def test_export_with_any_batch():
    layer = AdditiveKernelLinear(4, 3, heads=2).eval()
    batch = torch.export.Dim("batch", min=2, max=10_000)
    program = torch.export.export(layer, (torch.randn(6, 4),), dynamic_shapes=({0: batch},))
    x = torch.randn(4001, 4)
    assert_close(program.module()(x), layer(x), "product", torch.float32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_features": 0}, "in_features=0"),
        ({"out_features": 2.5}, "out_features=2.5"),
        ({"heads": 0}, "heads=0"),
        ({"kernel": "logistc"}, "did you mean 'logistic'"),
        ({"kernel": 3}, "kernel=3 is unknown"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(InvalidParameterError, match=message):
        AdditiveKernelLinear(**{"in_features": 3, "out_features": 2, **options})


def test_bad_inputs():
    with pytest.raises(InvalidDataError, match=r"\(5, 4\) has 4 features .* made for 3"):
        AdditiveKernelLinear(3, 2)(torch.zeros(5, 4))
    with pytest.raises(InvalidDataError, match=r"u has shape \(5, 4\), offset \(3, 2\)"):
        additive_heads(torch.zeros(5, 4), torch.zeros(3, 2), torch.zeros(3))
