"""Signed landmark features as layers, against naive formulas and finite differences."""

import copy

import pytest
import torch
from torch import nn

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.kernels import Gaussian, Linear, Logistic, Polynomial, Sigmoid
from ogive.nn.nystroem_layer import NystroemConv2d, NystroemLayer, _AbsoluteRoot
from ogive.testing.layer_contract import (
    LAYER_CHECKS,
    LayerCase,
    check_autocast,
    check_compile,
    check_parameters_learn,
)


def rows(dtype):
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(3, 4, generator=generator, dtype=torch.float64).to(dtype),)


def images(dtype):
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(2, 2, 4, 4, generator=generator, dtype=torch.float64).to(dtype),)


LEARNING = (check_autocast, check_compile, check_parameters_learn)
CASES = [
    *(
        LayerCase(
            f"{kernel}, {'trained' if trainable else 'frozen'}",
            lambda dtype, kernel=kernel, trainable=trainable: NystroemLayer(
                4, 3, kernel, trainable=trainable, cut=0.05, dtype=dtype
            ),
            rows,
            twice=not trainable,
        )
        for kernel in ("sigmoid", "logistic", "gaussian", "polynomial", "linear")
        for trainable in (False, True)
    ),
    *(
        LayerCase(
            f"convolution, {'trained' if trainable else 'frozen'}",
            lambda dtype, trainable=trainable: NystroemConv2d(
                2, 3, 3, "sigmoid", padding=1, trainable=trainable, cut=0.05, dtype=dtype
            ),
            images,
            leading=False,
            twice=not trainable,
        )
        for trainable in (False, True)
    ),
]


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_contract(case, check):
    if "frozen" in case.name and check in LEARNING:
        check = check_inference
    check(case)


def check_inference(case):
    """What the checks that call backward say, without it."""
    layer, inputs = case.make(torch.float32), case.inputs(torch.float32)
    expected = layer(*inputs)
    assert not expected.requires_grad
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(*inputs), expected, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(*inputs), expected)


KERNELS = [
    Sigmoid(0.3, 0.2),
    Sigmoid(0.3, -1.0),
    Logistic(0.5, -0.5),
    Gaussian(0.2),
    Polynomial(3, 0.2, 1.0),
    Linear(),
]


