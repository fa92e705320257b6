"""Embeddings by a model and by training on classes: laws, held-out pictures, records, refusals."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from ogive._errors import (
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
    InvalidTypeError,
)
from ogive._record import RecordReader, RecordWriter
from ogive.data import Dataset, available, load
from ogive.estimators import KernelRidge, PatchKernelClassifier
from ogive.images import embedding, trained_embedding
from ogive.images.blend import BlendedClassifier
from ogive.images.embedding import (
    Embedder,
    EmbeddingRecipe,
    read_embedder,
    register_embedder,
    write_embedder,
)
from ogive.images.embedding_fit import describe, fitted_embedder
from ogive.images.embedding_training import trained_map
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.model_embedding import ModelEmbedder
from ogive.images.patch_embedding import PatchEmbedder
from ogive.images.retrieval import retrieval_scores
from ogive.images.trained_embedding import TrainedEmbedder


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X * 15.9375).astype(np.uint8).reshape(-1, 8, 8, 1), y


@pytest.fixture(scope="module")
def patches(digits):
    return PatchKernelClassifier(16, patch_size=4, grid=3).fit(digits[0][:300], digits[1][:300])


@pytest.fixture(scope="module")
def network(digits):
    model = NetworkClassifier(width=4, epochs=2, batch=32)
    return model.fit(digits[0][:300], digits[1][:300])


@pytest.fixture(scope="module")
def blend(digits):
    parts = NetworkClassifier(width=4, epochs=2, batch=32), PatchKernelClassifier(6, patch_size=4)
    return BlendedClassifier(*parts).fit(digits[0][:300], digits[1][:300])


@pytest.fixture(params=["patches", "network", "blend"])
def model(request):
    return request.getfixturevalue(request.param)


def record(embedder):
    writer = RecordWriter()
    write_embedder(embedder, writer)
    return writer


def read(writer):
    reader = RecordReader(writer.values, writer.arrays)
    found = read_embedder(reader)
    reader.finish()
    return found


def test_a_models_vectors_are_components_and_logits(model, digits):
    images = digits[0][300:420]
    embedder = ModelEmbedder.fit(images, model=model, components=7)
    assert embedder.width == 17 and embedder.image_shape == (8, 8, 1)
    rows = embedder.features(images).astype(np.float64)
    np.testing.assert_allclose(rows.mean(0), 0, atol=1e-3 * rows.std())
    logits = model.decision_function(images).astype(np.float64)
    logits -= logits.mean(1, keepdims=True)  # what the softmax does not see
    logits -= logits.mean(0)
    scale = np.linalg.norm(rows[:, 7:]) / np.linalg.norm(logits)
    np.testing.assert_allclose(rows[:, 7:], scale * logits, atol=0.01 * rows[:, 7:].std())
    covariance = rows[:, :7].T @ rows[:, :7]
    variances = np.diag(covariance)
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-3 * variances[0])
    assert (np.diff(variances) < 0).all()
    assert np.square(rows[:, 7:]).sum() == pytest.approx(4 * variances.sum(), rel=1e-3)


def test_a_model_is_kept_with_its_embedding(model, digits):
    images, others = digits[0][:100], digits[0][600:650]
    embedder = ModelEmbedder.fit(images, model=model, components=5)
    again = read(record(embedder))
    np.testing.assert_array_equal(again.embed(others), embedder.embed(others))
    assert again.settings == embedder.settings
    assert f"components 5, model {again.settings['model']}" in describe(again)
    large = np.repeat(np.repeat(others, 3, axis=1), 3, axis=2)
    assert again.embed(np.repeat(large, 3, axis=3)).shape == (50, 15)


def test_a_model_that_is_fitted_again_changes_no_embedding(network, digits):
    X, y = digits
    model = clone(network).fit(X[:100], y[:100])
    model.set_params(device="cuda")  # as on the machine that it was trained on
    embedder = ModelEmbedder.fit(X[:100], model=model, components=3)
    before = embedder.embed(X[100:120])
    model.set_params(device="cpu").fit(X[:100], y[:100] % 2)
    assert np.array_equal(embedder.embed(X[100:120]), before)


def test_recipes_tell_models_apart(patches, network, digits):
    recipe = EmbeddingRecipe("model", options={"model": patches})
    embedder = recipe.fit(digits[0][:100])
    assert recipe.fits(embedder) and recipe.fits(read(record(embedder)))
    assert EmbeddingRecipe("model", options={"model": patches, "components": 128}).fits(embedder)
    assert not EmbeddingRecipe("model", options={"model": patches, "components": 9}).fits(embedder)
    other = PatchKernelClassifier(16, patch_size=4, grid=3, alpha=1.0)
    other.fit(digits[0][:300], digits[1][:300])
    for stranger in (other, network):
        assert not EmbeddingRecipe("model", options={"model": stranger}).fits(embedder)
    elsewhere, unlike = copy.deepcopy(network), copy.deepcopy(network)
    elsewhere.device, unlike.network_.kernel, unlike.kernel = "cuda", "logistic", "logistic"
    seen = EmbeddingRecipe("model", options={"model": network}).fit(digits[0][:100])
    assert EmbeddingRecipe("model", options={"model": elsewhere}).fits(seen)
    assert not EmbeddingRecipe("model", options={"model": unlike}).fits(seen)
    assert EmbeddingRecipe("model").fits(embedder)
    assert not recipe.fits(PatchEmbedder.fit(digits[0][:20], filters=4))


def test_a_model_of_two_classes(digits):
    images, labels = digits[0][digits[1] < 2], digits[1][digits[1] < 2]
    model = PatchKernelClassifier(8, patch_size=4, grid=2).fit(images[:100], labels[:100])
    vectors = ModelEmbedder.fit(images[:50], model=model).embed(images)
    scores = retrieval_scores(vectors[100:], labels[100:], vectors[:100], labels[:100])
    assert scores.map_at_r > 0.95


@pytest.mark.parametrize("given", [None, KernelRidge(), "m.ogive"])
def test_what_is_no_model_of_pictures(given, digits):
    with pytest.raises(InvalidTypeError, match="which has no features of pictures; give a model"):
        ModelEmbedder.fit(digits[0][:9], model=given)


def test_models_and_pictures_refused(patches, digits):
    with pytest.raises(InvalidDataError, match="all the same to the model"):
        ModelEmbedder.fit(np.repeat(digits[0][:1], 4, axis=0), model=patches)
    with pytest.raises(InvalidParameterError, match=r"filters= is no option.*model, components"):
        ModelEmbedder.fit(digits[0][:9], model=patches, filters=3)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("asked", 3, "is 3 for"),
        ("model", {"class": "pickle"}, "class"),
        ("model", {"class": "KernelRidge"}, "model"),
        ("centre", np.zeros(3, np.float32), "shape"),
        ("components", np.zeros((16, 0), np.float32), "no columns"),
        ("components", np.full((16, 4), np.nan, np.float32), "NaN"),
    ],
)
def test_records_of_models_are_not_believed(name, value, words, network, digits):
    writer = record(ModelEmbedder.fit(digits[0][:50], model=network))
    if isinstance(value, np.ndarray):
        writer.arrays[f"embedder.{name}"] = value
    else:
        writer.values["embedder"][name] = value
    with pytest.raises(InvalidModelError, match=words):
        read(writer)


def scores_of(embedder, images, labels, known):
    vectors = embedder.embed(images)
    return retrieval_scores(
        vectors[known:], labels[known:], vectors[:known], labels[:known], k=(1,)
    )


def test_training_finds_more_held_out_pictures(digits):
    images, labels = digits
    known = 600
    trained = TrainedEmbedder.fit(images[:known], 32, 16, labels=labels[:known])
    plain = PatchEmbedder.fit(images[:known], 32, 16)
    found, before = (scores_of(e, images, labels, known) for e in (trained, plain))
    assert found.map_at_r > before.map_at_r + 0.2 and found.recall[1] >= before.recall[1] - 0.01
    again = read(record(trained))
    np.testing.assert_array_equal(again.embed(images[:9]), trained.embed(images[:9]))
    assert again.settings == {"components": 32, "filters": 16} == trained.settings


def test_training_finds_more_clothes():
    if not available("fashion-mnist"):
        pytest.skip("no Fashion-MNIST here")
    rows = load("fashion-mnist").take(range(900))
    images, labels, known = rows.images(), rows.y, 600
    found, before = (
        scores_of(e, images, labels, known)
        for e in (
            TrainedEmbedder.fit(images[:known], 64, 24, labels=labels[:known]),
            PatchEmbedder.fit(images[:known], 64, 24),
        )
    )
    assert found.map_at_r > before.map_at_r + 0.2 and found.recall[1] > before.recall[1]


def test_pictures_without_class_are_left_aside(digits):
    images, labels = digits[0][:90], digits[1][:90]
    steps = []
    plain = TrainedEmbedder.fit(
        images, 4, 4, labels=labels, progress=lambda *step: steps.append(step)
    )
    some = np.insert(labels, 40, [-1, -1])
    mixed = TrainedEmbedder.fit(
        np.insert(images, 40, digits[0][100:102], axis=0), 4, 4, labels=some
    )
    np.testing.assert_array_equal(mixed.embed(images), plain.embed(images))
    other = TrainedEmbedder.fit(images, 4, 4, labels=labels, seed=1)
    assert not np.array_equal(other.embed(images), plain.embed(images))
    assert steps[0] == ("reading features", 90, 90)
    assert steps[-1][0] == "training the embedding" and steps[-1][1] == steps[-1][2]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "of these 4 pictures 0 have a class, of 0 in all.*a folder of pictures for each"),
        ([2, 2, 2, 2], "4 have a class, of 1 in all"),
        ([0, 1, -1, -1], "2 have a class, of 2 in all; .* two pictures of one"),
        ([0, 1], r"shape \(2,\) for 4 pictures"),
    ],
)
def test_training_needs_classes(labels, words, digits):
    labels = labels if labels is None else np.array(labels)
    with pytest.raises(InvalidDataError, match=words):
        TrainedEmbedder.fit(digits[0][:4], 2, 4, labels=labels)


def test_as_many_components_as_are_wanted(digits, monkeypatch):
    monkeypatch.setattr(trained_embedding, "_DIRECTIONS", 3)
    images, labels = digits[0][:60], digits[1][:60]
    for wanted, width in ((2, 2), (5, 5)):
        embedder = TrainedEmbedder.fit(images, wanted, 8, labels=labels)
        assert embedder.width == width and embedder.settings["components"] == wanted


def test_equal_pictures_teach_nothing(digits):
    with pytest.raises(InvalidDataError, match="all the same"):
        TrainedEmbedder.fit(digits[0][[5] * 6], labels=np.arange(6) % 2, filters=4)
    with pytest.raises(InvalidParameterError, match="is no option of the embedding 'trained'"):
        TrainedEmbedder.fit(digits[0][:4], labels=np.arange(4) % 2, whiten=True)


def test_a_weak_direction_that_tells_the_classes_is_found():
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(200, 6, generator=generator) * torch.tensor([3.0, 2, 2, 1, 1, 1])
    labels = torch.arange(200) % 2
    rows[:, 5] = 2 * labels - 1 + 0.1 * rows[:, 5]
    components = trained_map(rows, labels, torch.eye(6, 3), seed=1)
    vectors = torch.nn.functional.normalize(rows @ components).double().numpy()
    same = retrieval_scores(vectors, labels, k=(1,))
    assert components.shape == (6, 3) and same.map_at_r > 0.98
    before = retrieval_scores(rows[:, :3], labels, k=(1,))
    assert before.map_at_r < 0.6


def test_who_learns_is_told_of_classes(monkeypatch, tmp_path):
    from PIL import Image

    monkeypatch.setattr(embedding, "_registered", dict(embedding._registered))
    seen = []

    class Learner(Embedder):
        name, learns, width, settings = "learner", True, 1, {}

        @classmethod
        def fit(cls, images, labels, seed, progress):
            seen.append((images[:, 0, 0, 0].tolist(), labels.tolist(), seed))
            return cls(images.shape[1:])

        def features(self, images):
            raise AssertionError

        def write(self, writer):
            raise AssertionError

        @classmethod
        def read(cls, reader):
            raise AssertionError

    register_embedder(Learner)
    pixels = np.arange(24, dtype=np.uint8).reshape(6, 4)
    rows = Dataset("s", pixels, np.arange(6) % 3, ("a", "b", "c"), (2, 2, 1))
    fitted_embedder(EmbeddingRecipe("learner"), rows, 7, None)
    assert seen.pop() == ([0, 4, 8, 12, 16, 20], [0, 1, 2, 0, 1, 2], 7)
    for name, level in (("cat/1", 10), ("cat/2", 20), ("dog/1", 30), ("loose", 40)):
        file = tmp_path / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4), level).save(file)
    (tmp_path / "dog" / "broken.png").write_bytes(b"no")
    fitted_embedder(EmbeddingRecipe("learner"), tmp_path, 0, None)
    levels, labels, _ = seen.pop()
    assert dict(zip(levels, labels, strict=True)) == {
        10: 0,
        20: 0,
        30: 1,
    }  # the loose one is not read
    with pytest.raises(InvalidDataError, match="of these 2 pictures 0 have a class"):
        fitted_embedder(EmbeddingRecipe("learner"), tmp_path / "cat", 0, None)
    assert seen == []
