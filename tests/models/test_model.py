"""Whole models: answers by name, targets of other data, and the same answers after a file."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from scipy import sparse

from ogive._errors import (
    DataNotFoundError,
    InvalidDataError,
    InvalidModelError,
    InvalidParameterError,
)
from ogive._record import RecordReader, RecordWriter
from ogive.data import Dataset, read_table
from ogive.estimators import KernelRidge, KernelRidgeClassifier, Nystroem
from ogive.models import Model, Settings, Training, fit_model, load, load_for_use, save
from ogive.preprocessing import ColumnRoles, RowPreprocessing

generator = np.random.default_rng(0)
CODES = np.arange(60) % 3
POINTS = np.eye(3)[CODES] * 3 + generator.normal(size=(60, 3))
NAMES = ("zebra", "ant", "10")  # in no order of their own
CLASSES = Dataset("points", POINTS, CODES, NAMES)
VALUES = Dataset("values", POINTS, POINTS @ [1.0, -2.0, 0.5], ())
PIXELS = Dataset(
    "pixels", np.clip(POINTS * 40 + 60, 0, 255).astype(np.uint8), CODES, NAMES, (1, 3, 1)
)
SPARSE = Dataset("sparse", sparse.csr_matrix(POINTS * (POINTS > 0)), CODES, NAMES)


def fitted(data, **settings):
    return fit_model(Training.of(data), Settings(**settings))


@pytest.fixture(scope="module")
def classifier():
    return fitted(CLASSES)


@pytest.fixture(scope="module")
def regressor():
    return fitted(VALUES)


def test_answers_are_names(classifier):
    assert classifier.classes == NAMES and classifier.target == "class"
    codes, names = classifier.predict_codes(CLASSES), classifier.predict(CLASSES)
    assert codes.dtype == np.int64 and names.dtype == object
    assert names.tolist() == [NAMES[code] for code in codes]
    assert (codes == CODES).mean() > 0.9
    np.testing.assert_array_equal(classifier.predict(POINTS), names)


def test_answers_are_values(regressor):
    assert regressor.classes == () and regressor.target == "value"
    answers = regressor.predict(VALUES)
    assert answers.dtype == np.float64 and answers.shape == (60,)
    np.testing.assert_array_equal(answers, regressor.predict_codes(VALUES))
    assert np.corrcoef(answers, VALUES.y)[0, 1] > 0.99


def test_probabilities_where_the_estimator_has_them(classifier):
    assert not classifier.gives_probabilities

    class Sure:
        def predict_proba(self, X):
            return X.cumsum(1)

    sure = Model(RowPreprocessing.fit(CLASSES, "none"), Sure(), NAMES, "class")
    assert sure.gives_probabilities
    np.testing.assert_array_equal(sure.predict_proba(CLASSES), POINTS.cumsum(1))


@pytest.mark.parametrize(
    ("y", "classes", "expected"),
    [
        ([0, 1, 2, 0], NAMES, [0, 1, 2, 0]),
        ([0, 1, 2, 0], ("10", "ant", "zebra"), [2, 1, 0, 2]),
        ([1, 1], ("never", "ant", "nor this"), [1, 1]),  # named, but in no row
    ],
)
def test_targets_of_other_data(classifier, y, classes, expected):
    found = classifier.codes_of(np.array(y), classes, "new.csv")
    assert found.dtype == np.int64 and found.tolist() == expected


def test_targets_that_a_classifier_does_not_know(classifier):
    with pytest.raises(InvalidDataError, match=r"new.csv has the class 'bee', which.*'zebra'.*out"):
        classifier.codes_of(np.array([0, 1]), ("ant", "bee"), "new.csv")
    with pytest.raises(InvalidDataError, match=r"new.csv: the targets are real numbers, and"):
        classifier.codes_of(np.array([0.5, 1.0]), (), "new.csv")


def test_targets_of_other_data_as_values(regressor):
    values = np.array([0.5, 2.0])
    assert regressor.codes_of(values, (), "new.csv") is values
    found = regressor.codes_of(np.array([1, 0, 1]), ("-3", "12"), "new.csv")
    assert found.dtype == np.float64 and found.tolist() == [12, -3, 12]
    for classes in (("cat", "dog"), ("1", "inf"), ("nan", "1")):
        with pytest.raises(InvalidDataError, match=r"the targets are classes .* predicts numbers"):
            regressor.codes_of(np.array([0, 1]), classes, "new.csv")


def test_many_classes_are_not_all_named():
    model = Model(None, None, tuple(f"c{i}" for i in range(50)), "class")
    with pytest.raises(InvalidDataError) as caught:
        model.codes_of(np.array([0]), ("x",), "new.csv")
    assert "'c9', …" in str(caught.value) and "c10" not in str(caught.value)


def words_table(folder):
    text = "size,colour,note,kind\n" + "".join(
        f"{i % 7},{('red', 'blue')[i % 2]},a {('big', 'small')[i % 2]} one,{'ab'[i % 2]}\n"
        for i in range(30)
    )
    (folder / "words.csv").write_text(text)
    roles = ColumnRoles("kind", categorical=["colour"], text=["note"])
    table = read_table(folder / "words.csv", roles.kinds, named=roles.named)
    return Training.of(table, roles)


@pytest.mark.parametrize("kind", ["classes", "values", "pixels", "sparse", "landmarks", "table"])
def test_the_same_answers_after_a_file_and_a_pickle(tmp_path, kind):
    if kind == "table":
        training = words_table(tmp_path)
        model = fit_model(training, Settings())
        data = training.data
    else:
        data = {"values": VALUES, "pixels": PIXELS, "sparse": SPARSE}.get(kind, CLASSES)
        model = fitted(data, landmarks=20 if kind == "landmarks" else None)
    save(model, tmp_path / "model.ogive")
    for found in (
        load(tmp_path / "model.ogive"),
        load_for_use(tmp_path / "model.ogive"),
        pickle.loads(pickle.dumps(model)),
    ):
        assert type(found) is Model
        assert (found.classes, found.target) == (model.classes, model.target)
        assert json.loads(json.dumps(found.summary)) == json.loads(json.dumps(model.summary))
        rows = [m.preprocessing.transform(data) for m in (model, found)]
        before, after = (r.toarray() if sparse.issparse(r) else r for r in rows)
        np.testing.assert_array_equal(before, after)
        decide = "decision_function" if model.classes else "predict"
        before, after = (
            getattr(m.estimator, decide)(r) for m, r in zip((model, found), rows, strict=True)
        )
        np.testing.assert_array_equal(before, after)
        np.testing.assert_array_equal(model.predict(data), found.predict(data))


def record(model):
    writer = RecordWriter()
    model.write(writer)
    return json.loads(json.dumps(writer.values)), dict(writer.arrays)


def read(values, arrays):
    return Model.read(RecordReader(values, arrays))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": ["a", "b"]}, "classes do not fit the estimator's 3"),
        ({"classes": []}, "classes do not fit the estimator's 3"),
        ({"classes": ["a", "a", "b"]}, "classes do not fit"),
        ({"classes": ["a", 1, "b"]}, "strings only"),
        ({"target": 1}, "it must be str"),
        ({"summary": []}, "it must be dict"),
        ({"preprocesses": [1]}, "strings only"),
        ({"preprocesses": "rows"}, "it must be list"),
    ],
)
def test_tampered_records(classifier, changes, words):
    values, arrays = record(classifier)
    assert read(values, arrays).classes == NAMES
    with pytest.raises(InvalidModelError, match=words):
        read(values | changes, arrays)


@pytest.mark.parametrize("name", ["preprocessing", "estimator", "classes", "target", "summary"])
def test_missing_parts(classifier, name):
    values, arrays = record(classifier)
    del values[name]
    with pytest.raises(InvalidModelError, match=f"{name} is missing"):
        read(values, arrays)


def test_parts_that_do_not_fit_together(classifier, regressor):
    wide = RowPreprocessing.fit(Dataset("wide", np.eye(4), np.arange(4) % 2, ("a", "b")))
    for model, words in (
        (Model(wide, classifier.estimator, NAMES, "class"), "takes 3 columns, and preproc.* 4"),
        (Model(classifier.preprocessing, regressor.estimator, NAMES, "class"), "estimator's 0"),
        (
            Model(
                classifier.preprocessing,
                KernelRidgeClassifier().fit(POINTS, np.array([5, 6, 7])[CODES]),
                NAMES,
                "class",
            ),
            "classes do not fit the estimator's 3",
        ),
        (
            Model(classifier.preprocessing, Nystroem(n_components=5).fit(POINTS), (), "value"),
            "target is 'value', and the estimator a Nystroem",
        ),
        (
            Model(classifier.preprocessing, regressor.estimator, (), None),
            "target is nothing, and the estimator a KernelRidge",
        ),
        (
            Model(classifier.preprocessing, Nystroem(n_components=5).fit(POINTS), NAMES, None),
            "classes do not fit the estimator's 0",
        ),
    ):
        with pytest.raises(InvalidModelError, match=words):
            read(*record(model))


def test_a_transformer(tmp_path, classifier):
    """It is fitted on any data, gives coordinates, and predicts nothing."""
    model = fitted(CLASSES, model="pca", components=3)
    again = fit_model(Training.of(CLASSES, task="none"), Settings(model="pca", components=3))
    assert (model.classes, model.target, model.transforms) == ((), None, True)
    assert model.summary["components"] == 3 and "alpha" not in model.summary
    found = load_for_use(save(model, tmp_path / "model.ogive"))
    for other in (again, found):
        np.testing.assert_array_equal(other.transform(CLASSES), model.transform(CLASSES))
    assert found.transform(POINTS).shape == (60, 3) and not found.gives_probabilities
    for ask in (found.predict, found.predict_codes):
        with pytest.raises(InvalidParameterError, match=r"KernelPCA, fitted without targets.*pred"):
            ask(CLASSES)
    assert not classifier.transforms
    with pytest.raises(InvalidParameterError, match=r"Classifier fitted to predict 'class'.*use"):
        classifier.transform(CLASSES)
    features = Model(model.preprocessing, Nystroem(n_components=5).fit(POINTS), (), None)
    bare = load(save(features, tmp_path / "features.ogive"))
    np.testing.assert_array_equal(bare.transform(CLASSES), features.transform(CLASSES))


def test_a_model_put_together_by_hand(tmp_path, regressor):
    model = Model(regressor.preprocessing, regressor.estimator, (), "value")
    found = load(save(model, tmp_path / "model.ogive"))
    assert found.summary == {}
    np.testing.assert_array_equal(found.predict(VALUES), regressor.predict(VALUES))


def test_what_is_loaded_for_use(tmp_path, classifier):
    file = save(classifier, tmp_path / "model.ogive")
    assert load_for_use(file, "auto").estimator.device == "auto"
    with pytest.raises(InvalidParameterError, match="device='gpu' is unknown"):
        load_for_use(file, "gpu")
    bare = save(KernelRidge().fit(POINTS, CODES), tmp_path / "bare.ogive")
    with pytest.raises(InvalidModelError, match=r"bare.ogive holds a bare KernelRidge, which"):
        load_for_use(bare)
    with pytest.raises(DataNotFoundError):
        load_for_use(tmp_path / "none.ogive")
    (tmp_path / "text.ogive").write_text("text")
    with pytest.raises(InvalidModelError):
        load_for_use(tmp_path / "text.ogive")
