"""Classifiers trained by gradient: what they learn, resume, keep in files and refuse."""

import os
import signal

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

import ogive
from ogive._errors import InvalidDataError, InvalidModelError, InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive._training import TrainingFiles, TrainingInterrupted, read_log
from ogive.estimators import PatchKernelClassifier
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.gradient.patches import PatchNetwork, patch_descent, train_patches
from ogive.images.gradient.record import read_network_classifier, write_network_classifier
from ogive.images.recipe import Gradient

SMALL = {"width": 4, "epochs": 2, "batch": 32}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X * 15.9375).astype("uint8").reshape(-1, 8, 8, 1), y


@pytest.fixture(scope="module")
def trained(digits):
    X, y = digits
    return NetworkClassifier(**SMALL).fit(X[:300], np.array(list("abcdefghij"))[y[:300]])


@pytest.mark.parametrize("kernel", ["sigmoid", "relu"])
def test_digits_are_learnt(digits, kernel):
    X, y = digits
    model = NetworkClassifier(kernel=kernel, width=8, epochs=6, batch=32)
    model.fit(X[:900], y[:900])
    assert model.score(X[1400:], y[1400:]) > 0.85
    features = model.embed(X[1400:])
    assert features.shape == (397, 32) and features.dtype == np.float32
    logits = torch.from_numpy(features) @ model.network_.head.weight.T + model.network_.head.bias
    assert np.allclose(logits, model.decision_function(X[1400:]), atol=1e-4)


def test_answers_agree(trained, digits):
    X = digits[0][300:340]
    shares = trained.predict_proba(X)
    assert np.allclose(shares.sum(1), 1, atol=1e-5)
    assert (trained.classes_[shares.argmax(1)] == trained.predict(X)).all()
    rows = clone(trained).set_params(image_shape=(8, 8, 1))
    rows.fit(digits[0][:300].reshape(300, 64), trained.classes_[digits[1][:300]])
    assert np.array_equal(rows.predict_proba(X.reshape(-1, 64)), shares)
    fractions = (X / 255).astype(np.float32)
    assert np.allclose(trained.predict_proba(fractions), shares, atol=1e-5)
    assert len(trained.predict(X[:1])) == 1


def test_two_classes_have_one_score(digits):
    X, y = digits
    two = y < 2
    model = NetworkClassifier(**SMALL).fit(X[two], y[two])
    scores = model.decision_function(X[two])
    assert scores.ndim == 1 and ((scores > 0) == (model.predict(X[two]) == 1)).all()


def stopped_after(steps):
    def progress(_, done, __):
        if done == steps:
            raise RuntimeError("killed")

    return progress


@pytest.mark.parametrize("augmentation", [{}, {"flip": True, "shift": 1}])
def test_a_stopped_training_goes_on_to_the_same_weights(digits, tmp_path, augmentation):
    X, y = digits[0][:200], digits[1][:200]
    settings = {**SMALL, **augmentation}
    whole = NetworkClassifier(**settings).fit(X, y)
    files = TrainingFiles(tmp_path / "checkpoint", tmp_path / "log.jsonl", every=0)
    stopped = NetworkClassifier(**settings, files=files, progress=stopped_after(9))
    with pytest.raises(RuntimeError, match="killed"):
        stopped.fit(X, y)
    resumed = clone(stopped).set_params(progress=None).fit(X, y, held_out=(X[:20], y[:20]))
    for name, value in whole.network_.state_dict().items():
        assert torch.equal(value, resumed.network_.state_dict()[name]), name
    records = read_log(files.log)
    assert [r["step"] for r in records] == [7, 10, 14]
    assert records[-1]["epoch"] == 2 and "held_out_accuracy" in records[-1]
    assert set(records[1]) == {"step", "loss", "accuracy", "rate", "seconds"}
    for changed in ({"width": 5}, {"epochs": 3}):
        with pytest.raises(InvalidParameterError, match=next(iter(changed))):
            clone(resumed).set_params(**changed).fit(X, y)
    with pytest.raises(InvalidParameterError, match=r"data is .* there and .* here"):
        clone(resumed).fit(X + 1, y)


def record_of(model):
    writer = RecordWriter()
    write_network_classifier(model, writer)
    return writer.values, writer.arrays