def naive(kernel, x, landmarks, floor):
    """Return features and sign by the eigendecomposition, written out."""
    values, vectors = torch.linalg.eigh(kernel(landmarks))
    damped = (values**2 + floor**2) ** 0.25
    root = vectors @ torch.diag(1 / damped) @ vectors.T
    return kernel(x, landmarks) @ root, vectors @ torch.diag(values / damped**2) @ vectors.T


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_features_and_signature_agree_with_the_formula(kernel, trainable):
    x = torch.randn(40, 6, dtype=torch.float64)
    layer = NystroemLayer.from_data(x, 15, kernel, trainable=trainable, cut=1e-3)
    largest = torch.linalg.eigvalsh(kernel(layer.landmarks.detach())).abs().max()
    features, sign = naive(kernel, x, layer.landmarks.detach(), 1e-3 * largest)
    assert torch.allclose(layer(x), features, atol=1e-9)
    assert torch.allclose(layer.signature, sign, atol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_with_all_rows_as_landmarks_the_kernel_comes_back(kernel):
    x = torch.randn(25, 30, dtype=torch.float64)
    layer = NystroemLayer.from_data(x, 25, kernel, cut=1e-8)
    features = layer(x)
    exact = kernel(x)
    assert torch.allclose(features @ layer.signature @ features.T, exact, atol=1e-6)
    if kernel == KERNELS[0]:
        assert torch.linalg.eigvalsh(exact)[0] < -0.01, "not indefinite: the signature is not seen"
        assert not torch.allclose(features @ features.T, exact, atol=1e-2)


def test_equal_landmarks_have_gradients():
    landmarks = torch.randn(4, 3, dtype=torch.float64)
    layer = NystroemLayer(3, 8, "sigmoid", trainable=True, dtype=torch.float64)
    with torch.no_grad():
        layer.landmarks.copy_(landmarks.repeat(2, 1))
    layer.update_root_()
    layer(torch.randn(5, 3, dtype=torch.float64)).square().sum().backward()
    for parameter in layer.parameters():
        assert torch.isfinite(parameter.grad).all() and parameter.grad.any()


@pytest.mark.parametrize(
    "values",
    [[2.0, 2.0, 2.0], [1.0, -1.0, 0.5], [1.0, 1.0 + 1e-12, -3.0], [0.0, 0.0, 1.0]],
)
def test_the_root_is_differentiated_rightly_at_equal_eigenvalues(values):
    basis = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    matrix = (basis * torch.tensor(values, dtype=torch.float64)) @ basis.T
    matrix = (0.5 * (matrix + matrix.T)).requires_grad_()
    floor = torch.tensor(0.3, dtype=torch.float64)

    def function(m):
        return _AbsoluteRoot.apply(0.5 * (m + m.T), floor)

    assert torch.autograd.gradcheck(function, (matrix,))


def test_the_convolution_is_the_layer_on_patches():
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    layer = NystroemConv2d.from_data(x, 7, (3, 2), Gaussian(0.05), stride=2, padding=1)
    dense = NystroemLayer(18, 7, Gaussian(0.05), dtype=torch.float64)
    with torch.no_grad():
        dense.landmarks.copy_(layer.landmarks.flatten(1))
    dense.update_root_()
    answer = layer(x)
    patches = nn.functional.unfold(x, (3, 2), stride=2, padding=1).mT  # the oracle unfolds
    expected = dense(patches).mT.reshape(answer.shape)
    assert torch.allclose(answer, expected, atol=1e-9)


def test_what_learns_and_what_does_not():
    frozen = NystroemLayer(4, 3, "sigmoid")
    assert not any(p.requires_grad for p in frozen.parameters())
    trained = NystroemLayer(4, 3, "sigmoid", trainable=True)
    assert {n for n, p in trained.named_parameters() if p.requires_grad} == {
        "units.weight",
        "units.gamma",
        "units.coef0",
    }


def test_freezing_keeps_the_answers_and_stops_the_learning():
    layer = NystroemLayer(4, 6, "logistic", trainable=True)
    x = torch.randn(5, 4)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(x).square().sum().backward()
    optimiser.step()
    frozen = layer.frozen()
    assert torch.allclose(frozen(x), layer(x), atol=1e-6)
    assert not frozen(x).requires_grad and layer(x).requires_grad
    assert "root" in frozen.state_dict() and "root" not in layer.state_dict()
    program = torch.export.export(frozen, (x,))
    targets = {str(node.target) for node in program.graph.nodes}
    assert not any("linalg" in target for target in targets)
    assert copy.deepcopy(frozen).root is not frozen.root


def test_landmarks_learn_to_approximate_a_function():
    torch.manual_seed(0)
    x = torch.rand(200, 2) * 4 - 2
    y = torch.sin(2 * x[:, :1]) * x[:, 1:]
    layer = NystroemLayer.from_data(x, 12, "gaussian", trainable=True, cut=1e-2)
    model = nn.Sequential(layer, nn.Linear(12, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(200):
        optimiser.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_rules_are_resolved_on_the_data():
    x = 10 * torch.randn(50, 4)
    layer = NystroemLayer.from_data(x, 5, Gaussian("scale"))
    assert float(layer.units.gamma) == pytest.approx(1 / (4 * float(x.double().var())), rel=0.01)


def test_the_generator_decides():
    x = torch.randn(60, 3)
    one, other = (
        NystroemLayer.from_data(x, 5, generator=torch.Generator().manual_seed(2)) for _ in "ab"
    )
    assert torch.equal(one.landmarks, other.landmarks)


def test_one_landmark():
    layer = NystroemLayer(2, 1, "gaussian", dtype=torch.float64)
    x = torch.randn(3, 2, dtype=torch.float64)
    assert torch.allclose(layer(x), layer.units(x), atol=1e-6)  # k(l, l) = 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NystroemLayer(2, 0), InvalidParameterError, "landmarks=0"),
        (lambda: NystroemLayer(2, 2, cut=0.0), InvalidParameterError, "cut=0.0"),
        (lambda: NystroemLayer(2, 2, "sigmiod"), InvalidParameterError, "did you mean 'sigmoid'"),
        (
            lambda: NystroemLayer.from_data(torch.ones(9, 2), 3),
            InvalidDataError,
            "1 distinct rows",
        ),
        (
            lambda: NystroemLayer.from_data(torch.zeros(9, 2), 1, "linear"),
            InvalidDataError,
            "0 throughout",
        ),
        (
            lambda: NystroemConv2d.from_data(torch.randn(2, 3, 2, 2), 3, 3),
            InvalidDataError,
            "at least 3 × 3",
        ),
    ],
)
def test_what_cannot_be_done(call, error, message):
    with pytest.raises(error, match=message):
        call()
