"""Patch features and the closed-form classifier behind scikit-learn's face, on real pictures."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

import ogive
from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data import available, load
from ogive.estimators import PatchKernelClassifier, PatchKernelFeatures

SMALL = {"n_filters": 32, "patch_size": 4, "grid": 3}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X * 15.9375).astype("uint8").reshape(-1, 8, 8), y


def test_features_are_those_of_the_map_and_named(digits):
    X, _ = digits
    features = PatchKernelFeatures(**SMALL).fit(X)
    found = features.transform(X[:10])
    assert found.shape == (10, 9 * 32) and found.dtype == np.float32
    names = features.get_feature_names_out()
    assert names[0] == "patchkernelfeatures0" and len(names) == found.shape[1]
    rows = PatchKernelFeatures(**SMALL, image_shape=(8, 8, 1)).fit(X.reshape(-1, 64))
    assert np.array_equal(rows.transform(X[:10].reshape(-1, 64)), found)


def test_classifier_beats_pixels_and_agrees_with_the_pipeline(digits):
    X, y = digits
    train, test = slice(0, 1200), slice(1200, None)
    model = PatchKernelClassifier(**SMALL).fit(X[train], y[train])
    score = model.score(X[test], y[test])
    pixels = RidgeClassifier().fit(X[train].reshape(-1, 64), y[train])
    assert score > 0.95 > pixels.score(X[test].reshape(-1, 64), y[test])
    pipeline = make_pipeline(PatchKernelFeatures(**SMALL), RidgeClassifier(1e-4))
    pipeline.fit(X[train], y[train])
    assert abs(pipeline.score(X[test], y[test]) - score) < 0.03


def test_features_that_never_change_are_kept_in_files(digits, tmp_path):
    X, y = digits
    X = np.pad(X[:600], ((0, 0), (4, 4), (4, 4)))  # cells in which there is never anything
    model = PatchKernelClassifier(16, patch_size=3, grid=7).fit(X, y[:600])
    assert (model.scale_ > 1e30).any()
    ogive.save(model, tmp_path / "border.ogive")
    again = ogive.load(tmp_path / "border.ogive")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert model.score(X, y[:600]) > 0.95


def test_two_layers_learn_and_are_kept_in_files(digits, tmp_path):
    X, y = digits
    model = PatchKernelClassifier(32, patch_size=2, grid=2, n_first_filters=24)
    model.fit(X[:1200], y[:1200])
    assert model.score(X[1200:], y[1200:]) > 0.93
    ogive.save(model, tmp_path / "two.ogive")
    again = ogive.load(tmp_path / "two.ogive")
    assert again.n_first_filters == 24
    assert np.array_equal(again.predict_proba(X[1200:]), model.predict_proba(X[1200:]))


def test_probabilities_are_calibrated_and_agree_with_predict(digits):
    X, y = digits
    model = PatchKernelClassifier(**SMALL).fit(X[:1200], y[:1200])
    probabilities = model.predict_proba(X[1200:])
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert np.array_equal(probabilities.argmax(1), model.predict(X[1200:]))
    sure = probabilities.max(1).mean()
    assert abs(sure - model.score(X[1200:], y[1200:])) < 0.05


def test_any_classes_and_two_of_them(digits):
    X, y = digits
    some = y < 2
    names = np.array(["zero", "one"])[y[some]]
    model = PatchKernelClassifier(**SMALL).fit(X[some], names)
    assert set(model.predict(X[some])) == {"zero", "one"}
    assert model.decision_function(X[some]).shape == (some.sum(),)
    assert ((model.decision_function(X[some]) > 0) == (model.predict(X[some]) == "zero")).all()


def test_the_same_seed_gives_the_same_model_and_copies_agree(digits):
    X, y = digits
    model = PatchKernelClassifier(**SMALL, random_state=3).fit(X[:300], y[:300])
    again = clone(model).fit(X[:300], y[:300])
    expected = model.predict_proba(X[300:320])
    assert np.array_equal(again.predict_proba(X[300:320]), expected)
    copied = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copied.predict_proba(X[300:320]), expected)


def test_progress_is_told(digits):
    X, y = digits
    told = []
    PatchKernelClassifier(**SMALL, progress=lambda *told_: told.append(told_)).fit(X[:50], y[:50])
    assert told == [
        ("fitting landmarks", 0, 50), ("reading pictures", 50, 50), ("solving", 50, 50),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("X", "options", "error", "words"),
    [
        (np.zeros((4, 64)), {}, InvalidParameterError, "image_shape=None: X has rows of 64"),
        (np.zeros((4, 64)), {"image_shape": (8, 8)}, InvalidParameterError, "such as"),
        (np.zeros((4, 64)), {"image_shape": (8, 9, 1)}, InvalidDataError, "gives 72"),
        (np.zeros(4), {}, InvalidDataError, r"X has shape \(4,\)"),
        (np.zeros((0, 8, 8)), {}, InvalidDataError, "one picture or more"),
        (np.full((4, 8, 8), 300), {}, InvalidDataError, "300 to 300"),
        (np.full((4, 8, 8), np.nan), {}, InvalidDataError, "nan"),
        (np.full((4, 8, 8), "a"), {}, InvalidDataError, "dtype"),
        (np.zeros((4, 8, 8)), {}, InvalidDataError, "flat"),
    ],
)
def test_what_is_no_picture_is_refused(X, options, error, words):
    with pytest.raises(error, match=words):
        PatchKernelClassifier(**SMALL, **options).fit(X, [0, 1, 0, 1])


def test_one_class_is_refused(digits):
    X, _ = digits
    with pytest.raises(InvalidDataError, match="one class"):
        PatchKernelClassifier(**SMALL).fit(X[:5], np.zeros(5))


@pytest.mark.skipif(not available("fashion-mnist"), reason="Fashion-MNIST is not here")
def test_real_pictures_are_learned_in_closed_form():
    train, test = load("fashion-mnist").take(range(4000)), load("fashion-mnist", "test")
    test = test.take(range(2000))
    model = PatchKernelClassifier(64, grid=4).fit(train.images(), train.y)
    assert model.score(test.images(), test.y) > 0.86
