"""Fitting on data as they come: what is a class and what a value, splits, settings, summaries."""

from __future__ import annotations

import json
from contextlib import contextmanager

import numpy as np
import pytest
from scipy import sparse

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.data import Dataset, load, read_table
from ogive.kernels import Linear
from ogive.models import Settings, Training, fit_model
from ogive.models.machines import LANDMARKS, make_estimator
from ogive.preprocessing import ColumnPreprocessing, ColumnRoles, RowPreprocessing

generator = np.random.default_rng(0)


def dataset(y, classes=(), rows=None):
    y = np.asarray(y, dtype=np.int64 if classes else np.float64)
    X = generator.normal(size=(len(y), 2)) if rows is None else rows
    return Dataset("made-up", X, y, tuple(classes))


def integers(count):
    """Return a data set whose classes are so many integers, two rows each."""
    classes = sorted(range(-3, count - 3), key=lambda n: n)
    return dataset(np.repeat(np.arange(count), 2), [str(n) for n in classes])


@pytest.mark.parametrize(
    ("data", "task", "kind"),
    [
        (integers(100), "auto", "classes"),
        (integers(101), "auto", "values"),
        (integers(101), "classes", "classes"),
        (integers(5), "values", "values"),
        (dataset([0, 1, 1, 0], ["cat", "dog"]), "auto", "classes"),
        (dataset([0, 1, 1, 0], ["cat", "dog"]), "classes", "classes"),
        (dataset(np.repeat(np.arange(300), 2), [f"w{i}" for i in range(300)]), "auto", "classes"),
        (dataset([0.5, 1.0, 2.0]), "auto", "values"),
        (dataset([0.5, 1.0, 2.0]), "values", "values"),
    ],
)
def test_classes_or_values(data, task, kind):
    found = Training.of(data, task=task)
    assert found.target == ("class" if data.classes else "value")
    if kind == "classes":
        assert found.classes == data.classes and found.y.dtype == np.int64
        np.testing.assert_array_equal(found.y, data.y)
    else:
        assert found.classes == () and found.y.dtype == np.float64
        expected = [float(data.classes[code]) for code in data.y] if data.classes else data.y
        np.testing.assert_array_equal(found.y, expected)


@pytest.mark.parametrize(
    ("data", "task", "error", "words"),
    [
        (dataset([0.5, 1.0]), "classes", InvalidDataError, "holds fractions, which are no classes"),
        (dataset([0, 1], ["cat", "1"]), "values", InvalidDataError, "target 'cat' is no number"),
        (integers(2), "clases", InvalidParameterError, "task='clases'.*did you mean 'classes'"),
        (dataset([0, 0], ["cat", "dog"]), "auto", InvalidDataError, "one class only .'cat'."),
        (dataset([1, 1], ["1", "2"]), "auto", InvalidDataError, "one class only .'2'."),
    ],
)
def test_targets_refused(data, task, error, words):
    with pytest.raises(error, match=words):
        Training.of(data, task=task)


def test_classes_without_rows_are_left_out():
    data = dataset([4, 1, 4, 1], ["a", "b", "c", "d", "e"])
    found = Training.of(data)
    assert found.classes == ("b", "e") and found.y.tolist() == [1, 0, 1, 0]
    model = fit_model(found, Settings(kernel="gaussian", alpha=1e-6))
    assert model.classes == ("b", "e")
    assert model.predict(data).tolist() == ["e", "b", "e", "b"]
    assert model.codes_of(data.y, data.classes, "it").tolist() == [1, 0, 1, 0]


def test_absent_classes_do_not_count_towards_many():
    names = [str(i) for i in range(300)]
    assert Training.of(dataset([7, 8, 7, 8], names)).classes == ("7", "8")


def table_of(folder, text, roles):
    (folder / "t.csv").write_text(text)
    return read_table(folder / "t.csv", roles.kinds, named=roles.named)


def test_the_target_of_a_table(tmp_path):
    text = "kind,size\n" + "".join(f"{'ba'[i % 2]},{i}\n" for i in range(6))
    for roles, target, classes in (
        (ColumnRoles("kind"), "kind", ("a", "b")),
        (ColumnRoles(0), "kind", ("a", "b")),
    ):
        found = Training.of(table_of(tmp_path, text, roles), roles)
        assert (found.target, found.classes) == (target, classes)
        assert found.y.tolist() == [1, 0] * 3
    roles = ColumnRoles(categorical=["kind"])
    found = Training.of(table_of(tmp_path, text, roles), roles, "values")
    assert (found.target, found.classes, found.y.tolist()) == ("size", (), [0, 1, 2, 3, 4, 5])


def rows_of(training):
    data = training.data
    return data.X[:, 0] if isinstance(data, Dataset) else data.numbers[0]


