"""Fully connected and convolutional kernel units: contract, naive oracles, bad inputs."""

import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ogive._errors import (
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
    SaturationWarning,
)
from ogive.kernels import AdditiveSigmoid, Gaussian, Linear, Logistic, Polynomial, Sigmoid
from ogive.nn import KernelConv1d, KernelConv2d, KernelLinear
from ogive.testing import LAYER_CHECKS, LayerCase, assert_close

NAMES = ("linear", "polynomial", "gaussian", "sigmoid", "logistic")
every_name = pytest.mark.parametrize("name", NAMES)


def normal(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def scrambled(layer):
    """Give gamma and coef0 values of their own, so that one in another's place is noticed."""
    with torch.no_grad():
        if layer.gamma is not None:
            layer.gamma.mul_((0.3 * normal(*layer.gamma.shape, seed=10)).exp())
        if layer.coef0 is not None:
            layer.coef0.add_(0.3 * normal(*layer.coef0.shape, seed=11))
    return layer


def cases():
    for name in NAMES:
        yield LayerCase(
            f"linear {name}",
            lambda dtype, name=name: KernelLinear(4, 3, name, dtype=dtype),
            lambda dtype: (normal(2, 5, 4, dtype=dtype),),
        )
        yield LayerCase(
            f"conv2d {name}",
            lambda dtype, name=name: KernelConv2d(2, 4, 3, name, padding=1, dtype=dtype),
            lambda dtype: (normal(2, 2, 4, 5, dtype=dtype),),
            leading=False,
        )
    for name in ("gaussian", "logistic"):
        yield LayerCase(
            f"one for all {name}",
            lambda dtype, name=name: KernelLinear(4, 3, name, per_unit=False, dtype=dtype),
            lambda dtype: (normal(5, 4, dtype=dtype),),
        )
        yield LayerCase(
            f"conv1d {name}",
            lambda dtype, name=name: KernelConv1d(
                4,
                6,
                3,
                name,
                stride=2,
                padding=2,
                dilation=2,
                groups=2,
                padding_mode="reflect",
                dtype=dtype,
            ),
            lambda dtype: (normal(2, 4, 7, dtype=dtype),),
            leading=False,
        )


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_contract(case, check):
    check(case)


def kernel_of(layer, unit):
    """Return the kernel of one unit as an object of ogive.kernels."""

    def number(parameter):
        return (parameter[unit] if layer.per_unit else parameter).item()

    if layer.kernel == "linear":
        return Linear()
    gamma = number(layer.gamma)
    if layer.kernel == "gaussian":
        return Gaussian(gamma)
    if layer.kernel == "polynomial":
        return Polynomial(layer.family.degree, gamma, number(layer.coef0))
    return {"sigmoid": Sigmoid, "logistic": Logistic}[layer.kernel](gamma, number(layer.coef0))


@every_name
@pytest.mark.parametrize("per_unit", [True, False])
def test_linear_units_are_the_kernels_of_ogive(name, per_unit):
    layer = scrambled(KernelLinear(3, 4, name, per_unit=per_unit, dtype=torch.float64))
    x = normal(6, 3)
    expected = torch.stack(
        [kernel_of(layer, j)(x, layer.weight[j : j + 1].detach())[:, 0] for j in range(4)], 1
    )
    assert_close(layer(x), expected, "product", torch.float64)


def naive_convolution(layer, x):
    """Walk over all places and all units; the pictures are padded by numpy."""
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    margins = layer._margins
    pairs = [tuple(margins[i : i + 2]) for i in range(0, len(margins), 2)][::-1]
    padded = np.pad(x.numpy(), [(0, 0), (0, 0), *pairs], modes[layer.padding_mode])
    reach = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    sizes = [
        (n - r) // s + 1 for n, r, s in zip(padded.shape[2:], reach, layer.stride, strict=True)
    ]
    out = np.empty((len(x), layer.out_channels, *sizes))
    width = layer.in_channels // layer.groups
    for unit in range(layer.out_channels):
        kernel = kernel_of(layer, unit)
        first = unit // (layer.out_channels // layer.groups) * width
        prototype = layer.weight[unit].detach().reshape(1, -1)
        for place in itertools.product(*map(range, sizes)):
            window = tuple(
                slice(i * s, i * s + r, d)
                for i, s, r, d in zip(place, layer.stride, reach, layer.dilation, strict=True)
            )
            patches = padded[(slice(None), slice(first, first + width), *window)]
            rows = torch.from_numpy(patches.reshape(len(x), -1).copy())
            out[(slice(None), unit, *place)] = kernel(rows, prototype)[:, 0].numpy()
    return out


@every_name
@given(
    kernel_size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)) | st.sampled_from(["same", "valid"]),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 2]),
    padding_mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    per_unit=st.booleans(),
)
def test_convolutions_are_kernels_of_patches(name, kernel_size, stride, padding, **rest):
    stride = 1 if padding == "same" else stride
    layer = KernelConv2d(
        2, 4, kernel_size, name, stride=stride, padding=padding, dtype=torch.float64, **rest
    )
    x = normal(2, 2, 6, 5)
    assert_close(scrambled(layer)(x), naive_convolution(layer, x), "product", torch.float64)


