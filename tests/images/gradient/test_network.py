"""Networks of pictures: their parts, their start, and the random changes of what they see."""

import numpy as np
import pytest
import torch

from ogive._errors import InvalidParameterError
from ogive.data import load
from ogive.images.gradient.augmentation import augmented
from ogive.images.gradient.network import KERNELS, NORMALISATIONS, PictureNetwork
from ogive.images.gradient.normalised import NormalisedKernelConv2d
from ogive.nn import KernelConv2d


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def naive(picture, row, column, mirrored):
    """Return a picture (c, h, w) shifted by whole pixels and mirrored, by reflected padding."""
    padded = np.pad(picture, [(0, 0), (3, 3), (3, 3)], mode="reflect")
    _, height, width = picture.shape
    found = padded[:, 3 + row : 3 + row + height, 3 + column : 3 + column + width]
    return found[:, :, ::-1] if mirrored else found


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_augmented_pictures_are_shifted_and_mirrored(dtype):
    x = (torch.rand(40, 2, 5, 7, generator=generator()) * 255).to(dtype)
    found = augmented(x, generator(1), flip=True, shift=2)
    assert found.dtype == dtype and found.shape == x.shape
    seen = set()
    for before, after in zip(x.numpy(), found.numpy(), strict=True):
        moves = [
            (r, c, m)
            for r in range(-2, 3)
            for c in range(-2, 3)
            for m in (False, True)
            if np.array_equal(naive(before, r, c, m), after)
        ]
        assert len(moves) == 1
        seen.add(moves[0])
    assert {m for _, _, m in seen} == {False, True} and len({r for r, _, _ in seen}) == 5
    assert torch.equal(augmented(x, generator(1), flip=True, shift=2), found)


def test_pictures_that_are_to_stay_stay():
    x = torch.rand(3, 1, 4, 4)
    assert augmented(x, generator()) is x
    for shift in (-1, 4):
        with pytest.raises(InvalidParameterError, match=f"shift={shift}: must be from 0 to 3"):
            augmented(x, generator(), shift=shift)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", [(28, 28, 1), (2, 5, 3), (1, 1, 1), (9, 4, 4)])
def test_pictures_of_every_size(kernel, normalisation, shape):
    network = PictureNetwork(shape, 3, kernel=kernel, normalisation=normalisation, width=2)
    x = torch.rand(8, shape[2], *shape[:2], generator=generator())
    network.start(x, 0)
    assert network(x).shape == (8, 3) and network.features(x).shape == (8, 8)
    network(x).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_pass_all_layers_at_the_start(kernel, normalisation):
    data = load("digits")
    x = torch.from_numpy(data.features()).float().unflatten(1, (1, 8, 8))[:256]
    made = {"kernel": kernel, "normalisation": normalisation, "width": 8}
    network = PictureNetwork((8, 8, 1), 10, **made)
    network.start(x, 0)
    standard = (x - network.mean) / network.deviation
    assert abs(float(standard.mean())) < 1e-5 and float(standard.std()) == pytest.approx(1, 1e-3)
    logits = network(x)
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(data.y[:256])).backward()
    sizes = [p.grad.square().mean().sqrt() for n, p in network.named_parameters() if "weight" in n]
    assert min(sizes) > 1e-6 and max(sizes) / min(sizes) < 1e3
    other = PictureNetwork((8, 8, 1), 10, **made)
    other.start(x, 0)
    assert torch.equal(other(x), logits)


@pytest.mark.parametrize("kernel", ["sigmoid", "logistic"])
def test_a_normalised_layer_is_its_formula_and_folds_into_a_kernel_convolution(kernel):
    torch.manual_seed(0)
    layer = NormalisedKernelConv2d(3, 5, kernel).double()
    x = torch.randn(7, 3, 6, 4, dtype=torch.float64)
    torch.nn.init.uniform_(layer.normalisation.bias)
    products = torch.nn.functional.conv2d(x, layer.convolution.weight, padding=1)
    mean, variance = products.mean((0, 2, 3)), products.var((0, 2, 3), correction=0)
    centred = (products - mean[:, None, None]) / (variance + 1e-5).sqrt()[:, None, None]
    gamma, coef0 = layer.normalisation.weight, layer.normalisation.bias
    argument = gamma[:, None, None] * centred + coef0[:, None, None]
    expected = argument.tanh() if kernel == "sigmoid" else 1 / (1 + (-argument).exp())
    torch.testing.assert_close(layer(x), expected)
    for _ in range(3):
        layer(3 * torch.randn_like(x) + 1)
    folded = layer.eval().folded()
    assert type(folded) is KernelConv2d and folded.kernel == kernel
    torch.testing.assert_close(folded(x), layer(x))


def test_gradients_of_a_normalised_layer():
    layer = NormalisedKernelConv2d(2, 2).double()
    x = torch.randn(3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_folded_network_is_the_same_function(kernel):
    network = PictureNetwork((8, 8, 2), 3, kernel=kernel, width=4)
    x = torch.rand(20, 2, 8, 8, generator=generator())
    network.start(x, 0)
    for _ in range(5):
        network(x)
    network.eval()
    folded = network.folded()
    torch.testing.assert_close(folded(x), network(x), rtol=1e-4, atol=1e-5)
    normalised = [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(normalised) == (5 if kernel == "relu" else 0) and not folded.training
    assert folded.folded() is folded


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kernel": "sigmiod"}, "did you mean 'sigmoid'"),
        ({"normalisation": "btach"}, "did you mean 'batch'"),
        ({"width": 0}, "width=0: must be from 1"),
        ({"image_shape": (8, 8, 99)}, "channels=99"),
    ],
)
def test_impossible_networks(settings, words):
    with pytest.raises(InvalidParameterError, match=words):
        PictureNetwork(**{"image_shape": (8, 8, 1), "classes": 3, **settings})
