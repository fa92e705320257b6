"""Patch features as a layer: against the naive formula, and against the fitted map."""

import numpy as np
import pytest
import torch

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data import load
from ogive.features.patch_options import PatchOptions
from ogive.features.patches import fit_patch_map, scaled
from ogive.nn import PatchFeatures
from ogive.testing.layer_contract import LAYER_CHECKS, LayerCase

SHAPES = [(7, 9, 1), (8, 6, 3), (4, 4, 2)]


def options(shape, **more):
    size = 4 if min(shape[:2]) == 4 else 3
    return PatchOptions(filters=5, size=size, grid=1 if size == 4 else 2, **more)


def pictures(shape, n=6, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, *shape, generator=generator, dtype=torch.float64).to(dtype)


def fitted(shape, **more):
    return fit_patch_map(pictures(shape, 60), options(shape, **more), sample=800)


def naive(patch_map, picture):
    """Return one picture's features by loops over its patches, in float64."""
    size, grid = patch_map.options.size, patch_map.options.grid
    parts = ("mean", "whitening", "filters", "offset")
    mean, whitening, filters, offset = (getattr(patch_map, n).double().numpy() for n in parts)
    height, width, _ = picture.shape
    signs = (1, -1) if patch_map.options.both_signs else (1,)
    cells = {}
    for top in range(height - size + 1):
        for left in range(width - size + 1):
            patch = picture[top : top + size, left : left + size].transpose(2, 0, 1).reshape(-1)
            patch = patch - patch.mean()
            patch = whitening @ (patch / np.sqrt((patch**2).sum() + 0.05) - mean)
            products = patch / np.linalg.norm(patch) @ filters
            cell = (top * grid // (height - size + 1), left * grid // (width - size + 1))
            for sign in signs:
                answer = 1 / (1 + np.exp(-(sign * products - offset)))
                cells.setdefault((-sign, *cell), []).append(answer)
    return np.concatenate([np.mean(cells[key], axis=0) for key in sorted(cells)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("more", [{}, {"both_signs": True}, {"mirror": True, "both_signs": True}])
def test_the_naive_formula(shape, more):
    patch_map = fitted(shape, **more)
    x = pictures(shape, 3, torch.float64)
    expected = np.stack([naive(patch_map, picture) for picture in x.numpy()])
    if more.get("mirror"):
        flipped = np.stack([naive(patch_map, picture[:, ::-1]) for picture in x.numpy()])
        expected = (expected + flipped) / 2
    layer = PatchFeatures.of(patch_map)
    found = layer(x.float().permute(0, 3, 1, 2)).detach().numpy()
    assert found.shape == (3, patch_map.width)
    assert np.abs(found - expected).max() < 1e-5
    exact = layer.double()(x.permute(0, 3, 1, 2)).detach().numpy()
    assert np.abs(exact - expected).max() < 1e-6  # the landmarks were stored in float32


def test_pictures_as_the_map_is_fitted_to_them():
    data = load("digits")
    x = torch.from_numpy(np.ascontiguousarray(data.images()))[:300]
    patch_map = fit_patch_map(x, PatchOptions(filters=32, size=4, grid=3, both_signs=True))
    found = PatchFeatures.of(patch_map)(scaled(x).permute(0, 3, 1, 2)).detach()
    error = (found - patch_map.features(x)).abs()
    assert error.max() < 2e-2 and error.mean() < 1e-3  # the map rounds to 8 bits


def test_smooth_averages():
    x = pictures((9, 8, 3))
    wanted = PatchOptions(filters=5, size=3, grid=2, both_signs=True, mirror=True, smooth=0.4)
    patch_map = fit_patch_map(x, wanted, sample=800)
    found = PatchFeatures.of(patch_map)(x.permute(0, 3, 1, 2))
    torch.testing.assert_close(found, patch_map.features(x), rtol=0, atol=2e-3)


def test_back_to_a_map():
    patch_map = fitted((8, 6, 3), both_signs=True)
    again = PatchFeatures.of(patch_map).patch_map()
    x = pictures((8, 6, 3))
    assert (again.features(x) - patch_map.features(x)).abs().max() < 2e-3
    assert again.options == patch_map.options and again.image_shape == patch_map.image_shape


@pytest.mark.parametrize("mirror", [False, True])
def test_two_layers(mirror):
    shape = (9, 8, 3)
    wanted = PatchOptions(filters=5, size=2, grid=2, both_signs=True, mirror=mirror, first=4)
    patch_map = fit_patch_map(pictures(shape, 60), wanted, sample=800)
    x = pictures(shape)
    layer = PatchFeatures.of(patch_map)
    found = layer(x.permute(0, 3, 1, 2))
    # The map rounds to 8 bits before either layer, and few patches make a mean here.
    torch.testing.assert_close(found, patch_map.features(x), rtol=0, atol=4e-2)
    assert (found - patch_map.features(x)).abs().mean() < 4e-3
    found.square().sum().backward()
    assert layer.first.weight.grad.abs().max() > 0
    again = layer.patch_map()
    torch.testing.assert_close(again.features(x), patch_map.features(x), rtol=0, atol=4e-2)


def test_drawn_landmarks_answer_to_the_asked_share():
    layer = PatchFeatures((20, 20, 1), PatchOptions(filters=50, size=6, grid=1, quantile=0.8))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 1, 20, 20, generator=generator)
    with torch.no_grad():
        products = layer._patches(x) @ (layer.gain[:, None] * layer.weight).T
    assert float((products > layer.offset).float().mean()) == pytest.approx(0.2, abs=0.02)
    assert float(products.std()) == pytest.approx(3, rel=0.1)


def test_flat_pictures_have_finite_gradients():
    layer = PatchFeatures.of(fitted((7, 9, 1)))
    x = torch.ones(2, 1, 7, 9, requires_grad=True)
    layer(x).sum().backward()
    assert torch.isfinite(x.grad).all() and torch.isfinite(layer.weight.grad).all()


def test_wrong_pictures_and_options():
    layer = PatchFeatures((7, 9, 1), options((7, 9, 1)))
    with pytest.raises(InvalidDataError, match=r"made for \(n, 1, 7, 9\)"):
        layer(torch.zeros(2, 7, 9, 1))
    with pytest.raises(InvalidParameterError, match="patch_size=9"):
        PatchFeatures((7, 9, 1), PatchOptions(size=9))


CASES = [
    LayerCase(
        f"patch features, {name}",
        lambda dtype, shape=shape, wanted=wanted: PatchFeatures(shape, wanted, dtype=dtype),
        lambda dtype, shape=shape: (pictures(shape, 2, dtype).permute(0, 3, 1, 2),),
        leading=False,
    )
    for name, shape, wanted in (
        ("one sign", (4, 5, 2), PatchOptions(3, 3, 2)),
        ("both signs, mirror", (4, 5, 2), PatchOptions(3, 3, 2, both_signs=True, mirror=True)),
        ("smooth", (6, 7, 1), PatchOptions(3, 3, 2, smooth=0.5)),
        ("two layers", (6, 7, 2), PatchOptions(3, 2, 1, first=2)),
    )
]


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_contract_of_layers(case, check):
    check(case)