@every_name
def test_one_dimension_is_two_with_a_flat_one(name):
    layer = scrambled(KernelConv1d(2, 3, 3, name, padding="same", dtype=torch.float64))
    x = normal(2, 2, 6)
    assert_close(layer(x), naive_convolution(layer, x), "product", torch.float64)


@every_name
def test_a_picture_alone_and_channels_last(name):
    layer = scrambled(KernelConv2d(4, 6, 3, name, groups=2))
    x = normal(3, 4, 6, 5, dtype=torch.float32)
    expected = layer(x)
    assert_close(layer(x[0]), expected[0].detach(), "product", torch.float32)
    layer = layer.to(memory_format=torch.channels_last)
    answer = layer(x.contiguous(memory_format=torch.channels_last))
    assert answer.is_contiguous(memory_format=torch.channels_last)
    assert_close(answer, expected.detach(), "product", torch.float32)


def test_an_input_is_not_overwritten():
    x = normal(2, 3, 5, 5)
    before = x.clone()
    for name in NAMES:
        KernelConv2d(3, 2, 1, name, dtype=torch.float64)(x)
        KernelLinear(5, 2, name, dtype=torch.float64)(x)
    assert torch.equal(x, before)


def test_gamma_and_coef0_learn():
    torch.manual_seed(0)
    x = normal(200, 2, dtype=torch.float32)
    truth = torch.tanh(-1.5 * x @ torch.tensor([[1.0], [-1.0]]) + 0.7)
    layer = KernelLinear(2, 1, Sigmoid(0.3, 0.0))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0]]))
    layer.weight.requires_grad_(False)
    optimizer = torch.optim.Adam(layer.parameters(), 0.05)
    for _ in range(1500):
        optimizer.zero_grad()
        nn.functional.mse_loss(layer(x), truth).backward()
        optimizer.step()
    assert layer.gamma.item() == pytest.approx(-1.5, abs=0.01)
    assert layer.coef0.item() == pytest.approx(0.7, abs=0.01)


# Where it starts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "spread"), [("sigmoid", 1.0), ("logistic", 4.0), ("linear", 1.0)]
)
@pytest.mark.parametrize("gamma", [None, -0.02])
def test_critical_prototypes_give_the_argument_its_spread(kernel, spread, gamma):
    if gamma is not None and kernel == "linear":
        pytest.skip("it has no gamma")
    objects = {"sigmoid": Sigmoid(gamma or 1.0, 0.0), "logistic": Logistic(gamma or 1.0, 0.0)}
    torch.manual_seed(0)
    layer = KernelLinear(400, 300, kernel if gamma is None else objects[kernel])
    weight, _ = layer.folded()
    argument = normal(500, 400, dtype=torch.float32) @ weight.T
    assert float(argument.std()) == pytest.approx(spread, rel=0.02)


def test_the_logistic_layer_centres_logistic_inputs():
    layer = KernelLinear(50, 20, "logistic", dtype=torch.float64)
    middle = torch.full((1, 50), 0.5, dtype=torch.float64)
    assert_close(layer(middle), torch.full((1, 20), 0.5), "product", torch.float64)


@pytest.mark.parametrize(
    "make", [lambda **k: KernelLinear(6, 5, **k), lambda **k: KernelConv2d(2, 5, 3, **k)]
)
def test_numbers_of_an_object_are_what_is_started_with(make):
    for per_unit, shape in ((True, (5,)), (False, ())):
        layer = make(kernel=Sigmoid(0.25, -1.0), per_unit=per_unit)
        assert torch.equal(layer.gamma, torch.full(shape, 0.25))
        assert torch.equal(layer.coef0, torch.full(shape, -1.0))
    assert make(kernel="linear").gamma is None
    assert make(kernel=Gaussian(0.5)).coef0 is None
    assert make(kernel=Polynomial(2, 0.5, 1.0)).family.degree == 2


