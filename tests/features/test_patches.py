"""Patch features, against loops over patches in float64."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from ogive import _whole_numbers
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.features.patch_options import PatchOptions
from ogive.features.patches import draw_patches, fit_patch_map, scaled
from ogive.features.spherical import spherical_means
from ogive.nn.patch_features import PatchFeatures


def draw(n=6, height=9, width=11, channels=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randint(256, (n, height, width, channels), generator=generator)
    return pictures.to(torch.uint8)


def fitted(pictures, **options):
    chosen = PatchOptions(filters=5, size=3, grid=2)._replace(**options)
    return fit_patch_map(pictures, chosen, sample=400)


def in_eight_bits(columns):
    unit = np.abs(columns).max(0) / 127
    return np.round(columns / unit) * unit


def naive(patch_map, picture):
    """Answer place by place and landmark by landmark."""
    size, grid = patch_map.options.size, patch_map.options.grid
    height, width, _ = picture.shape
    rows, columns = height - size + 1, width - size + 1
    found = np.zeros((1 + patch_map.options.both_signs, grid * grid, patch_map.filters.shape[1]))
    counts = np.zeros(grid * grid)
    filters = in_eight_bits(patch_map.filters.double().numpy())
    offset = patch_map.offset.double().numpy()
    for i in range(rows):
        for j in range(columns):
            patch = picture[i : i + size, j : j + size].transpose(2, 0, 1).reshape(-1) / 255
            patch = patch - patch.mean()
            patch = patch / math.sqrt((patch**2).sum() + 0.05) - patch_map.mean.double().numpy()
            white = in_eight_bits(patch @ patch_map.whitening.double().numpy())
            z = white @ filters / np.linalg.norm(white)
            cell = (i * grid // rows) * grid + j * grid // columns
            counts[cell] += 1
            found[0, cell] += 1 / (1 + np.exp(offset - z))
            if patch_map.options.both_signs:
                found[1, cell] += 1 / (1 + np.exp(offset + z))
    return (found / counts[:, None]).reshape(-1)


@pytest.mark.parametrize("both_signs", [False, True])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("channels", "size", "grid"), [(1, 3, 2), (3, 4, 3), (2, 2, 1)])
def test_agrees_with_loops(both_signs, mirror, channels, size, grid):
    pictures = draw(channels=channels)
    patch_map = fitted(pictures, both_signs=both_signs, mirror=mirror, size=size, grid=grid)
    found = patch_map.features(pictures)
    assert found.shape == (len(pictures), patch_map.width)
    for picture, features in zip(pictures.numpy(), found, strict=True):
        expected = naive(patch_map, picture)
        if mirror:
            expected = (expected + naive(patch_map, picture[:, ::-1])) / 2
        # Rounding to 8 bits may fall the other way where the whitening was summed in float32.
        np.testing.assert_allclose(features.numpy(), expected, atol=2e-3)


@pytest.mark.parametrize(("height", "grid", "finer"), [(11, 2, 6), (6, 2, 4), (3, 1, 1)])
def test_smooth_averages_are_gaussian_means_of_finer_cells(height, grid, finer):
    pictures = draw(height=height, width=12)
    hard = fitted(pictures, grid=finer, both_signs=True)
    options = hard.options._replace(grid=grid, smooth=0.4)
    found = dataclasses.replace(hard, options=options).features(pictures)
    cells = hard.features(pictures).view(len(pictures), 2, finer, finer, -1).double()
    expected = torch.zeros(len(pictures), 2, grid, grid, cells.shape[-1], dtype=torch.float64)
    for i, j in itertools.product(range(grid), repeat=2):
        total = 0.0
        for a, b in itertools.product(range(finer), repeat=2):
            down, right = ((at + 0.5) / finer * grid - k - 0.5 for at, k in ((a, i), (b, j)))
            weight = math.exp(-(down**2 + right**2) / (2 * 0.4**2))
            expected[:, :, i, j] += weight * cells[:, :, a, b]
            total += weight
        expected[:, :, i, j] /= total
    torch.testing.assert_close(found, expected.flatten(1).float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("first", "size", "grid"), [(3, 2, 2), (1, 3, 1)])
def test_a_second_layer_sees_the_answers_of_the_first(mirror, first, size, grid):
    pictures = draw(channels=3)
    patch_map = fitted(pictures, first=first, size=size, grid=grid, mirror=mirror, both_signs=True)
    assert patch_map.first.image_shape == patch_map.image_shape == (9, 11, 3)

    def expected(picture):
        cells = patch_map.first.options.grid
        answers = naive(patch_map.first, picture).reshape(cells, cells, first)
        return naive(patch_map, 255 * answers)

    for picture, features in zip(pictures.numpy(), patch_map.features(pictures), strict=True):
        wanted = expected(picture)
        if mirror:
            wanted = (wanted + expected(picture[:, ::-1])) / 2
        np.testing.assert_allclose(features.numpy(), wanted, atol=5e-3)


def test_a_second_layer_needs_room():
    pictures = draw(height=6, width=6)
    with pytest.raises(InvalidParameterError, match=r"patch_size=3: must be from 2 to 2.*answers"):
        fitted(pictures, first=2)
    with pytest.raises(InvalidParameterError, match="n_first_filters=-1"):
        fitted(pictures, first=-1)
    with pytest.raises(InvalidParameterError, match="3×3 pixels at least"):
        fitted(draw(height=2, width=9), first=2, size=2, grid=1)


def test_threads_and_parts_do_not_matter():
    pictures = draw(n=40)
    patch_map = fitted(pictures)
    whole = patch_map.features(pictures)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert torch.equal(patch_map.features(pictures), whole)
    finally:
        torch.set_num_threads(before)
    # Some processors' libraries sum products of another height in another order.
    parts = torch.cat([patch_map.features(p) for p in pictures.split(7)])
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("options", [{}, {"first": 40, "size": 2}, {"size": 5, "mirror": True}])
def test_any_processor_gives_the_same_features(monkeypatch, options):
    """Products of 8-bit integers are whole numbers, in whatever way they are formed."""
    pictures = draw(n=20, channels=3)
    patch_map = fitted(pictures, **options)
    found = patch_map.features(pictures)
    monkeypatch.setattr(_whole_numbers, "fast_whole_products", lambda: False)
    assert torch.equal(patch_map.features(pictures), found)


def test_a_second_layer_is_the_same_in_parts():
    pictures = draw(n=300)
    patch_map = fitted(pictures, first=40, size=2)
    parts = torch.cat([patch_map.features(some) for some in pictures.split(70)])
    torch.testing.assert_close(parts, patch_map.features(pictures), rtol=0, atol=1e-6)


def test_eight_bits_lose_little():
    """Against the layer of the same map, which rounds nothing: means of a dozen answers."""
    pictures = draw(n=20, channels=3)
    patch_map = fitted(pictures, size=5, whitening=1e-4, both_signs=True)
    exact = PatchFeatures.of(patch_map)(scaled(pictures).permute(0, 3, 1, 2))
    difference = (patch_map.features(pictures) - exact.detach()).abs()
    assert float(difference.mean()) < 1e-3
    assert float(difference.max()) < 1e-2


def test_writes_into_memory_of_any_type_and_reports():
    pictures, done = draw(n=20), []
    patch_map = fitted(pictures)
    out = torch.empty(20, patch_map.width, dtype=torch.bfloat16)
    assert patch_map.features(pictures, out, progress=done.append) is out
    assert sum(done) == 20
    torch.testing.assert_close(out.float(), patch_map.features(pictures), rtol=0.01, atol=0.01)


def test_a_mirrored_picture_has_the_same_features_if_asked_for():
    pictures = draw()
    patch_map = fitted(pictures, mirror=True)
    flipped = patch_map.features(pictures.flip(2))
    # Sums in another order may round to another of 8 bits.
    torch.testing.assert_close(flipped, patch_map.features(pictures), rtol=0, atol=1e-3)


def test_brightness_does_not_matter_and_contrast_hardly():
    picture = torch.rand(1, 9, 11, 2, generator=torch.Generator().manual_seed(1))
    patch_map = fitted(draw())
    lighter = patch_map.features(picture + 1)
    torch.testing.assert_close(lighter, patch_map.features(picture), rtol=0, atol=5e-3)


def test_flat_pictures_have_finite_features():
    patch_map = fitted(draw())
    assert bool(torch.isfinite(patch_map.features(torch.zeros(2, 9, 11, 2))).all())
    with pytest.raises(InvalidDataError, match="flat"):
        fitted(torch.zeros(3, 9, 11, 2))


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_pixels_that_are_no_numbers_are_refused(value):
    pictures = scaled(draw())
    patch_map = fitted(pictures)
    pictures[2, 3, 4, 1] = value
    with pytest.raises(InvalidDataError, match="NaN, infinite or far too large"):
        patch_map.features(pictures)


def test_flat_patches_have_no_direction():
    """Without a mean to be taken off, a whitened flat patch is rounding noise."""
    layer = PatchFeatures((9, 9, 1), PatchOptions(filters=4, size=3, grid=1))
    grey = torch.full((1, 9, 9, 1), 0.3)
    expected = layer(grey.permute(0, 3, 1, 2)).detach()
    # What rounding leaves of a flat patch is a hundredth of the floor, and gain times that counts.
    torch.testing.assert_close(layer.patch_map().features(grey), expected, rtol=0, atol=1e-2)


def test_a_map_of_the_mirror_needs_moments_of_the_mirror():
    lopsided = fitted(draw())
    options = lopsided.options._replace(mirror=True)
    with pytest.raises(InvalidParameterError, match="mean is not that of patches and their mirror"):
        dataclasses.replace(lopsided, options=options)


def test_bytes_are_fractions_times_255():
    pictures = draw()
    patch_map = fitted(pictures)
    assert torch.equal(patch_map.features(scaled(pictures)), patch_map.features(pictures))


def test_drawn_patches_are_normalised_and_from_the_pictures():
    pictures = draw(n=2)
    patches = draw_patches(pictures, 3, 50, torch.Generator().manual_seed(0)).double()
    every = []
    for picture in pictures.double() / 255:
        for i in range(7):
            for j in range(9):
                patch = picture[i : i + 3, j : j + 3].permute(2, 0, 1).flatten()
                patch = patch - patch.mean()
                every.append(patch / (patch.square().sum() + 0.05).sqrt())
    distances = torch.cdist(patches, torch.stack(every))
    assert distances.min(1).values.max() < 1e-5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 10}, "patch_size=10: must be from 2 to 9"),
        ({"size": 1}, "patch_size=1"),
        ({"grid": 8}, "grid=8: must be from 1 to 7"),
        ({"grid": 0}, "grid=0"),
        ({"filters": 0}, "filters=0: must be above 0"),
        ({"whitening": 0.0}, "whitening=0.0: must be above 0"),
        ({"gain": -1.0}, "gain=-1.0: must be above 0"),
        ({"quantile": 1.0}, "quantile=1.0: must be between 0 and 1"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(InvalidParameterError, match=words):
        fitted(draw(), **options)


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(InvalidDataError, match=r"\(9, 10, 2\).*\(9, 11, 2\)"):
        fitted(draw()).features(draw(width=10))


def test_spherical_means_are_unit_vectors_that_clusters_share():
    generator = torch.Generator().manual_seed(0)
    directions = torch.eye(4)[:3]
    rows = directions[torch.randint(3, (300,), generator=generator)]
    rows = rows + 0.05 * torch.randn(300, 4, generator=generator)
    rows = torch.nn.functional.normalize(rows)
    found = spherical_means(rows, 12, generator=generator)
    assert torch.allclose(found.norm(dim=1), torch.ones(12), atol=1e-6)
    assert ((found @ directions.T).max(1).values > 0.98).all()
    few = spherical_means(rows[:2], 5, generator=generator)
    assert few.shape == (5, 4)
