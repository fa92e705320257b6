"""One factorization for all machines: its features, its views, and what is fitted on them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ogive._errors import InvalidDataError, InvalidTypeError
from ogive._record import RecordReader, RecordWriter
from ogive.estimators import KernelRidge, KernelRidgeClassifier
from ogive.estimators.factorization import Factorization
from ogive.estimators.kernel_discriminant import KernelDiscriminant
from ogive.estimators.kernel_logistic import KernelLogistic
from ogive.estimators.kernel_pca import KernelPCA
from ogive.estimators.record import read_estimator, write_estimator
from ogive.kernels import Gaussian, Sigmoid

INDEFINITE = Sigmoid(0.2, 0.3)
DEFINITE = Gaussian(0.05)
generator = np.random.default_rng(0)
X = generator.normal(size=(70, 5))
Y = np.sin(X[:, 0]) + 0.1 * generator.normal(size=70)
CLASSES = np.digitize(X[:, 0] * X[:, 1] + 0.3 * generator.normal(size=70), [-0.3, 0.3])
WEIGHT = generator.integers(0, 4, 70).astype(float)
LANDMARKS = {"approximation": "nystroem", "n_components": 20}

forms = pytest.mark.parametrize("form", [{}, LANDMARKS], ids=["exact", "landmarks"])
kernels = pytest.mark.parametrize("kernel", [INDEFINITE, DEFINITE], ids=str)
classifiers = pytest.mark.parametrize(
    "model",
    [KernelRidgeClassifier(0.1), KernelLogistic(0.1), KernelDiscriminant(1e-2)],
    ids=lambda model: type(model).__name__,
)


def centred(matrix, weight=None):
    share = np.ones(len(matrix)) if weight is None else weight
    turned = np.eye(len(matrix)) - share / share.sum()
    return turned @ matrix @ turned.T


def answers(model, rows):
    """Return everything that a model says about rows."""
    names = ("predict", "decision_function", "predict_proba", "transform")
    return [getattr(model, name)(rows) for name in names if hasattr(model, name)]


# What it is ---------------------------------------------------------------------------------------


@kernels
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_signed_products_of_components_are_the_centred_kernel(kernel, weight):
    found = Factorization.of(kernel, X, sample_weight=weight)
    Z = found.components
    kept = slice(None) if weight is None else weight > 0  # other rows may point elsewhere
    expected = centred(kernel(X), weight)[kept]
    np.testing.assert_allclose(Z[kept] * found.signature @ Z.T, expected, atol=1e-9)
    w = np.ones(70) if weight is None else weight
    np.testing.assert_allclose(
        Z.T @ (w[:, None] * Z), np.diag(np.abs(found.eigenvalues)), atol=1e-9
    )
    assert (found.negative_mass > 0.01) == (kernel is INDEFINITE)
    assert found.plan.negative_mass == found.negative_mass
    whole = Factorization.of(kernel, X, sample_weight=weight, fit_intercept=False)
    Z = whole.components
    np.testing.assert_allclose(Z[kept] * whole.signature @ Z.T, kernel(X)[kept], atol=1e-9)


@forms
@kernels
def test_features_of_training_rows_are_the_components(kernel, form):
    found = Factorization.of(kernel, X, sample_weight=WEIGHT, **form)
    np.testing.assert_allclose(found.features(X), found.components, atol=1e-7)
    assert found.features(found) is found.components
    assert found.features(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(found.rows, X[found.component_indices])
    assert (WEIGHT[found.component_indices] > 0).all()
    assert len(found.rows) == (20 if form else (WEIGHT > 0).sum())


def test_what_it_says_of_itself():
    found = Factorization.of(INDEFINITE, X)
    positive = int((found.eigenvalues > 0).sum())
    assert repr(found) == (
        f"Factorization(Sigmoid(gamma=0.2, coef0=0.3), 70 rows, rank {found.shape[1]}: {positive} "
        f"positive, {found.shape[1] - positive} negative, negative mass {found.negative_mass:.2g})"
    )
    assert "view of 3 rows" in repr(found[:3])
    assert found.plan.approximation == "exact" and "70 rows" in found.plan.reason
    marks = Factorization.of(INDEFINITE, X, **LANDMARKS)
    assert marks.plan.approximation == "nystroem" and marks.plan.landmarks == 20


def test_kernels_by_name_rule_function_and_matrix():
    named = Factorization.of("sigmoid", X)
    assert named.kernel == Sigmoid(1 / 5, 1.0)
    ruled = Factorization.of(Sigmoid("suggest", "suggest"), X, sample_weight=WEIGHT)
    assert ruled.kernel == Sigmoid("suggest", "suggest").resolve(X, WEIGHT)
    expected = Factorization.of(INDEFINITE, X, sample_weight=WEIGHT)
    function = Factorization.of(INDEFINITE.__call__, X, sample_weight=WEIGHT)
    np.testing.assert_allclose(function.components, expected.components, atol=1e-9)
    matrix = Factorization.of("precomputed", INDEFINITE(X), sample_weight=WEIGHT)
    np.testing.assert_allclose(matrix.components, expected.components, atol=1e-7)
    new = X[:9] * 0.5
    np.testing.assert_allclose(
        matrix.features(INDEFINITE(new, X)), expected.features(new), atol=1e-6
    )
    assert matrix.kernel == "precomputed" and matrix.rows is None


@forms
def test_sparse_rows_give_the_same(form):
    rows = np.where(np.abs(X) < 0.5, 0.0, X)
    dense = Factorization.of(INDEFINITE, rows, **form)
    found = Factorization.of(INDEFINITE, sparse.csr_matrix(rows), **form)
    np.testing.assert_allclose(np.abs(found.eigenvalues), np.abs(dense.eigenvalues), rtol=1e-6)
    model = KernelRidge(0.1)
    np.testing.assert_allclose(
        model.fit(found, Y).predict(sparse.csr_matrix(rows)),
        model.fit(dense, Y).predict(rows),
        atol=1e-6,
    )


def test_float32_rows_and_bytes():
    marks = {"approximation": "nystroem", "landmarks": X[:20].astype(np.float32)}
    double, single = (
        Factorization.of(INDEFINITE, X.astype(dtype), **marks) for dtype in (np.float64, np.float32)
    )
    assert single.components.dtype == np.float32 and double.components.dtype == np.float64
    expected = KernelRidge(0.1).fit(double, Y).predict(double)
    np.testing.assert_allclose(KernelRidge(0.1).fit(single, Y).predict(single), expected, atol=1e-3)
    digits = load_digits().data[:50].astype(np.uint8)
    of_bytes = Factorization.of(Gaussian(0.001), digits)
    np.testing.assert_allclose(
        of_bytes.components, Factorization.of(Gaussian(0.001), digits * 1.0).components, atol=1e-6
    )


# Views --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        [3, 1, 4],
        np.array([3, 1, 4]),
        np.arange(70) % 2 == 0,
        slice(5, 20),
        -1,
        (np.array([2, 2]), ...),
    ],
    ids=str,
)
def test_views_are_chosen_as_rows_of_an_array_are(key):
    found = Factorization.of(INDEFINITE, X, sample_weight=WEIGHT)
    view = found[key]
    rows = key[0] if isinstance(key, tuple) else key
    np.testing.assert_array_equal(view.components, np.atleast_2d(found.components[rows]))
    np.testing.assert_array_equal(view.weights, np.atleast_1d(WEIGHT[rows]))
    assert view.shape == (len(view), found.shape[1]) and not view.whole
    assert view.identity == found.identity and view[:1].identity == found.identity


def test_scikit_learn_takes_rows_from_it():
    found = Factorization.of(INDEFINITE, X)
    assert _num_samples(found) == 70
    np.testing.assert_array_equal(
        _safe_indexing(found, np.array([5, 2])).components, found.components[[5, 2]]
    )
    mask = np.arange(70) < 4
    assert len(_safe_indexing(found, mask)) == 4
    train, test, _, _ = train_test_split(found, Y, test_size=10, random_state=0)
    assert (len(train), len(test)) == (60, 10)


@classifiers
def test_cross_validation_on_views_is_that_of_refits_for_a_definite_kernel(model):
    found = Factorization.of(DEFINITE, X)
    cv = StratifiedKFold(4)
    other = clone(model).set_params(kernel=DEFINITE)
    method = "decision_function"
    mine = cross_val_predict(model, found, CLASSES, cv=cv, method=method)
    expected = cross_val_predict(other, X, CLASSES, cv=cv, method=method)
    if isinstance(model, KernelDiscriminant):  # scores are told up to a number for each row
        mine, expected = (scores - scores[:, :1] for scores in (mine, expected))
    np.testing.assert_allclose(mine, expected, atol=1e-6)
    for scoring in (None, "accuracy"):
        mine = cross_val_score(model, found, CLASSES, cv=cv, scoring=scoring)
        np.testing.assert_array_equal(
            mine, cross_val_score(other, X, CLASSES, cv=cv, scoring=scoring)
        )


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_on_a_view_is_a_refit_for_a_definite_kernel(fit_intercept, weighted):
    weight = WEIGHT if weighted else None
    found = Factorization.of(DEFINITE, X, sample_weight=weight, fit_intercept=fit_intercept)
    some = np.arange(70)[10:50]
    mine = KernelRidge(0.1, fit_intercept=fit_intercept).fit(found[some], Y[some])
    other = KernelRidge(0.1, kernel=DEFINITE, fit_intercept=fit_intercept)
    other.fit(X[some], Y[some], WEIGHT[some] if weighted else None)
    for rows in (found, X):
        np.testing.assert_allclose(mine.predict(rows), other.predict(X), atol=1e-7)
    assert mine.score(found[50:], Y[50:]) == pytest.approx(other.score(X[50:], Y[50:]))


def test_an_indefinite_view_keeps_the_penalty_of_all_rows():
    found, some = Factorization.of(INDEFINITE, X), np.arange(40)
    mine = KernelRidge(0.1).fit(found[some], Y[some])
    # The same by hand: ridge regression on fixed features.
    Z = found.components[some]
    away, goal = Z - Z.mean(0), Y[some] - Y[some].mean()
    beta = np.linalg.solve(away.T @ away + 0.1 * np.eye(Z.shape[1]), away.T @ goal)
    expected = (found.components - Z.mean(0)) @ beta + Y[some].mean()
    np.testing.assert_allclose(mine.predict(found), expected, atol=1e-7)
    np.testing.assert_allclose(mine.predict(X), expected, atol=1e-6)
    refit = KernelRidge(0.1, kernel=INDEFINITE).fit(X[some], Y[some]).predict(X)
    assert 1e-4 < np.abs(refit - expected).mean() < 0.1


def test_principal_components_of_a_view_are_those_of_its_rows():
    for kernel in (INDEFINITE, DEFINITE):
        found, some = Factorization.of(kernel, X), np.arange(70)[5:60]
        mine = KernelPCA(6).fit(found[some])
        other = KernelPCA(6, kernel=kernel).fit(X[some])
        np.testing.assert_allclose(mine.eigenvalues_, other.eigenvalues_, rtol=1e-8)
        assert mine.negative_mass_ == pytest.approx(other.negative_mass_, abs=1e-8)
        for rows in (found, X):
            np.testing.assert_allclose(mine.transform(rows), other.transform(X), atol=1e-7)


def test_a_search_over_parameters_uses_one_factorization():
    X, y = load_iris(return_X_y=True)
    found = Factorization.of(Sigmoid("suggest", "suggest"), X)
    grid = {"alpha": [1e-3, 1e-1, 1e1]}
    search = GridSearchCV(KernelRidgeClassifier(), grid, cv=3).fit(found, y)
    assert search.best_score_ > 0.94
    np.testing.assert_array_equal(search.predict(found), search.predict(X))


def test_processes_may_share_it():
    found = Factorization.of(DEFINITE, X)
    alone, shared = (cross_val_score(KernelRidge(0.1), found, Y, cv=3, n_jobs=n) for n in (1, 2))
    np.testing.assert_allclose(shared, alone)


# Machines on the whole ----------------------------------------------------------------------------


@forms
@kernels
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@classifiers
def test_a_machine_on_the_whole_is_the_machine_on_the_rows(model, kernel, weight, form):
    if form and isinstance(model, KernelRidgeClassifier):
        return  # KernelRidge by landmarks has a norm of its own
    found = Factorization.of(kernel, X, sample_weight=weight, **form)
    mine = clone(model).fit(found, CLASSES)
    other = clone(model).set_params(kernel=kernel, **form).fit(X, CLASSES, weight)
    for one, expected in zip(answers(mine, X), answers(other, X), strict=True):
        np.testing.assert_allclose(one, expected, atol=1e-5)
    for one, expected in zip(answers(mine, found[3:9]), answers(mine, X[3:9]), strict=True):
        np.testing.assert_allclose(one, expected, atol=1e-6)


@kernels
@pytest.mark.parametrize("alpha", [0.3, "auto"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_ridge_on_the_whole_is_ridge_on_the_rows(kernel, alpha, weight):
    targets = np.stack([Y, X[:, 1] ** 2], 1)
    mine = KernelRidge(alpha).fit(Factorization.of(kernel, X, sample_weight=weight), targets)
    other = KernelRidge(alpha, kernel=kernel).fit(X, targets, weight)
    assert mine.alpha_ == pytest.approx(other.alpha_)
    np.testing.assert_allclose(mine.predict(X), other.predict(X), atol=1e-7)
    np.testing.assert_allclose(mine.dual_coef_, other.dual_coef_, atol=1e-5)
    assert mine.kernel_ == other.kernel_ and mine.n_features_in_ == 5
    if other.leave_one_out_error_ is not None:
        assert mine.leave_one_out_error_ == pytest.approx(other.leave_one_out_error_)


@classifiers
def test_other_weights_than_those_of_the_factorization(model):
    found = Factorization.of(DEFINITE, X)
    mine = clone(model).fit(found, CLASSES, WEIGHT)
    other = clone(model).set_params(kernel=DEFINITE).fit(X, CLASSES, WEIGHT)
    np.testing.assert_allclose(
        mine.predict_proba(X) if hasattr(mine, "predict_proba") else mine.decision_function(X),
        other.predict_proba(X) if hasattr(other, "predict_proba") else other.decision_function(X),
        atol=1e-5,
    )


def test_models_survive_pickling_and_need_no_rows_of_the_factorization():
    found = Factorization.of(INDEFINITE, X)
    model = KernelRidge(0.1).fit(found, Y)
    again, view = pickle.loads(pickle.dumps((model, found[:7])))
    np.testing.assert_array_equal(again.predict(view), model.predict(found[:7]))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert len(pickle.dumps(model)) < len(pickle.dumps(found)) / 3


def test_models_survive_their_files_without_the_factorization():
    found = Factorization.of(INDEFINITE, X)
    model = KernelRidge(0.1).fit(found, Y)
    writer = RecordWriter()
    write_estimator(model, writer)
    again = read_estimator(RecordReader(writer.values, writer.arrays))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.leave_one_out_error_ == model.leave_one_out_error_
    with pytest.raises(InvalidDataError, match="another one than that of fit"):
        again.predict(found)
    matrix = Factorization.of("precomputed", INDEFINITE(X))
    with pytest.raises(InvalidTypeError, match="set kernel='precomputed' and fit again"):
        write_estimator(KernelRidge().fit(matrix, Y), RecordWriter())
    write_estimator(KernelRidge(kernel="precomputed").fit(matrix, Y), RecordWriter())


def test_verbose_tells_how_far_it_is_and_any_device_gives_the_same(capsys):
    one, other = (
        KernelLogistic(kernel=INDEFINITE, device=device, verbose=1, **LANDMARKS).fit(X, CLASSES)
        for device in ("cpu", "auto")
    )
    assert "70 of 70 rows" in capsys.readouterr().err
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-5)
    found = Factorization.of(INDEFINITE, X, device="auto")
    np.testing.assert_allclose(
        found.components, Factorization.of(INDEFINITE, X).components, atol=1e-6
    )


def test_names_of_columns_are_kept():
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = KernelRidge().fit(Factorization.of(INDEFINITE, frame), Y)
    assert list(model.feature_names_in_) == list("abcde")
    model.predict(frame)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("edcba")])
    model.fit(Factorization.of(INDEFINITE, X), Y)
    assert not hasattr(model, "feature_names_in_")


def test_digits_by_five_machines_from_one_factorization():
    X, y = load_digits(return_X_y=True)
    train, test = np.arange(1000), np.arange(1000, 1797)
    found = Factorization.of(
        Sigmoid("suggest", "suggest"), X / 16, **LANDMARKS | {"n_components": 300}
    )
    assert found.negative_mass > 0.01
    for model in (KernelRidgeClassifier(1e-2), KernelLogistic(1e-2), KernelDiscriminant(1e-4)):
        assert model.fit(found[train], y[train]).score(found[test], y[test]) > 0.93
    coordinates = KernelPCA(30).fit(found[train]).transform(found)
    assert coordinates.shape == (1797, 30)
    codes = np.eye(10)[y]
    ridge = KernelRidge(1e-2).fit(found[train], codes[train])
    assert (ridge.predict(found[test]).argmax(1) == y[test]).mean() > 0.95


# Refusals -----------------------------------------------------------------------------------------
