"""Classifiers trained by gradient: what they learn, resume, keep in files and refuse."""

import os
import signal

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from torch.nn import functional

import ogive
from ogive._errors import InvalidDataError, InvalidModelError, InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive.estimators.base import seed_of
from ogive.features.patch_options import PatchOptions
from ogive.features.patches import fit_patch_map
from ogive.images.gradient.classifier import NetworkClassifier
from ogive.images.gradient.network import PictureNetwork
from ogive.images.gradient.normalised import NormalisedKernelConv2d
from ogive.images.gradient.pictures import Pictures
from ogive.images.gradient.record import read_network_classifier, write_network_classifier
from ogive.images.gradient.training import measure_normalisation
from ogive.images.training import TrainingFiles, TrainingInterrupted, read_log

SMALL = {"width": 4, "epochs": 2, "batch": 32}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X * 15.9375).astype("uint8").reshape(-1, 8, 8, 1), y


@pytest.fixture(scope="module")
def trained(digits):
    X, y = digits
    return NetworkClassifier(**SMALL).fit(X[:300], np.array(list("abcdefghij"))[y[:300]])


@pytest.mark.parametrize(
    ("kernel", "normalisation", "least"),
    [("sigmoid", "batch", 0.9), ("logistic", "batch", 0.85), ("sigmoid", "none", 0.85),
     ("relu", "batch", 0.85)],
)  # fmt: skip
def test_digits_are_learnt(digits, kernel, normalisation, least):
    X, y = digits
    model = NetworkClassifier(
        kernel=kernel, normalisation=normalisation, width=8, epochs=6, batch=32
    ).fit(X[:900], y[:900])
    assert model.score(X[1400:], y[1400:]) > least
    assert not any(isinstance(m, NormalisedKernelConv2d) for m in model.network_.modules())
    features = model.embed(X[1400:])
    assert features.shape == (397, 32) and features.dtype == np.float32
    logits = torch.from_numpy(features) @ model.network_.head.weight.T + model.network_.head.bias
    assert np.allclose(logits, model.decision_function(X[1400:]), atol=1e-4)


@pytest.mark.parametrize("kernel", ["sigmoid", "relu"])
def test_a_few_steps_are_enough_for_the_statistics(digits, kernel):
    """In 10 steps, statistics that run along would still be half of what they started as."""
    X, y = digits
    model = NetworkClassifier(kernel=kernel, width=8, epochs=5, batch=400)
    assert model.fit(X[:800], y[:800]).score(X[1400:], y[1400:]) > 0.5


def test_statistics_are_those_of_the_weights_as_they_are():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3))
    X = torch.rand(1000, 6, 6, 1)
    data = Pictures.of(X, np.zeros(1000))
    measure_normalisation(model, data, torch.Generator(), torch.device("cpu"))
    found = model[0](X.permute(0, 3, 1, 2))
    assert not model.training and model[1].momentum == 0.1
    torch.testing.assert_close(model[1].running_mean, found.mean((0, 2, 3)))
    torch.testing.assert_close(model[1].running_var, found.var((0, 2, 3)), rtol=1e-2, atol=1e-4)


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


PATIENT = {"width": 4, "epochs": 12, "batch": 32, "rate": 0.4, "patience": 1, "average": 0.0}


def rows_left_out(model, y):
    return model._descent(seed_of(model.random_state), torch.device("cpu")).split(y)[1]


def test_patience_ends_a_training_with_the_best_weights(digits, tmp_path):
    X, y = digits[0][:300], digits[1][:300]
    files = TrainingFiles(tmp_path / "checkpoint", tmp_path / "log.jsonl", every=0)
    model = NetworkClassifier(**PATIENT, validation_fraction=0.3, files=files)
    model.fit(X, y, held_out=(X[:9], y[:9]))
    losses = [r["validation_loss"] for r in read_log(files.log) if "epoch" in r]
    assert model.best_epoch_ == 1 + int(np.argmin(losses)) == model.epochs_ - 1 < 11
    assert len(losses) == model.epochs_
    left_out = rows_left_out(model, y)
    shares = model.predict_proba(X[left_out])[np.arange(len(left_out)), y[left_out]]
    assert -np.log(shares).mean() == pytest.approx(min(losses), rel=1e-4)
    again = clone(model).fit(X, y)  # over: nothing is trained
    assert (again.epochs_, again.best_epoch_) == (model.epochs_, model.best_epoch_)
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


def test_a_patient_training_that_is_stopped_goes_on_to_the_same_weights(digits, tmp_path):
    X, y = digits[0][:200], digits[1][:200]
    whole = NetworkClassifier(**PATIENT).fit(X, y)
    last = 6 * whole.epochs_  # 180 pictures are 6 batches
    files = TrainingFiles(tmp_path / "checkpoint", every=0)
    for stop in (5, last - 4):
        with pytest.raises(RuntimeError, match="killed"):
            NetworkClassifier(**PATIENT, files=files, progress=stopped_after(stop)).fit(X, y)
    resumed = NetworkClassifier(**PATIENT, files=files).fit(X, y)
    assert resumed.best_epoch_ == whole.best_epoch_
    assert np.array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    with pytest.raises(InvalidParameterError, match="patience is 1 there and 2 here"):
        NetworkClassifier(**{**PATIENT, "patience": 2}, files=files).fit(X, y)