@pytest.mark.parametrize("kind", ["classes", "values", "table"])
def test_split_keeps_rows_and_targets_together(tmp_path, kind):
    n = 50
    if kind == "table":
        roles = ColumnRoles("kind")
        text = "size,kind\n" + "".join(f"{i},{'aaab'[i % 4]}\n" for i in range(n))
        whole = Training.of(table_of(tmp_path, text, roles), roles)
    else:
        rows = np.arange(n, dtype=float).reshape(-1, 1)
        y = np.arange(n) % 4 // 3 if kind == "classes" else np.arange(n) / 7
        whole = Training.of(dataset(y, ["x", "y"] if kind == "classes" else (), rows))
    train, held = whole.split(0.3, seed=1)
    assert len(held.y) == 15 and len(train.y) == 35
    taken = np.concatenate([rows_of(train), rows_of(held)])
    assert sorted(taken.tolist()) == list(range(n))
    for part in (train, held):
        np.testing.assert_array_equal(part.y, whole.y[rows_of(part).astype(int)])
        assert (part.classes, part.target, part.roles) == (whole.classes, whole.target, whole.roles)
    if whole.classes:
        assert np.bincount(held.y).tolist() == [11, 4]
    again = whole.split(0.3, seed=1)[1]
    np.testing.assert_array_equal(rows_of(again), rows_of(held))
    assert set(rows_of(whole.split(0.3, seed=2)[1])) != set(rows_of(held))


@pytest.mark.parametrize(
    ("y", "classes", "fraction", "words"),
    [
        ([0, 0, 1], ("a", "b"), 0.5, "class 'b' has 1 row"),
        ([0.5, 1.0, 2.0], (), 0.01, "means 0 of 3 rows"),
        ([0.5, 1.0, 2.0], (), 1.5, "fraction between 0 and 1"),
    ],
)
def test_splits_that_leave_a_side_empty(y, classes, fraction, words):
    with pytest.raises(InvalidParameterError, match=words):
        Training.of(dataset(y, classes)).split(fraction, 0)


def test_digits():
    model = fit_model(Training.of(load("digits")), Settings())
    test = load("digits", "test")
    assert (model.predict_codes(test) == test.y).mean() > 0.97
    assert model.classes == tuple("0123456789")
    assert isinstance(model.preprocessing, RowPreprocessing)


def test_words_and_numbers_of_a_table(tmp_path):
    # What decides is now in a number, now in a category, now in a word.
    size = generator.permutation(90)
    colour = generator.permutation(90) % 3
    word = generator.permutation(90) % 2
    truth = (size > 45).astype(int) + (colour == 1) + word >= 2
    lines = [
        f"{s},{['red', 'blue', 'green'][c]},it is {('big', 'small')[w]},{('no', 'yes')[t]}\n"
        for s, c, w, t in zip(size, colour, word, truth.astype(int), strict=True)
    ]
    roles = ColumnRoles("ok", categorical=["colour"], text=["note"])
    table = table_of(tmp_path, "size,colour,note,ok\n" + "".join(lines), roles)
    train, held = Training.of(table, roles).split(1 / 3, 0)
    model = fit_model(train, Settings())
    assert isinstance(model.preprocessing, ColumnPreprocessing)
    assert (model.predict_codes(held.data) == held.y).mean() > 0.85
    assert set(model.predict(held.data)) == {"no", "yes"} == set(model.classes)
    assert model.target == "ok"


def test_values_and_sparse_rows():
    X = sparse.random(80, 10, 0.3, "csr", random_state=0)
    y = X @ np.arange(10.0)
    for rows in (sparse.csr_matrix(X), X.toarray()):
        data = dataset(y, (), rows)
        model = fit_model(Training.of(data), Settings())
        residual = model.predict(data) - y
        assert (residual**2).sum() < 0.01 * ((y - y.mean()) ** 2).sum()


def test_the_summary_tells_how_it_was_fitted():
    data = integers(3)
    model = fit_model(Training.of(data), Settings(seed=7), command="ogive fit it")
    summary = model.summary
    expected = {"model": "ridge", "data": "made-up", "rows": 6, "columns": 2}
    expected |= {"seed": 7, "command": "ogive fit it"}
    assert {name: summary[name] for name in expected} == expected
    assert summary["alpha"] == model.estimator.alpha_ and type(summary["alpha"]) is float
    assert summary["kernel"] == str(model.estimator.kernel_)
    assert summary["kernel"].startswith("Sigmoid(gamma=")
    assert summary["seconds"] > 0 and summary["peak_bytes"] >= 0
    assert "alpha" in summary["solution"] and "6 rows" in summary["treatment"]
    assert summary["date"].endswith("+00:00")
    json.dumps(summary, allow_nan=False)
    given = fit_model(Training.of(data), Settings(alpha=0.5))
    assert given.summary["alpha"] == 0.5


def test_steps_are_told():
    told = []

    @contextmanager
    def step(text):
        told.append(text)
        yield
        told.append("done")

    fit_model(Training.of(integers(3)), Settings(kernel="gaussian"), step=step)
    fitting = "fitting ridge, gaussian kernel, on 6 rows"
    assert told == ["preparing 6 rows", "done", fitting, "done"]


