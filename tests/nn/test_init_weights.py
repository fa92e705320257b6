"""Delta-orthogonal weights, unit variance layer by layer, and prototypes from data."""

import pytest
import torch
from torch import nn

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.nn import KernelConv1d, KernelConv2d, KernelLinear
from ogive.nn.init import critical_, delta_orthogonal_, lsuv_, prototypes_

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("widen", [1, 2])
def test_delta_orthogonal_convolutions_keep_norms(dimensions, groups, widen):
    layer = CONVOLUTIONS[dimensions](
        4, 4 * widen, 3, padding=1, groups=groups, bias=False, dtype=torch.float64
    )
    assert delta_orthogonal_(layer.weight, 1.5, groups=groups) is layer.weight
    x = torch.randn(2, 4, *(5,) * dimensions, dtype=torch.float64)
    norms = [t.flatten(1).norm(dim=1) for t in (x, layer(x).detach())]
    assert torch.allclose(1.5 * norms[0], norms[1], rtol=1e-12)


def test_delta_orthogonal_with_fewer_outputs_projects():
    weight = delta_orthogonal_(torch.empty(3, 7, 5, 5, dtype=torch.float64))
    rows = weight[:, :, 2, 2]
    assert torch.allclose(rows @ rows.T, torch.eye(3).double(), atol=1e-12)
    assert weight.abs().sum() == rows.abs().sum()


def test_delta_orthogonal_with_a_stride_keeps_the_norm_of_every_other_place():
    layer = nn.Conv2d(4, 4, 3, stride=2, padding=1, bias=False, dtype=torch.float64)
    delta_orthogonal_(layer.weight)
    x = torch.randn(1, 4, 7, 7, dtype=torch.float64)
    assert torch.allclose(layer(x).norm(), x[:, :, ::2, ::2].norm())


def test_delta_orthogonal_is_decided_by_the_generator():
    drawn = [
        delta_orthogonal_(torch.empty(4, 4, 3), generator=torch.Generator().manual_seed(2))
        for _ in "ab"
    ]
    assert torch.equal(*drawn)
    assert delta_orthogonal_(torch.empty(0, 4, 3)).shape == (0, 4, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: delta_orthogonal_(torch.empty(3, 3)), "torch.nn.init.orthogonal_"),
        (lambda: delta_orthogonal_(torch.empty(3, 3, 3), 0.0), "gain=0.0"),
        (lambda: delta_orthogonal_(torch.empty(3, 3, 3), groups=2), "groups=2 does not divide"),
    ],
)
def test_delta_orthogonal_refuses(call, message):
    with pytest.raises(InvalidParameterError, match=message):
        call()


# LSUV ---------------------------------------------------------------------------------------------


