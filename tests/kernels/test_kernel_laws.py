"""What single kernels promise beyond the contract, and arbitrary data."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.kernels import (
    AdditiveSigmoid,
    CallableKernel,
    Gaussian,
    Linear,
    Logistic,
    Polynomial,
    Sigmoid,
)
from ogive.kernels.epilogue import Exp, Identity, LogisticFunction, Power, Tanh
from ogive.kernels.scale import DataScale
from ogive.testing import assert_close, oracles, tolerance

values = st.floats(-3, 3, allow_subnormal=False)


@st.composite
def two_sides(draw):
    n, m, d = (draw(st.integers(1, size)) for size in (6, 6, 4))
    return draw(arrays(np.float64, (n, d), elements=values)), draw(
        arrays(np.float64, (m, d), elements=values)
    )


@given(two_sides(), st.floats(-2, 2), st.floats(-20, 20))
def test_s_shaped_kernels_equal_their_formula_anywhere(sides, gamma, coef0):
    for kernel, oracle in (
        (Sigmoid(gamma, coef0), oracles.sigmoid(gamma, coef0)),
        (Logistic(gamma, coef0), oracles.logistic(gamma, coef0)),
    ):
        # Slope 1 and pairings of up to 36 · 2 + 20.
        assert_close(kernel(*sides), oracle(*sides), "entry", np.float64, amplification=10)
        assert (np.abs(kernel(*sides)) <= 1).all()


@given(two_sides(), st.floats(1e-3, 5))
def test_gaussian_equals_its_formula_and_stays_within_bounds(sides, gamma):
    answer = Gaussian(gamma)(*sides)
    expected = oracles.gaussian(gamma)(*sides)
    # Norms of up to 36 times gamma.
    assert_close(answer, expected, "entry", np.float64, amplification=200)
    assert (answer >= 0).all() and (answer <= 1).all()
    assert (np.diag(Gaussian(gamma)(sides[0])) == 1).all()


@pytest.mark.parametrize("gamma", [0.1, -0.1, 0.0])
@pytest.mark.parametrize("coef0", [-9.0, 9.0, 0.0, -20.0, 20.0])
def test_precise_form_of_the_sigmoid_keeps_its_digits(gamma, coef0):
    x, z = (np.random.default_rng(s).uniform(-1, 1, (9, 5)).astype(np.float32) for s in (0, 1))
    oracle = oracles.tanh_plus_one if coef0 <= 0 else oracles.tanh_minus_one
    expected = oracle(gamma, coef0)(x, z)
    answer = Sigmoid(gamma, coef0).up_to_constant()(x, z)
    assert_close(answer, expected, "digits", np.float32, size=np.abs(expected))
    assert answer.dtype == np.float32
    # The same law fails for the plain form: the test can tell the difference.
    plain = Sigmoid(gamma, coef0)(x, z) + (1 if coef0 <= 0 else -1)
    if abs(coef0) >= 9:
        error = np.abs(plain - expected).max() / np.abs(expected).max()
        assert error > 100 * tolerance("digits", np.float32)


@pytest.mark.parametrize("coef0", [-18.0, 18.0])
def test_precise_form_of_the_logistic_keeps_its_digits(coef0):
    x = np.random.default_rng(0).uniform(-1, 1, (9, 5)).astype(np.float32)
    half = oracles.tanh_plus_one if coef0 <= 0 else oracles.tanh_minus_one
    expected = half(0.1, coef0 / 2)(x, x) / 2
    answer = Logistic(0.2, coef0).up_to_constant()(x)
    assert_close(answer, expected, "digits", np.float32, size=np.abs(expected))


def test_precise_form_reaches_into_sums_and_multiples():
    kernel = 3 * (Sigmoid(0.1, -9.0) + Sigmoid(0.2, 9.0))
    expected = 3 * (Sigmoid(0.1, -9.0).up_to_constant() + Sigmoid(0.2, 9.0).up_to_constant())
    assert kernel.up_to_constant() == expected
    assert (Sigmoid(0.1, -9.0) * Linear()).up_to_constant() == Sigmoid(0.1, -9.0) * Linear()


@pytest.mark.parametrize("kernel", [Sigmoid("scale", -1.0), Sigmoid(0.1, "suggest")])
def test_precise_form_of_an_unresolved_kernel_says_so(kernel):
    with pytest.raises(InvalidParameterError, match="resolve"):
        kernel.up_to_constant()


# Data-scaled parameters -------------------------------------------------------------------------

data_with_weights = st.integers(1, 8).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (n, 3), elements=values),
        arrays(np.int64, n, elements=st.integers(0, 4)).filter(lambda w: w.sum() > 0),
    )
)


@given(data_with_weights, st.sampled_from(["scale", "auto", "suggest"]))
def test_weights_are_repetitions_and_rules_are_their_formulas(data, rule):
    X, weight = data
    repeated = np.repeat(X, weight, axis=0)
    weighted = Sigmoid(rule).resolve(X, sample_weight=weight).gamma
    expected = oracles.gamma_rule(repeated, rule)
    # Where the variance is rounding noise beside the mean, so is its inverse.
    if rule == "scale" and repeated.var() < 1e-6 * (repeated**2).mean():
        return
    assert_close(weighted / expected, 1.0, "scale", np.float64, amplification=1e6)
    assert weighted == pytest.approx(Sigmoid(rule).resolve(repeated).gamma, rel=1e-6)


@pytest.mark.parametrize("rule", ["scale", "auto", "suggest"])
@pytest.mark.parametrize("offset", [0.0, 3.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rules_on_shifted_data(rule, offset, dtype):
    X = (offset + np.random.default_rng(0).normal(size=(200, 6))).astype(dtype)
    expected = oracles.gamma_rule(X, rule)
    for kernel in (Sigmoid(rule), Logistic(rule), Polynomial(gamma=rule)):
        for given_ in (X, torch.tensor(X), sparse.csr_matrix(X)):
            found = kernel.resolve(given_).gamma
            # The mean may be far larger than the spread: no difference of large sums will do.
            assert_close(found / expected, 1.0, "scale", dtype, amplification=10)
    if rule != "suggest":
        assert Gaussian(rule).resolve(X).gamma == Sigmoid(rule).resolve(X).gamma


def test_suggested_offset_and_constant_data():
    X = np.ones((5, 2))
    assert Sigmoid("scale", "suggest").resolve(X) == Sigmoid(1.0, 0.5)
    assert Sigmoid("suggest").resolve(0 * X) == Sigmoid(1.0, 0.0)
    assert Sigmoid("suggest", "suggest").resolve(X).gamma == pytest.approx(0.25, rel=1e-12)


def test_resolving_keeps_what_is_a_number():
    X = np.random.default_rng(0).normal(size=(20, 3))
    gamma = 1 / (3 * X.var())
    kernel = 2 * (Polynomial(2, "scale", 0.5) + Sigmoid(0.1, "suggest")) * AdditiveSigmoid.random(3)
    resolved = kernel.resolve(X)
    first = resolved.left.inner.left
    assert first.degree == 2 and first.coef0 == 0.5 and first.gamma == pytest.approx(gamma)
    assert resolved.left.inner.right == Sigmoid(0.1, 0.5)
    assert resolved.right == AdditiveSigmoid.random(3)


@pytest.mark.parametrize("weight", [np.zeros(4), np.ones(3), np.ones(5), np.array([1, 1, 1, -9.0])])
def test_impossible_weights_raise(weight):
    with pytest.raises(InvalidDataError, match="sample_weight"):
        DataScale.measure(torch.rand(4, 2), weight)


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Sigmoid("sclae"), "did you mean 'scale'"),
        (lambda: Sigmoid(0.1, "scale"), "coef0='scale'"),
        (lambda: Sigmoid(float("nan")), "finite"),
        (lambda: Sigmoid(float("inf")), "finite"),
        (lambda: Sigmoid(True), "gamma=True"),
        (lambda: Sigmoid(None), "gamma=None"),
        (lambda: Sigmoid(torch.ones(2)), r"shape \(2,\)"),
        (lambda: Sigmoid(torch.tensor(1)), "int64"),
        (lambda: Gaussian(0.0), "above 0"),
        (lambda: Gaussian(-1.0), "above 0"),
        (lambda: Gaussian("suggest"), "gamma='suggest'"),
        (lambda: Polynomial(0), "degree=0"),
        (lambda: Polynomial(2, 1.0, "auto"), "coef0='auto'"),
        (lambda: float("nan") * Linear(), "factor=nan"),
        (lambda: AdditiveSigmoid([[1.0, 2.0]], [[1.0]]), "beta"),
        (lambda: AdditiveSigmoid([[1.0, 2.0]], gamma=[1.0, 2.0]), "gamma"),
        (lambda: AdditiveSigmoid([[1.0, 2.0]], weight=np.ones(3)), "weight"),
    ],
)
def test_impossible_parameters_raise_when_the_kernel_is_made(build, message):
    with pytest.raises(InvalidParameterError, match=message):
        build()


def test_a_number_of_any_kind_will_do():
    X = np.eye(2)
    for number in (1, 1.0, np.float32(1.0), np.int64(1)):
        assert np.array_equal(Sigmoid(number, number)(X), Sigmoid(1.0, 1.0)(X))
        assert number * Linear() == 1.0 * Linear() == Linear() * number


def test_definite_by_formula():
    assert Linear().positive_definite and Gaussian(1.0).positive_definite
    assert Polynomial(2, 1.0, 0.0).positive_definite
    for other in (Polynomial(2, 1.0, -0.1), Polynomial(2.5, 1.0, 1.0), Polynomial(2, -1.0, 1.0)):
        assert not other.positive_definite
    assert not Polynomial(2, "scale", 1.0).positive_definite
    assert not Sigmoid(1.0).positive_definite and not Logistic(1.0).positive_definite
    assert (Linear() * Gaussian(1.0)).positive_definite and (2 * Linear()).positive_definite
    assert not (Linear() * Sigmoid(1.0)).positive_definite


# Single families --------------------------------------------------------------------------------


def test_a_wrong_shape_from_a_user_function_is_named():
    kernel = CallableKernel(lambda X, Z: np.ones((len(X), len(Z) + 1)))
    with pytest.raises(InvalidDataError, match=r"\(3, 3\) for 3 and 2 rows"):
        kernel(np.ones((3, 1)), np.ones((2, 1)))


def test_random_heads():
    kernel = AdditiveSigmoid.random(5, heads=4, seed=3)
    assert kernel == AdditiveSigmoid.random(5, heads=4, seed=3)
    assert kernel != AdditiveSigmoid.random(5, heads=4, seed=4)
    assert kernel.heads == 4 and not kernel.symmetric and kernel.weight == 0.25
    tied = AdditiveSigmoid.random(5, heads=4, seed=3, tied=True)
    assert tied.symmetric and tied.beta is None and np.array_equal(tied.alpha, kernel.alpha)
    X = np.random.default_rng(0).normal(size=(2000, 5))
    wide = AdditiveSigmoid.random(5, heads=500, scale=3.0)
    # 500 heads: a standard deviation is known to about 3 %.
    assert (X @ wide.alpha.T).std() == pytest.approx(3.0, rel=0.1)
    assert wide.gamma.std() == pytest.approx(3.0, rel=0.1)


def test_additive_is_symmetric_only_if_tied():
    alpha = np.array([[1.0, 2.0]])
    assert (
        AdditiveSigmoid(alpha, alpha).symmetric and AdditiveSigmoid(alpha, alpha.copy()).symmetric
    )
    assert AdditiveSigmoid(alpha).transposed().symmetric
    assert not AdditiveSigmoid(alpha, 2 * alpha).symmetric


def test_additive_refuses_rows_of_another_width():
    with pytest.raises(InvalidDataError, match="alpha"):
        AdditiveSigmoid([[1.0, 2.0]])(np.ones((2, 3)))


def test_additive_does_not_share_the_callers_array():
    alpha = np.array([[1.0, 2.0]])
    kernel = AdditiveSigmoid(alpha)
    alpha[:] = 0
    assert np.array_equal(kernel.alpha, [[1.0, 2.0]])


@pytest.mark.parametrize(
    "epilogue", [Identity(), Power(3), Power(2), Exp(), Tanh(), LogisticFunction()]
)
def test_an_epilogue_is_one_function_in_every_namespace(epilogue):
    z = np.array([[-700.0, -30.0, -1.0], [0.0, 0.5, 3.0]])
    expected = epilogue.formula(z, np)
    assert_close(epilogue(torch.tensor(z)), expected, "entry", np.float64)
    assert_close(epilogue.formula(torch.tensor(z), torch), expected, "entry", np.float64)
    given_ = torch.tensor(z)
    answer = epilogue.overwrite(given_)
    assert answer.data_ptr() == given_.data_ptr()
    assert_close(answer, expected, "entry", np.float64)
    if isinstance(epilogue, LogisticFunction):
        assert expected[0, 0] == pytest.approx(np.exp(-700.0), rel=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [2**10, 2**18 + 7])
def test_tanh_of_few_and_many_numbers(size, threads):
    """Many are overwritten by a loop of our own, on as many threads as torch has."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(size, generator=generator) * torch.logspace(-30, 2, size)
    z[:6] = torch.tensor([0.0, -1e-38, torch.inf, -torch.inf, torch.nan, 9.01])
    expected = z.double().tanh()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        answer = Tanh().overwrite(z)
    finally:
        torch.set_num_threads(before)
    assert answer.data_ptr() == z.data_ptr()
    torch.testing.assert_close(answer.double(), expected, rtol=2e-7, atol=0.0, equal_nan=True)
    across = torch.ones(600, 600)[:, ::2]  # not one block of memory
    assert torch.equal(Tanh().overwrite(across), torch.ones(600, 300).tanh())