def test_pictures_left_out_are_not_learnt_from(digits):
    X, y = digits[0][:100], digits[1][:100]
    model = NetworkClassifier(**{**PATIENT, "epochs": 1}).fit(X, y)
    changed, left_out = X.copy(), rows_left_out(model, y)
    changed[left_out] = 255 - changed[left_out]
    other = clone(model).fit(changed, y)
    assert np.array_equal(other.predict_proba(X), model.predict_proba(X))
    changed[np.setdiff1d(np.arange(100), left_out)[0]] = 0
    assert not np.array_equal(clone(model).fit(changed, y).predict_proba(X), model.predict_proba(X))


def record_of(model):
    writer = RecordWriter()
    write_network_classifier(model, writer)
    return writer.values, writer.arrays


@pytest.mark.parametrize("normalisation", ["batch", "none"])
@pytest.mark.parametrize("kernel", ["sigmoid", "relu"])
def test_a_file_keeps_everything(digits, kernel, normalisation):
    X, y = digits
    model = NetworkClassifier(**SMALL, kernel=kernel, normalisation=normalisation)
    model.fit(X[:64], y[:64] > 4)
    reader = RecordReader(*record_of(model))
    again = read_network_classifier(reader)
    reader.finish()
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.get_params() == model.get_params() and again.n_features_in_ == 64
    assert list(again.classes_) == [False, True]
    assert (again.epochs_, again.best_epoch_) == (2, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, a: v["parameters"].update(kernel="magic"), "kernel is 'magic'"),
        (lambda v, a: v["parameters"].update(normalisation="odd"), "normalisation is 'odd'"),
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
        ({"normalisation": "odd"}, "normalisation='odd'"),
        ({"shift": 8}, "shift=8"),
        ({"patience": 0}, "patience=0"),
        ({"patience": 1, "validation_fraction": 1.5}, "validation_fraction=1.5 must be"),
        ({"patience": 1, "validation_fraction": 0.1}, "validation_fraction=0.1 means 4 of 40"),
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
    with pytest.raises(InvalidDataError, match=r"held_out holds the class 99.*leave it out"):
        NetworkClassifier(**SMALL).fit(X[:50], y[:50], held_out=(X[:2], np.array([0, 99])))
    with pytest.raises(InvalidDataError, match=r"held_out holds pictures of shape \(9, 9, 1\)"):
        NetworkClassifier(**SMALL).fit(X[:50], y[:50], held_out=(np.zeros((2, 9, 9, 1)), [0, 1]))


@pytest.mark.parametrize("kernel", ["sigmoid", "relu"])
@pytest.mark.parametrize("normalisation", ["batch", "none"])
def test_landmarks_are_the_first_layers_weights(digits, kernel, normalisation):
    X = np.repeat(digits[0][:300], 3, 3)
    X[..., 1] //= 2  # so that channels deviate differently
    network = PictureNetwork((8, 8, 3), 10, kernel=kernel, normalisation=normalisation, width=5)
    pictures = torch.from_numpy(X).permute(0, 3, 1, 2) / 255
    network.start(pictures, 3)
    lengths = next(p for p in network.parameters() if p.ndim == 4).flatten(1).norm(dim=1)
    network.start(pictures, 3, first="closed-form")
    weight = next(p for p in network.parameters() if p.ndim == 4).detach()
    assert torch.allclose(weight.flatten(1).norm(dim=1), lengths)
    found = fit_patch_map(torch.from_numpy(X), PatchOptions(filters=5, size=3, grid=1), seed=3)
    # What a unit sees of a picture is what a landmark sees of its patches, up to affine maps.
    inner = functional.conv2d((pictures - network.mean) / network.deviation, weight)
    patches = functional.unfold(pictures, 3).transpose(1, 2)
    expected = (patches - patches.mean(2, keepdim=True)) @ (found.whitening @ found.filters)
    inner, expected = (t.reshape(-1, 5) for t in (inner.permute(0, 2, 3, 1), expected))
    for unit in range(5):
        both = torch.stack([inner[:, unit], expected[:, unit]])
        assert torch.corrcoef(both)[0, 1] > 0.999


def test_a_start_that_is_none_is_refused_and_another_is_another_training(digits, tmp_path):
    X, y = digits[0][:100], digits[1][:100]
    with pytest.raises(InvalidParameterError, match=r"start='closed' is unknown.*closed-form"):
        NetworkClassifier(**SMALL, start="closed").fit(X, y)
    files = TrainingFiles(tmp_path / "checkpoint")
    NetworkClassifier(**SMALL, files=files).fit(X, y)
    with pytest.raises(InvalidParameterError, match="start is 'critical' there"):
        NetworkClassifier(**SMALL, start="closed-form", files=files).fit(X, y)


def test_a_setting_that_decides_nothing_is_no_other_training(digits, tmp_path):
    X, y = digits[0][:100], digits[1][:100]
    files = TrainingFiles(tmp_path / "checkpoint")
    first = NetworkClassifier(**SMALL, files=files).fit(X, y)
    again = NetworkClassifier(**SMALL, files=files, validation_fraction=0.3).fit(X, y)
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    with pytest.raises(InvalidParameterError, match="patience"):
        NetworkClassifier(**SMALL, files=files, patience=3).fit(X, y)


def test_an_interrupted_fit_leaves_what_was_there(digits):
    X, y = digits[0][:200], digits[1][:200]
    model = NetworkClassifier(**SMALL).fit(X[:100], y[:100])
    before = model.predict_proba(X)
    with pytest.raises(RuntimeError, match="killed"):
        model.set_params(progress=stopped_after(2)).fit(X[100:], y[100:] % 5)
    assert np.array_equal(model.predict_proba(X), before)


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