class Branches(nn.Module):
    """Not a sequence, and functions instead of modules."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.left = KernelConv2d(8, 8, 3, "sigmoid", padding=1)
        self.right = nn.Conv2d(8, 8, 1)
        self.dropout = nn.Dropout(0.5)
        self.head = KernelLinear(8, 4, "logistic")

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = self.left(x) + self.dropout(self.right(x))
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("variance", [1.0, 4.0])
def test_arguments_have_the_variance_asked_for(variance):
    model = Branches().double()
    model.dropout.eval()
    batch = 3 * torch.randn(32, 3, 6, 6, dtype=torch.float64) + 1
    assert lsuv_(model, batch, variance=variance) is model
    assert model.training and not model.dropout.training
    seen = {}
    model.eval()
    model.stem.register_forward_hook(lambda _m, _i, o: seen.__setitem__("stem", o))
    model.right.register_forward_hook(lambda _m, _i, o: seen.__setitem__("right", o))
    model.left.register_forward_hook(lambda _m, _i, o: seen.__setitem__("left", o.atanh()))
    model.head.register_forward_hook(lambda _m, _i, o: seen.__setitem__("head", o.logit()))
    with torch.no_grad():
        model(batch)
    for name, arguments in seen.items():
        assert float(arguments.var(unbiased=False)) == pytest.approx(variance, rel=2e-3), name
    assert not model.stem.bias.any()
    assert all(p.grad is None for p in model.parameters())


def test_weights_are_orthogonal_up_to_their_scale():
    model = lsuv_(nn.Sequential(nn.Linear(9, 9)), torch.randn(40, 9))
    product = (model[0].weight @ model[0].weight.T).detach()
    assert torch.allclose(product / product[0, 0], torch.eye(9), atol=1e-5)


def test_lsuv_refuses():
    with pytest.raises(InvalidDataError, match="same for the whole batch"):
        lsuv_(nn.Linear(3, 3), torch.zeros(4, 3))
    with pytest.raises(InvalidParameterError, match="variance=0"):
        lsuv_(nn.Linear(3, 3), torch.randn(4, 3), variance=0)
    with pytest.raises(InvalidParameterError, match="prototypes_"):
        lsuv_(KernelLinear(3, 3, "gaussian"), torch.randn(4, 3))


# Prototypes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["gaussian", "sigmoid"])
def test_prototypes_are_distinct_rows(kernel):
    data = torch.randn(4, 25, 6)
    layer = KernelLinear(6, 10, kernel)
    gamma = layer.gamma.clone()
    assert prototypes_(layer, data) is layer
    assert torch.equal(layer.gamma, gamma)
    same = (layer.weight[:, None] == data.reshape(1, -1, 6)).all(-1)
    assert same.any(1).all()
    assert len(layer.weight.unique(dim=0)) == 10


def test_prototypes_find_the_clusters():
    centres = 100 * torch.eye(5)
    data = centres.repeat(200, 1) + torch.randn(1000, 5)
    layer = prototypes_(KernelLinear(5, 5, "gaussian"), data)
    assert sorted(layer.weight.argmax(1).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("candidates", [7, 10_000])
def test_prototypes_of_a_convolution_are_patches(groups, candidates):
    images = torch.randn(5, 4, 9, 8)
    layer = KernelConv2d(4, 6, (3, 2), "gaussian", dilation=(2, 1), groups=groups)
    prototypes_(layer, images, candidates=candidates)
    for group, prototypes in enumerate(layer.weight.chunk(groups)):
        part = images.chunk(groups, 1)[group]
        patches = torch.stack(
            [
                part[n, :, i : i + 5 : 2, j : j + 2]
                for n in range(5)
                for i in range(5)
                for j in range(7)
            ]
        )
        same = (prototypes[:, None] == patches[None]).flatten(2).all(-1)
        assert same.any(1).all()


def test_prototypes_of_a_signal():
    layer = prototypes_(KernelConv1d(2, 3, 4, "gaussian"), torch.randn(3, 2, 30))
    assert layer.weight.shape == (3, 2, 4)
    distance = layer(layer.weight.detach())  # each prototype as a signal of its own
    assert torch.allclose(distance[..., 0].diagonal(), torch.ones(3), atol=1e-5)


def test_prototypes_are_decided_by_the_generator():
    data = torch.randn(100, 3)
    layers = [
        prototypes_(
            KernelLinear(3, 4, "gaussian"), data, generator=torch.Generator().manual_seed(3)
        )
        for _ in "ab"
    ]
    assert torch.equal(layers[0].weight, layers[1].weight)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: prototypes_(nn.Linear(2, 2), torch.randn(9, 2)), InvalidTypeError, "a Linear"),
        (
            lambda: prototypes_(KernelLinear(2, 3, "gaussian"), torch.ones(9, 2)),
            InvalidDataError,
            "1 distinct rows for the 3 prototypes",
        ),
        (
            lambda: prototypes_(KernelLinear(2, 3, "gaussian"), torch.randn(9, 3)),
            InvalidDataError,
            r"of shape \(\.\.\., 2\)",
        ),
        (
            lambda: prototypes_(KernelConv2d(2, 3, 3, "gaussian"), torch.randn(9, 2, 2, 5)),
            InvalidDataError,
            "at least 3 × 3",
        ),
        (
            lambda: prototypes_(KernelLinear(1, 1, "gaussian"), torch.full((9, 1), torch.inf)),
            InvalidDataError,
            "NaN or inf",
        ),
        (
            lambda: prototypes_(KernelLinear(1, 1, "gaussian"), torch.ones(9, 1), candidates=0),
            InvalidParameterError,
            "candidates=0",
        ),
    ],
)
def test_prototypes_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_prototypes_then_critical_is_no_error():
    layer = prototypes_(KernelLinear(4, 3, "sigmoid"), torch.randn(20, 4))
    critical_(layer)