def test_scale_is_passed_on():
    data = integers(3)
    model = fit_model(Training.of(data), Settings(scale="centre"))
    assert str(model.preprocessing.scaling) == "centred"
    with pytest.raises(InvalidParameterError, match="scale='center'"):
        fit_model(Training.of(data), Settings(scale="center"))


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        (Settings(), {"kernel": "sigmoid", "gamma": "suggest", "coef0": "suggest"}),
        (Settings(kernel="logistic", coef0=-2.0), {"gamma": "suggest", "coef0": -2.0}),
        (Settings(kernel="gaussian"), {"gamma": "scale", "coef0": None}),
        (Settings(kernel="gaussian", gamma=0.5), {"gamma": 0.5}),
        (Settings(kernel="polynomial", degree=2), {"gamma": "suggest", "coef0": 1.0, "degree": 2}),
        (Settings(kernel="linear"), {"gamma": None, "n_components": 6, "approximation": "auto"}),
        (Settings(kernel="additive"), {"gamma": None}),
        (Settings(), {"n_components": LANDMARKS, "approximation": "auto", "alpha": "auto"}),
        (Settings(landmarks=0), {"n_components": None, "approximation": "exact"}),
        (Settings(landmarks=9), {"n_components": 9, "approximation": "nystroem"}),
        (Settings(kernel="linear", landmarks=9), {"n_components": 9}),
        (
            Settings(alpha=0.1, memory="1 MB", seed=3, device="auto"),
            {"alpha": 0.1, "memory": "1 MB", "random_state": 3, "device": "auto"},
        ),
    ],
    ids=str,
)
def test_settings_become_parameters(settings, parameters):
    for classes in (True, False):
        estimator = make_estimator(settings, 5, classes=classes)
        name = "KernelRidgeClassifier" if classes else "KernelRidge"
        assert type(estimator).__name__ == name
        found = estimator.get_params(deep=False)
        assert {key: found[key] for key in parameters} == parameters


def test_data_without_targets(tmp_path):
    data = integers(3)
    bare = Training.of(data, task="none")
    assert (bare.target, bare.classes, len(bare.y)) == (None, (), 6)
    assert len(bare.take(np.array([0, 2])).y) == 2
    with pytest.raises(InvalidParameterError, match=r"test_fraction=0.5: without targets"):
        bare.split(0.5, 0)
    with pytest.raises(InvalidParameterError, match=r"model='ridge' learns from targets"):
        fit_model(bare, Settings())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(model="rigde"), "model='rigde' is unknown; did you mean 'ridge'"),
        (Settings(kernel="sigmiod"), "kernel='sigmiod' is unknown; did you mean 'sigmoid'"),
        (Settings(kernel="rbf"), "kernel='rbf' is unknown"),
        (Settings(kernel="linear", gamma=1.0), "gamma=1.0: the linear kernel has no gamma"),
        (Settings(kernel="gaussian", coef0=0.0), "coef0=0.0: the gaussian kernel has no coef0"),
        (Settings(degree=3), "degree=3: the sigmoid kernel has no degree: leave it out"),
        (Settings(landmarks=-1), "landmarks=-1 must be a positive number, or 0 for all rows"),
        (Settings(device="gpu"), "device='gpu' is unknown"),
        (Settings(alpha=-1.0), "alpha=-1.0; it must be a finite number"),
        (Settings("logistic", alpha=-1.0), "alpha=-1.0; it must be a finite number"),
        (Settings("logistic", alpha="none"), "alpha='none': logistic.*out for 0.01.*logistic_path"),
        (Settings("discriminant", mu=-1.0), "mu=-1.0; it must be"),
        (Settings("pca", components=0), "n_components=0; it must be a whole number"),
        (Settings(components=2), "components=2 is for pca, and model='ridge' has none"),
        (Settings(alpha="none"), "alpha='none'; it must be a finite number.*or 'auto'"),
        (Settings(gamma="sugest"), "gamma='sugest'"),
    ],
    ids=str,
)
def test_settings_refused(settings, words):
    with pytest.raises(InvalidParameterError, match=words):
        fit_model(Training.of(integers(3)), settings)


@pytest.mark.parametrize(
    "kernel", ["sigmoid", "logistic", "gaussian", "polynomial", "linear", "additive"]
)
def test_every_kernel_learns(kernel):
    X = np.concatenate([generator.normal(-2, 1, (30, 3)), generator.normal(2, 1, (30, 3))])
    data = dataset(np.repeat([0, 1], 30), ["low", "high"], X)
    model = fit_model(Training.of(data), Settings(kernel=kernel))
    assert (model.predict_codes(data) == data.y).mean() > 0.95
    if kernel == "linear":
        assert model.estimator.kernel_ == Linear()


def test_landmarks_and_seed():
    data = dataset(np.arange(60) % 2, ["a", "b"])
    chosen = [
        fit_model(Training.of(data), Settings(landmarks=9, seed=seed)).estimator.component_indices_
        for seed in (0, 0, 1)
    ]
    assert all(len(indices) == 9 for indices in chosen)
    assert set(chosen[0]) == set(chosen[1]) != set(chosen[2])