def test_random_prototypes_look_like_standardised_data():
    torch.manual_seed(0)
    for name in NAMES:
        layer = KernelLinear(300, 200, name, prototypes="random")
        assert float(layer.weight.std()) == pytest.approx(1.0, rel=0.02)
        if name in ("sigmoid", "logistic", "polynomial"):
            assert float(layer.gamma[0]) == pytest.approx(300**-0.5)
            assert not layer.coef0.any() or name == "polynomial"


# What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: KernelLinear(0, 3), InvalidParameterError, "in_features=0.*at least 1"),
        (lambda: KernelLinear(3, 2.5), InvalidParameterError, "out_features=2.5.*whole"),
        (lambda: KernelLinear(3, 2, "sigmoidal"), InvalidParameterError, "'sigmoidal'.*sigmoid"),
        (lambda: KernelLinear(3, 2, Sigmoid(0.0, 1.0)), InvalidParameterError, "gamma = 0"),
        (lambda: KernelLinear(3, 2, Gaussian(0.0)), InvalidParameterError, "gamma"),
        (lambda: KernelLinear(3, 2, Sigmoid("scale")), InvalidParameterError, "'scale'.*number"),
        (lambda: KernelLinear(3, 2, Polynomial(2.5, 1.0)), InvalidParameterError, "degree.*whole"),
        (
            lambda: KernelLinear(3, 2, AdditiveSigmoid([[1.0]])),
            InvalidTypeError,
            "AdditiveSigmoid.*'sigmoid'",
        ),
        (
            lambda: KernelLinear(3, 2, prototypes="kmeans"),
            InvalidParameterError,
            "'kmeans'.*random",
        ),
        (lambda: KernelConv2d(3, 4, 3, groups=2), InvalidParameterError, "groups=2.*in_channels=3"),
        (
            lambda: KernelConv2d(4, 3, 3, groups=2),
            InvalidParameterError,
            "groups=2.*out_channels=3",
        ),
        (lambda: KernelConv2d(3, 4, (3, 3, 3)), InvalidParameterError, "kernel_size=.*2 of them"),
        (lambda: KernelConv2d(3, 4, 3, padding="full"), InvalidParameterError, "'full'.*valid"),
        (
            lambda: KernelConv2d(3, 4, 3, padding="same", stride=2),
            InvalidParameterError,
            "padding='same' with stride",
        ),
        (lambda: KernelConv2d(3, 4, 3, padding_mode="zero"), InvalidParameterError, "'zeros'"),
        (lambda: KernelConv2d(3, 4, 3, padding=-1), InvalidParameterError, "padding=-1"),
        (
            lambda: KernelLinear(3, 2)(torch.zeros(5, 4)),
            InvalidDataError,
            r"\(5, 4\) has 4 features.*made for 3",
        ),
        (
            lambda: KernelConv2d(3, 2, 1)(torch.zeros(5, 4, 8, 8)),
            InvalidDataError,
            r"\(5, 4, 8, 8\) has 4 channels.*made for 3",
        ),
        (lambda: KernelConv2d(3, 2, 1)(torch.zeros(5, 4)), InvalidDataError, r"\(5, 4\).*channels"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        call()


def test_nan_in_the_first_batch_is_refused():
    x = torch.zeros(3, 2)
    x[1, 0] = float("nan")
    with pytest.raises(InvalidDataError, match="NaN in its first batch"):
        KernelLinear(2, 3)(x)


@pytest.mark.parametrize("name", ["sigmoid", "logistic", "gaussian"])
def test_saturation_is_warned_of_once(name):
    layer = KernelLinear(2, 3, name)
    with pytest.warns(SaturationWarning, match=r"100% .* saturated.*critical_"):
        layer(torch.full((5, 2), 1e4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(torch.full((5, 2), 1e4))
        KernelLinear(2, 3, name)(normal(50, 2, dtype=torch.float32))


def test_a_state_of_a_newer_version_is_refused():
    layer = nn.Sequential(KernelLinear(2, 3))
    state = layer.state_dict()
    state._metadata["0"]["version"] = 2
    with pytest.raises(InvalidModelError, match=r"state of 0 has version 2.*newer Ogive"):
        layer.load_state_dict(state)