@pytest.mark.parametrize("kernel", ["sigmoid", "relu"])
def test_a_file_keeps_everything(digits, kernel):
    X, y = digits
    model = NetworkClassifier(**SMALL, kernel=kernel).fit(X[:64], y[:64] > 4)
    reader = RecordReader(*record_of(model))
    again = read_network_classifier(reader)
    reader.finish()
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.get_params() == model.get_params() and again.n_features_in_ == 64
    assert list(again.classes_) == [False, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, a: v["parameters"].update(kernel="magic"), "kernel is 'magic'"),
        (lambda v, a: v["parameters"].update(width=10**9), "make no network: width"),
        (lambda v, a: v["parameters"].update(width=1000), "weights.body.* has shape"),
        (lambda v, a: v.update(image_shape=[8, 8]), "image_shape is"),
        (lambda v, a: a.pop("weights.head/bias"), "weights.head/bias is missing"),
        (lambda v, a: a["weights.deviation"].fill(0), "deviation must be above 0"),
        (lambda v, a: a["weights.head/bias"].fill(np.nan), "NaN"),
        (lambda v, a: a.update({"classes_.numbers": np.array([1])}), "holds 1 labels"),
    ],
)
def test_a_damaged_file_is_refused(digits, change, words):
    model = NetworkClassifier(**SMALL).fit(digits[0][:64], digits[1][:64])
    values, arrays = record_of(model)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(values, arrays)
    with pytest.raises(InvalidModelError, match=words):
        read_network_classifier(RecordReader(values, arrays))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"batch": 1}, "batch=1"),
        ({"rate": 0}, "rate=0"),
        ({"label_smoothing": 1}, "label_smoothing=1"),
        ({"average": 1}, "average=1"),
        ({"kernel": "magic"}, "kernel='magic'"),
        ({"shift": 8}, "shift=8"),
        ({"device": "tpu"}, "device='tpu'"),
    ],
)
def test_impossible_settings(digits, settings, words):
    with pytest.raises(InvalidParameterError, match=words):
        NetworkClassifier(**{**SMALL, **settings}).fit(digits[0][:40], digits[1][:40])


def test_impossible_data(trained, digits):
    X, y = digits
    with pytest.raises(InvalidDataError, match="one class"):
        NetworkClassifier().fit(X[:5], np.zeros(5))
    with pytest.raises(InvalidDataError, match="resize them"):
        trained.predict(np.zeros((2, 9, 9, 1), dtype=np.uint8))
    with pytest.raises(InvalidDataError, match="held_out holds the class 99"):
        NetworkClassifier(**SMALL).fit(X[:50], y[:50], held_out=(X[:2], np.array([0, 99])))


@pytest.fixture(scope="module")
def closed_form(digits):
    return PatchKernelClassifier(6, patch_size=3, grid=2, alpha=0.1).fit(digits[0], digits[1])


def descent(**settings):
    recipe = Gradient(**{"epochs": 4, "batch": 32, **settings})
    return patch_descent(recipe, (8, 8, 1), 0, torch.device("cpu"))


def copy_of(model):
    again = clone(model)
    vars(again).update(vars(model))
    return again


def test_a_patch_network_starts_with_the_classifiers_probabilities(closed_form, digits):
    X = digits[0][:50]
    network = PatchNetwork(closed_form)
    found = network(torch.from_numpy(X).permute(0, 3, 1, 2) / 255).softmax(1).detach().numpy()
    error = np.abs(found - closed_form.predict_proba(X))
    assert error.max() < 0.1 and error.mean() < 0.002  # the classifier rounds to bfloat16


def test_patches_trained_on_know_more(closed_form, digits, tmp_path):
    X, y = digits
    model = PatchKernelClassifier(6, patch_size=3, grid=2, alpha=0.1).fit(X[:1200], y[:1200])
    start = model.score(X[1200:], y[1200:])
    files = TrainingFiles(tmp_path / "checkpoint", every=0)
    again = copy_of(model)
    with pytest.raises(RuntimeError, match="killed"):
        train_patches(copy_of(model), X[:1200], y[:1200], descent(), files=files,
                      progress=stopped_after(70))  # fmt: skip
    train_patches(model, X[:1200], y[:1200], descent())
    assert model.score(X[1200:], y[1200:]) > start + 0.01
    train_patches(again, X[:1200], y[:1200], descent(), files=files)
    assert np.array_equal(again.coef_, model.coef_)
    assert torch.equal(again.patch_map_.filters, model.patch_map_.filters)
    shares = model.predict_proba(X[:20])
    assert np.allclose(shares.sum(1), 1, atol=1e-5)


def test_patches_refuse_classes_that_they_do_not_know(closed_form, digits):
    with pytest.raises(InvalidDataError, match="the class 77"):
        train_patches(copy_of(closed_form), digits[0][:3], [1, 2, 77], descent())


def test_an_interrupt_is_one(digits):
    def press(_, done, __):
        if done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="after 2 of"):
        NetworkClassifier(**SMALL, progress=press).fit(digits[0][:100], digits[1][:100])


def test_what_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        ogive.save(NetworkClassifier(), tmp_path / "empty.ogive")
    assert not list(tmp_path.iterdir())
