"""Pictures to unit vectors: shapes and modes, principal components by an oracle, records."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from ogive._errors import (
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
)
from ogive._record import RecordReader, RecordWriter
from ogive.images import embedding
from ogive.images.embedding import (
    Embedder,
    EmbeddingRecipe,
    PixelEmbedder,
    check_image_shape,
    embedder_named,
    embedder_names,
    read_embedder,
    register_embedder,
    resize_pictures,
    write_embedder,
)
from ogive.images.patch_embedding import PatchEmbedder
from ogive.images.principal_embedding import PrincipalEmbedder, _moments


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def varied(count, side=6, seed=0):
    """Pictures that vary along a few directions, and a little everywhere."""
    generator = np.random.default_rng(seed)
    few = generator.normal(size=(count, 4)) @ np.random.default_rng(9).normal(size=(4, side * side))
    rows = 128 + 25 * few + generator.normal(size=few.shape)
    return rows.clip(0, 255).astype(np.uint8).reshape(count, side, side, 1)


def round_trip(embedder):
    writer = RecordWriter()
    write_embedder(embedder, writer)
    reader = RecordReader(writer.values, writer.arrays)
    found = read_embedder(reader)
    reader.finish()
    return found


EMBEDDERS = [
    PixelEmbedder((6, 6, 1)),
    PixelEmbedder((5, 4, 3)),
    PrincipalEmbedder.fit(varied(50), components=4),
    PrincipalEmbedder.fit(varied(50), components=4, whiten=True),
    PatchEmbedder.fit(varied(50), components=4, filters=8),
]


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda e: f"{e.name}{e.image_shape}")
@pytest.mark.parametrize("shape", [(0, 6, 6, 1), (1, 6, 6, 1), (9, 1, 1, 1), (3, 40, 17, 3)])
def test_unit_vectors_of_pictures_of_any_size(embedder, shape):
    vectors = embedder.embed(noise(*shape))
    assert vectors.shape == (shape[0], embedder.width) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda e: f"{e.name}{e.image_shape}")
def test_pictures_that_must_not_be_written_are_embedded_without_a_warning(embedder):
    images = noise(3, *embedder.image_shape)
    images.flags.writeable = False
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # otherwise each is told once a process
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert embedder.embed(images).shape == (3, embedder.width)
    finally:
        torch.set_warn_always(before)


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda e: f"{e.name}{e.image_shape}")
def test_a_record_embeds_to_the_same_bits(embedder):
    images = varied(20, seed=1)
    again = round_trip(embedder)
    np.testing.assert_array_equal(again.embed(images), embedder.embed(images))
    assert again.settings == embedder.settings and again.image_shape == embedder.image_shape


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda e: f"{e.name}{e.image_shape}")
def test_batches_leave_no_trace(embedder, monkeypatch):
    images = varied(30)
    whole = embedder.embed(images)
    monkeypatch.setattr(embedding, "_BATCH_BYTES", 1)
    np.testing.assert_allclose(embedder.embed(images), whole, atol=1e-7)


def test_pixels_are_correlated():
    images = noise(8, 5, 4, 3)
    vectors = PixelEmbedder((5, 4, 3)).embed(images)
    wanted = np.corrcoef(images.reshape(8, -1).astype(float))
    np.testing.assert_allclose(vectors @ vectors.T, wanted, atol=1e-6)


def test_blank_pictures_are_alike_and_like_nothing_else():
    blank = np.stack([np.full((4, 4, 1), tone, np.uint8) for tone in (0, 7, 255)])
    vectors = PixelEmbedder((4, 4, 1)).embed(np.concatenate([blank, noise(1, 4, 4, 1)]))
    wanted = np.ones((4, 4))
    wanted[3, :3] = wanted[:3, 3] = 0
    np.testing.assert_allclose(vectors @ vectors.T, wanted, atol=1e-6)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("count", [80, 15])  # by the covariance, and by products of pictures
def test_principal_components_are_those_of_a_singular_value_decomposition(whiten, count):
    images = varied(count)
    embedder = PrincipalEmbedder.fit(images, components=4, whiten=whiten)
    rows = images.reshape(count, -1) / 255
    centred = rows - rows.mean(0)
    _, singular, vectors = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(embedder.variances, singular[:4] ** 2 / count, rtol=1e-9)
    others = varied(10, seed=5).reshape(10, -1) / 255 - rows.mean(0)
    projected = others @ vectors[:4].T
    if whiten:
        projected /= singular[:4] / np.sqrt(count)
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    found = embedder.embed(varied(10, seed=5))
    np.testing.assert_allclose(found @ found.T, projected @ projected.T, atol=1e-6)


def test_the_covariance_is_exact_whatever_the_tiles(monkeypatch):
    rows = noise(100, 12)
    mean, covariance = _moments(rows)
    np.testing.assert_allclose(covariance, np.cov(rows.T / 255.0, bias=True), atol=1e-15)
    np.testing.assert_allclose(mean, rows.mean(0) / 255, atol=1e-15)
    monkeypatch.setattr("ogive.images.principal_embedding._TILE_BYTES", 1000)
    np.testing.assert_array_equal(_moments(rows)[1], covariance)


def test_no_more_components_than_the_pictures_vary_in():
    images = np.zeros((5, 3, 3, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 2, 1, 0] = [0, 1, 2, 3, 4], [9, 7, 7, 9, 200]
    embedder = PrincipalEmbedder.fit(images)
    assert embedder.width == 2 and embedder.settings["components"] == 64
    assert round_trip(embedder).width == 2


@pytest.mark.parametrize("count", [1, 5])
def test_equal_pictures_have_no_components(count):
    with pytest.raises(InvalidDataError, match=r"all the same.*embedding 'pixels'"):
        PrincipalEmbedder.fit(np.repeat(noise(1, 4, 4, 1), count, axis=0))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_a_picture_and_its_file_become_the_same(mode, tmp_path):
    from ogive.images.picture_files import read_each

    bands = {"L": 1, "RGB": 3, "RGBA": 4, "LA": 2}[mode]
    pixels = noise(1, 37, 23, bands)
    opaque = pixels[0, :, :, 0] if bands == 1 else pixels[0]
    if mode in ("LA", "RGBA"):  # otherwise two ways of rounding would be compared
        opaque[..., -1] = np.where(opaque[..., -1] > 99, 255, 0)
    Image.fromarray(opaque).save(tmp_path / "x.png")
    for shape in ((9, 8, 1), (9, 8, 3), (37, 23, 1)):
        (read,) = read_each([str(tmp_path / "x.png")], shape)
        np.testing.assert_array_equal(resize_pictures(pixels, shape)[0], read)


def test_resizing_is_antialiased_and_grey_is_luma():
    stripes = np.tile(np.array([0, 255], np.uint8), (1, 32, 16))[..., None]
    assert np.abs(resize_pictures(stripes, (4, 4, 1)).astype(int) - 128)[:, :, 1:-1].max() < 20
    picture = noise(1, 30, 20, 3)
    wanted = np.asarray(Image.fromarray(picture[0]).convert("L"))
    np.testing.assert_array_equal(resize_pictures(picture, (30, 20, 1))[0, :, :, 0], wanted)
    grey = noise(2, 5, 5, 1)
    np.testing.assert_array_equal(resize_pictures(grey, (5, 5, 3)), np.repeat(grey, 3, axis=3))
    assert resize_pictures(grey, (5, 5, 1)) is grey


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.zeros((1, 2, 2, 1)), InvalidTypeError, "dtype float64.*uint8"),
        ([[1]], InvalidTypeError, "no array"),
        (noise(2, 2, 1), InvalidDataError, r"picture\[None\]"),
        (noise(1, 2, 2, 5), InvalidDataError, "1 to 4 channels"),
        (noise(1, 0, 2, 1), InvalidDataError, "shape"),
    ],
)
def test_what_is_no_picture(images, error, words):
    with pytest.raises(error, match=words):
        EMBEDDERS[0].embed(images)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 2), (0, 2, 1), (2.0, 2, 1), (1 << 20, 99, 1)])
def test_what_is_no_image_shape(shape):
    with pytest.raises(InvalidParameterError, match="image_shape="):
        check_image_shape(shape)


def test_recipes():
    recipe = EmbeddingRecipe("pca", (4, 4, 1), {"components": 3})
    embedder = recipe.fit(varied(40))
    assert embedder.image_shape == (4, 4, 1) and recipe.fits(embedder)
    assert not EmbeddingRecipe("pca", (5, 4, 1)).fits(embedder)
    assert not EmbeddingRecipe("pca", None, {"components": 4}).fits(embedder)
    assert not EmbeddingRecipe("pixels").fits(embedder)
    for name, words in (("pca", "whiten"), ("pixels", "no option")):
        with pytest.raises(InvalidParameterError, match=words):
            EmbeddingRecipe(name, None, {"colour": 1}).fit(varied(3))
    with pytest.raises(InvalidParameterError, match="did you mean 'pca'"):
        EmbeddingRecipe("pcaa").fit(varied(3))
    with pytest.raises(InvalidParameterError, match="smaller image_shape"):
        PrincipalEmbedder.fit(np.zeros((1, 128, 128, 1), np.uint8))
    for bad in (0, 1.5):
        with pytest.raises(InvalidParameterError, match="components="):
            PrincipalEmbedder.fit(varied(3), components=bad)


def test_an_embedder_of_ones_own(monkeypatch):
    monkeypatch.setattr(embedding, "_registered", dict(embedding._registered))

    class MeanColour(Embedder):
        name = "mean-colour"
        width, settings = 3, {}

        @classmethod
        def fit(cls, images, **options):
            return cls((*images.shape[1:3], 3))

        def features(self, images):
            return images.mean((1, 2))

        def write(self, writer):
            writer.value("image_shape", list(self.image_shape))

        @classmethod
        def read(cls, reader):
            return cls(embedding.read_image_shape(reader))

    mine = MeanColour((2, 2, 3))
    with pytest.raises(InvalidTypeError, match="not registered"):
        write_embedder(mine, RecordWriter())
    register_embedder(MeanColour)
    assert "mean-colour" in embedder_names() and embedder_named("mean-colour") is MeanColour
    np.testing.assert_allclose(round_trip(mine).embed(np.full((1, 9, 9, 1), 5, np.uint8)), 3**-0.5)
    assert register_embedder(MeanColour) is MeanColour
    with pytest.raises(InvalidParameterError, match="is the name of"):
        register_embedder(type("Other", (MeanColour,), {}))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mean", np.zeros(5), "shape"),
        ("components", np.zeros((36, 3)), "width|shape"),
        ("variances", np.array([1.0, 1.0, 0.0, 1.0]), "above 0"),
        ("image_shape", [6, 6, 2], "channels"),
        ("image_shape", [1 << 12, 1 << 13, 1], "pixels"),
        ("image_shape", [6, 6], "height, width"),
        ("asked", 1, "asked"),
    ],
)
def test_records_are_not_believed(name, value, words):
    writer = RecordWriter()
    write_embedder(EMBEDDERS[2], writer)
    if isinstance(value, np.ndarray):
        writer.arrays[f"embedder.{name}"] = value
    else:
        writer.values["embedder"][name] = value
    with pytest.raises(InvalidModelError, match=words):
        read_embedder(RecordReader(writer.values, writer.arrays))


def test_patch_components_are_those_of_a_singular_value_decomposition():
    images, others = varied(60), varied(10, seed=5)
    embedder = PatchEmbedder.fit(images, components=3, filters=8)
    rows = embedder.projection.patch_map.features(torch.from_numpy(images)).double().numpy()
    _, singular, vectors = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    assert singular[2] > 1.02 * singular[3]  # what is compared is one space
    seen = embedder.projection.patch_map.features(torch.from_numpy(others)).double().numpy()
    projected = (seen - rows.mean(0)) @ vectors[:3].T
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    found = embedder.embed(others)
    np.testing.assert_allclose(found @ found.T, projected @ projected.T, atol=2e-3)


def test_patches_of_equal_pictures_have_no_components():
    with pytest.raises(InvalidDataError, match="all the same"):
        PatchEmbedder.fit(np.repeat(noise(1, 8, 8, 1), 5, axis=0), filters=4)
    with pytest.raises(InvalidParameterError, match="whiten= is no option of the embedding 'patch"):
        PatchEmbedder.fit(noise(5, 8, 8, 1), whiten=True)
    assert PatchEmbedder.fit(noise(4, 8, 8, 1), components=50, filters=4).width == 3
