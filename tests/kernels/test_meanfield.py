"""Signal propagation: every number of the theory derived again, by other means."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from ogive._errors import InvalidParameterError
from ogive.kernels.epilogue import Exp, Identity, LogisticFunction, Power, Tanh
from ogive.kernels.meanfield import (
    chi,
    critical_point,
    depth_scale,
    fixed_point,
    normal_mean,
    slope,
    variance_map,
)

# φ and φ' as scipy's quadrature is given them, written out.
SCALAR = {
    "tanh": (Tanh(), math.tanh, lambda u: 1 / math.cosh(u) ** 2),
    "logistic": (
        LogisticFunction(),
        lambda u: 0.5 + 0.5 * math.tanh(u / 2),
        lambda u: 0.25 / math.cosh(u / 2) ** 2,
    ),
    "exp": (Exp(), math.exp, math.exp),
    "relu": (torch.relu, lambda u: max(u, 0.0), lambda u: float(u > 0)),
    "cube": (Power(3), lambda u: u**3, lambda u: 3 * u**2),
}


def by_quad(function, variance, mean):
    """E[f(√variance z + mean)] by adaptive quadrature, in pieces around where f bends."""
    root = math.sqrt(variance)
    far = 12 + 2 * root
    bend = min(max(-mean / root, -far), far)
    points = sorted({bend, *(min(max(bend + s / root, -far), far) for s in (-9, -3, -1, 1, 3, 9))})
    edges = [-far, *points, far]

    def density(z):
        return function(root * z + mean) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    pieces = itertools.pairwise(edges)
    return sum(integrate.quad(density, a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in pieces)


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize("mean", [0.0, -1.3, 0.4])
@pytest.mark.parametrize("variance", [1e-4, 0.3, 1.0, 7.0, 50.0])
def test_both_maps_agree_with_adaptive_quadrature(name, mean, variance):
    if name == "exp" and variance > 10:
        pytest.skip("scipy's own exp overflows")
    function, value, derivative = SCALAR[name]
    expected = 2.3 * by_quad(lambda u: (value(u) - 0.2) ** 2, variance, mean) + 0.7
    found = variance_map(
        function,
        variance,
        weight_variance=2.3,
        bias_variance=0.7,
        bias_mean=mean,
        centre=0.2,
    )
    assert found == pytest.approx(expected, rel=1e-10)
    expected = 2.3 * by_quad(lambda u: derivative(u) ** 2, variance, mean)
    found = chi(function, variance, weight_variance=2.3, bias_mean=mean)
    assert found == pytest.approx(expected, rel=1e-10)


@given(st.floats(1e-6, 1e6), st.floats(-20, 20))
def test_moments_of_the_normal_distribution(variance, mean):
    assert normal_mean(torch.ones_like, variance, mean) == pytest.approx(1, rel=1e-12)
    second = normal_mean(torch.square, variance, mean)
    assert second == pytest.approx(variance + mean**2, rel=1e-12)
    share = normal_mean(lambda u: (u > 0).double(), variance, mean)
    assert share == pytest.approx(0.5 * math.erfc(-mean / math.sqrt(2 * variance)), abs=1e-12)


@pytest.mark.parametrize("variance", [0.01, 1.0, 4.0])
def test_the_mean_of_the_exponential_is_known(variance):
    found = normal_mean(torch.exp, variance, -0.5)
    assert found == pytest.approx(math.exp(variance / 2 - 0.5), rel=1e-12)


def test_a_mean_that_overflows_is_infinite():
    assert normal_mean(lambda u: torch.exp(u * u), 4.0) == math.inf


@pytest.mark.parametrize("function", [Tanh(), LogisticFunction(), torch.relu])
def test_both_maps_agree_with_random_numbers(function):
    u = 1.7 * np.random.default_rng(0).normal(size=400_000) - 0.3
    u = torch.from_numpy(u)
    q = variance_map(function, 1.7**2, bias_mean=-0.3)
    assert q == pytest.approx(float(function(u).square().mean()), rel=0.01)
    step = 1e-5
    difference = (function(u + step) - function(u - step)) / (2 * step)
    growth = chi(function, 1.7**2, bias_mean=-0.3)
    assert growth == pytest.approx(float(difference.square().mean()), rel=0.01)


def test_a_wide_random_network_does_what_the_theory_says():
    torch.manual_seed(0)
    width, weight_variance, bias_variance = 1500, 1.9, 0.1
    x = torch.randn(width, dtype=torch.float64)
    direction = torch.randn(width, dtype=torch.float64)
    q = weight_variance * float(x.square().mean()) + bias_variance
    for _ in range(4):
        weight = torch.randn(width, width).double() * math.sqrt(weight_variance / width)
        u = weight @ x + math.sqrt(bias_variance) * torch.randn(width).double()
        assert float(u.square().mean()) == pytest.approx(q, rel=0.1)
        growth = float((slope(torch.tanh, u) * (weight @ direction)).square().mean())
        growth /= float(direction.square().mean())
        assert chi(torch.tanh, q, weight_variance=weight_variance) == pytest.approx(growth, rel=0.1)
        x = torch.tanh(u)
        q = variance_map(
            torch.tanh, q, weight_variance=weight_variance, bias_variance=bias_variance
        )


# The numbers of the theory ----------------------------------------------------------------------


def test_tanh_is_critical_at_gain_1_without_offsets():
    point = critical_point(Tanh())
    assert (point.gain, point.variance, point.centre) == (1.0, 0.0, 0.0)
    assert fixed_point(Tanh()) == 0.0
    assert chi(Tanh(), 0.0) == 1.0


@pytest.mark.parametrize(
    ("bias_variance", "expected"),
    [(0.0, 1.0), (0.01, 1.424), (0.05, 1.761), (0.1, 1.986), (0.3, 2.505)],
)
def test_the_critical_line_of_tanh(bias_variance, expected):
    point = critical_point(Tanh(), bias_variance=bias_variance)
    assert round(point.weight_variance, 3) == expected
    settled = fixed_point(
        Tanh(), weight_variance=point.weight_variance, bias_variance=bias_variance
    )
    assert settled == pytest.approx(point.variance, rel=1e-9, abs=1e-12)
    assert chi(Tanh(), settled, weight_variance=point.weight_variance) == pytest.approx(1)


def test_torchs_gain_for_tanh_explodes():
    variance = torch.nn.init.calculate_gain("tanh") ** 2
    settled = fixed_point(Tanh(), weight_variance=variance)
    growth = chi(Tanh(), settled, weight_variance=variance)
    assert round(growth, 2) == 1.21
    assert depth_scale(growth) < 0


def test_torchs_linear_layer_vanishes_under_tanh():
    torch.manual_seed(0)
    layer = torch.nn.Linear(600, 600)
    weight_variance = 600 * float(layer.weight.detach().var())
    assert weight_variance == pytest.approx(1 / 3, rel=0.01)
    settled = fixed_point(Tanh(), weight_variance=1 / 3)
    assert chi(Tanh(), settled, weight_variance=1 / 3) == pytest.approx(1 / 3)


def test_a_logistic_layer_of_gain_1_vanishes():
    settled = fixed_point(LogisticFunction())
    assert round(chi(LogisticFunction(), settled), 3) == 0.056


def test_the_centred_logistic_layer_is_critical_at_gain_4():
    point = critical_point(LogisticFunction(), centre=0.5)
    assert (point.gain, point.variance) == (4.0, 0.0)


def test_the_logistic_layer_that_is_not_centred_is_critical_at_gain_10():
    assert round(critical_point(LogisticFunction()).gain, 2) == 10.15


@pytest.mark.parametrize("bias_variance", [0.0, 0.01, 0.1])
def test_the_centred_logistic_layer_is_tanh_of_half_the_argument(bias_variance):
    tanh = critical_point(Tanh(), bias_variance=bias_variance)
    logistic = critical_point(LogisticFunction(), bias_variance=4 * bias_variance, centre=0.5)
    assert logistic.weight_variance == pytest.approx(16 * tanh.weight_variance, rel=1e-6)
    assert logistic.variance == pytest.approx(4 * tanh.variance, rel=1e-6, abs=1e-12)


def test_rectifiers_are_critical_at_the_variance_of_he():
    assert critical_point(torch.relu).weight_variance == pytest.approx(2)
    assert fixed_point(torch.relu, weight_variance=2.0, start=0.7) == pytest.approx(0.7)


def test_linear_layers_are_critical_at_gain_1():
    assert critical_point(Identity()).gain == pytest.approx(1)


# Fixed points -----------------------------------------------------------------------------------


@given(st.floats(1.001, 30), st.floats(0, 2))
def test_fixed_points_are_fixed(weight_variance, bias_variance):
    options = {"weight_variance": weight_variance, "bias_variance": bias_variance}
    q = fixed_point(Tanh(), **options)
    assert q > 0
    assert variance_map(Tanh(), q, **options) == pytest.approx(q, rel=1e-9)


def test_signals_that_die_or_explode():
    assert fixed_point(torch.relu, weight_variance=1.9) == 0
    assert fixed_point(torch.relu, weight_variance=2.1) == math.inf
    assert fixed_point(Tanh(), weight_variance=1.0001) == pytest.approx(5e-5, rel=1e-2)


def test_no_variance_at_all():
    assert variance_map(Tanh(), 0.0, bias_variance=0.3) == 0.3
    assert variance_map(LogisticFunction(), 0.0, weight_variance=2.0) == 0.5
    assert chi(LogisticFunction(), 0.0) == 1 / 16


def test_depth_scale():
    assert depth_scale(math.exp(-0.1)) == pytest.approx(10)
    assert depth_scale(1.0) == math.inf
    assert depth_scale(0.0) == 0.0


def test_slopes_need_no_gradient_mode():
    with torch.no_grad():
        assert slope(torch.sigmoid, torch.zeros(())) == 0.25
    with torch.inference_mode():
        assert slope(torch.tanh, torch.zeros(3)).tolist() == [1, 1, 1]
        assert chi(Tanh(), 1.0) == pytest.approx(0.4644, abs=1e-4)


def test_where_nothing_is_critical():
    with pytest.raises(InvalidParameterError, match=r"bias_variance=0.1.*try bias_variance=0"):
        critical_point(torch.relu, bias_variance=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: variance_map(Tanh(), -1.0), "variance=-1.0"),
        (lambda: variance_map(Tanh(), 1.0, weight_variance=-2.0), "weight_variance=-2.0"),
        (lambda: variance_map(Tanh(), 1.0, bias_variance=math.nan), "bias_variance=nan"),
        (lambda: fixed_point(Tanh(), start=0.0), "start=0.0"),
        (lambda: depth_scale(-1.0), "chi=-1.0"),
    ],
)
def test_numbers_that_make_no_sense(call, message):
    with pytest.raises(InvalidParameterError, match=message):
        call()
