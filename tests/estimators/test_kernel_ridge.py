"""Ridge estimators against scikit-learn where it is right, and against laws where it is not."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn import kernel_ridge
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.estimators import KernelRidge, KernelRidgeClassifier
from ogive.kernels import AdditiveSigmoid, Gaussian, Linear, Logistic, Polynomial, Sigmoid

INDEFINITE = Sigmoid(0.2, 0.3)


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X)[:200], y[:200]


@pytest.mark.parametrize(
    "kernel, name, parameters",
    [
        (Linear(), "linear", {}),
        (Gaussian(0.05), "rbf", {"gamma": 0.05}),
        (Polynomial(2, 0.1, 1.0), "poly", {"gamma": 0.1, "degree": 2, "coef0": 1.0}),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn_on_definite_kernels(diabetes, kernel, name, parameters, weighted):
    X, y = diabetes
    weight = np.random.default_rng(0).uniform(0.5, 3, len(y)) if weighted else None
    theirs = kernel_ridge.KernelRidge(alpha=0.7, kernel=name, **parameters)
    expected = theirs.fit(X[:150], y[:150], None if weight is None else weight[:150]).predict(X)
    for model in (
        KernelRidge(0.7, kernel=kernel, fit_intercept=False),
        KernelRidge(0.7, kernel=name, fit_intercept=False, **parameters),
    ):
        found = model.fit(X[:150], y[:150], None if weight is None else weight[:150]).predict(X)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-6)


def test_sigmoid_by_name_has_scikit_learns_defaults():
    X, y = make_regression(40, 5, random_state=0)
    assert KernelRidge(kernel="sigmoid").fit(X, y).kernel_ == Sigmoid(1 / 5, 1.0)
    assert KernelRidge(kernel="poly").fit(X, y).kernel_ == Polynomial(3, 1 / 5, 1.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_intercept_is_unpenalised_as_in_linear_ridge(diabetes, weighted):
    X, y = diabetes
    weight = np.random.default_rng(1).uniform(0.1, 4, len(y)) if weighted else None
    expected = Ridge(alpha=2.0).fit(X, y, weight).predict(X)
    found = KernelRidge(2.0, kernel="linear").fit(X, y, weight).predict(X)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("kernel", [INDEFINITE, Logistic(0.3, -2.0), Gaussian(0.05)])
@pytest.mark.parametrize("shift", [1000.0, -3.0])
def test_a_shift_of_the_targets_shifts_predictions(diabetes, kernel, shift):
    X, y = diabetes
    model = KernelRidge(0.5, kernel=kernel)
    before = model.fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X, y + shift).predict(X), before + shift, rtol=1e-8)


@pytest.mark.parametrize("coef0", [-9.0, 9.0])
def test_float32_keeps_the_digits_below_a_saturated_constant(diabetes, coef0):
    X, y = diabetes
    kernel = Sigmoid(0.05, coef0)
    exact = KernelRidge(1e-9, kernel=kernel).fit(X, y)
    single = KernelRidge(1e-9, kernel=kernel, approximation="nystroem", n_components=len(y)).fit(
        X.astype(np.float32), y
    )
    new = X[:50] * 0.9
    spread = exact.predict(new).std()
    error = np.abs(single.predict(new.astype(np.float32)) - exact.predict(new)).max()
    # tanh itself has lost 43 % of tanh + 1 here in float32; the logistic form has lost 1e-6 of it,
    # which the condition of the problem (eigenvalues cut at 1e-7) multiplies.
    assert error < 0.02 * spread


@pytest.mark.parametrize("kernel", [INDEFINITE, Gaussian(0.05)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_all_rows_as_landmarks_is_exact(diabetes, kernel, weighted, fit_intercept):
    X, y = diabetes
    weight = np.random.default_rng(2).uniform(0.5, 2, len(y)) if weighted else None
    common = {"alpha": 0.3, "kernel": kernel, "fit_intercept": fit_intercept}
    exact = KernelRidge(approximation="exact", **common).fit(X, y, weight)
    landmarks = KernelRidge(approximation="nystroem", n_components=len(y), **common)
    np.testing.assert_allclose(
        landmarks.fit(X, y, weight).predict(X), exact.predict(X), rtol=1e-6, atol=1e-5
    )


@pytest.mark.parametrize("approximation", ["exact", "nystroem"])
@pytest.mark.parametrize("method", ["uniform", "k-means++", "leverage"])
def test_weights_are_repetitions(diabetes, approximation, method):
    X, y = diabetes
    repeats = np.random.default_rng(3).integers(0, 4, len(y))
    order = np.random.default_rng(4).permutation(int(repeats.sum()))
    model = KernelRidge(
        0.5, kernel=INDEFINITE, approximation=approximation, n_components=40, landmarks=method
    )
    weighted = model.fit(X, y, repeats).predict(X)
    X_repeated, y_repeated = np.repeat(X, repeats, axis=0), np.repeat(y, repeats)
    repeated = model.fit(X_repeated[order], y_repeated[order]).predict(X)
    np.testing.assert_allclose(repeated, weighted, rtol=1e-6, atol=1e-5)


@given(st.integers(1, 30), st.integers(1, 4), st.floats(1e-3, 1e3), st.booleans())
def test_more_penalty_never_fits_the_training_rows_better(n, d, alpha, fit_intercept):
    generator = np.random.default_rng(n * 10 + d)
    X, y = generator.normal(size=(n, d)), generator.normal(size=n)

    def loss(penalty):
        model = KernelRidge(penalty, kernel=Sigmoid(0.5, 0.2), fit_intercept=fit_intercept)
        return ((model.fit(X, y).predict(X) - y) ** 2).sum()

    assert loss(alpha) <= loss(2 * alpha) + 1e-9


def test_the_sigmoid_kernel_learns_digits_where_scikit_learn_does_not():
    X, y = load_digits(return_X_y=True)
    X, rows = X / 16, np.random.default_rng(0).permutation(len(y))
    train, test = rows[:1200], rows[1200:]
    kernel = Sigmoid("suggest", "suggest").resolve(X[train])
    ours = KernelRidgeClassifier(1e-3, kernel=kernel).fit(X[train], y[train])
    codes = np.eye(10)[y[train]]
    gamma, coef0 = kernel.scale_and_shift()
    theirs = kernel_ridge.KernelRidge(1e-3, kernel="sigmoid", gamma=gamma, coef0=coef0)
    theirs_accuracy = (theirs.fit(X[train], codes).predict(X[test]).argmax(1) == y[test]).mean()
    assert ours.score(X[test], y[test]) > 0.98
    assert ours.plan_.treatment == "krein" and ours.plan_.negative_mass > 0.01
    assert ours.score(X[test], y[test]) > theirs_accuracy


def test_landmarks_reach_the_accuracy_of_all_rows_on_digits():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    model = KernelRidgeClassifier(
        1e-2, kernel=Sigmoid("suggest", "suggest"), approximation="nystroem", n_components=400
    )
    assert cross_val_score(model, X, y, cv=3).mean() > 0.96
    model.fit(X, y)
    np.testing.assert_array_equal(X[model.component_indices_], model.X_fit_)
    assert 0.01 < model.plan_.negative_mass < 0.5


@pytest.mark.parametrize("approximation", ["exact", "nystroem"])
def test_what_is_kept_gives_the_predictions(diabetes, approximation):
    X, y = diabetes
    Y = np.stack([y, -y + X[:, 0]], axis=1)
    model = KernelRidge(0.1, kernel=INDEFINITE, approximation=approximation, n_components=50)
    model.fit(X, Y)
    by_hand = model.kernel_(X, model.X_fit_) @ model.dual_coef_ + model.intercept_
    np.testing.assert_allclose(model.predict(X), by_hand, rtol=1e-7, atol=1e-7)
    assert model.predict(X).shape == Y.shape
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("approximation", ["exact", "nystroem"])
def test_sparse_equals_dense(diabetes, approximation):
    X, y = diabetes
    X = np.where(np.abs(X) < 0.8, 0.0, X)
    model = KernelRidge(1.0, kernel=Sigmoid(0.1, 0.2), approximation=approximation, n_components=60)
    dense = model.fit(X, y).predict(X)
    np.testing.assert_allclose(
        model.fit(sparse.csr_matrix(X), y).predict(sparse.csr_matrix(X)),
        dense,
        rtol=1e-5,
        atol=1e-4,
    )


def test_precomputed_and_callable_equal_the_kernel_object(diabetes):
    X, y = diabetes
    weight = np.arange(len(y)) % 3
    expected = KernelRidge(0.4, kernel=INDEFINITE).fit(X, y, weight).predict(X[:20])
    matrix = KernelRidge(0.4, kernel="precomputed").fit(INDEFINITE(X), y, weight)
    np.testing.assert_allclose(matrix.predict(INDEFINITE(X[:20], X)), expected, rtol=1e-7)
    function = KernelRidge(0.4, kernel=INDEFINITE.__call__).fit(X, y, weight)
    np.testing.assert_allclose(function.predict(X[:20]), expected, rtol=1e-7)


def test_own_landmarks(diabetes):
    X, y = diabetes
    given_rows = X[:30] * 0.5
    model = KernelRidge(kernel=INDEFINITE, approximation="nystroem", landmarks=given_rows)
    model.fit(X, y)
    assert model.component_indices_ is None and model.dual_coef_.shape == (30,)
    np.testing.assert_array_equal(model.X_fit_, given_rows)


def test_coefficient_penalty_is_the_other_model(diabetes):
    X, y = diabetes
    model = KernelRidge(0.7, kernel=INDEFINITE, penalty="coefficients", fit_intercept=False)
    K = INDEFINITE(X)
    expected = K @ np.linalg.solve(K @ K + 0.49 * np.eye(len(K)), K @ y)
    np.testing.assert_allclose(model.fit(X, y).predict(X), expected, rtol=1e-4, atol=1e-3)
    assert "LSMR" in model.solution_


def test_not_converging_is_a_warning(diabetes, monkeypatch):
    from ogive.estimators import ridge_fit

    X, y = diabetes
    solver = ridge_fit.coefficient_ridge
    monkeypatch.setattr(
        ridge_fit, "coefficient_ridge", lambda *a, **k: solver(*a, max_iterations=1, **k)
    )
    with pytest.warns(ConvergenceWarning, match="max_iterations=1"):
        KernelRidge(1e-6, kernel=INDEFINITE, penalty="coefficients").fit(X, y)


def test_a_kernel_that_claims_to_be_definite_and_is_not_still_gets_solved(diabetes):
    X, y = diabetes

    class Optimist(Sigmoid):
        positive_definite = True

    model = KernelRidge(1e-6, kernel=Optimist(0.2, 0.3)).fit(X, y)
    assert model.plan_.treatment == "krein" and "not numerically" in model.plan_.reason
    expected = KernelRidge(1e-6, kernel=INDEFINITE).fit(X, y).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-7)


# Parameters -----------------------------------------------------------------------------------


def test_kernel_parameters_are_reached_by_name_and_replace_the_kernel():
    kernel = Sigmoid(0.1, -1.0)
    model = KernelRidge(kernel=kernel)
    assert model.get_params()["kernel__gamma"] == 0.1
    model.set_params(kernel__gamma=0.5, alpha=3.0)
    assert model.kernel == Sigmoid(0.5, -1.0) and kernel == Sigmoid(0.1, -1.0)
    assert model.alpha == 3.0
    compound = KernelRidge(kernel=Linear() + 2.0 * Sigmoid(0.1, 0.0))
    compound.set_params(kernel__right__inner__coef0=0.7)
    assert compound.kernel == Linear() + 2.0 * Sigmoid(0.1, 0.7)
    assert clone(model).kernel == model.kernel
    with pytest.raises(ValueError, match="needs a kernel object"):
        KernelRidge(kernel="rbf").set_params(kernel__gamma=1.0)


def test_grid_search_over_kernel_parameters():
    X, y = load_iris(return_X_y=True)
    grid = {"kernel__gamma": [0.001, 0.01], "kernel__coef0": [0.0, 0.5], "alpha": [0.01]}
    search = GridSearchCV(KernelRidgeClassifier(kernel=Sigmoid(0.1, 0.0)), grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.94


@pytest.mark.parametrize(
    "parameters, error, words",
    [
        ({"kernel": "sigmod"}, InvalidParameterError, "did you mean 'sigmoid'"),
        ({"kernel": 3}, InvalidTypeError, "kernel object, a name or a callable"),
        ({"kernel": Sigmoid(0.1), "gamma": 0.2}, InvalidParameterError, "kernel__gamma"),
        ({"kernel": AdditiveSigmoid.random(4, 2)}, InvalidParameterError, "not symmetric"),
        ({"alpha": -1.0}, InvalidParameterError, "alpha=-1.0"),
        ({"alpha": float("nan")}, InvalidParameterError, "alpha=nan"),
        ({"approximation": "nystrom"}, InvalidParameterError, "did you mean 'nystroem'"),
        ({"n_components": 0, "approximation": "nystroem"}, InvalidParameterError, "n_components=0"),
        ({"landmarks": "kmeans", "approximation": "nystroem"}, InvalidParameterError, "k-means"),
        ({"penalty": "l2"}, InvalidParameterError, "penalty='l2'"),
        ({"memory": 10, "approximation": "nystroem"}, InvalidParameterError, "at least"),
        ({"kernel": "rbf", "gamma": "scal"}, InvalidParameterError, "did you mean 'scale'"),
        (
            {"kernel": Gaussian(0.1), "approximation": "nystroem", "landmarks": np.ones((3, 7))},
            InvalidDataError,
            "same number",
        ),
        ({"kernel": lambda A, B: A}, InvalidDataError, "returned shape"),
    ],
)
def test_bad_parameters_name_value_and_cure(parameters, error, words):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(error, match=words):
        KernelRidge(**parameters).fit(X, y)


def test_bad_data():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        KernelRidge().predict(X)
    with pytest.raises(ValueError, match="non-zero"):
        KernelRidge().fit(X, y, np.zeros(len(y)))
    with pytest.raises(InvalidDataError, match="square"):
        KernelRidge(kernel="precomputed").fit(X, y)
    crooked = np.arange(9.0).reshape(3, 3)
    with pytest.raises(InvalidDataError, match="not symmetric"):
        KernelRidge(kernel="precomputed").fit(crooked, y[:3])
    with pytest.raises(ValueError, match="features"):
        KernelRidge().fit(X, y).predict(X[:, :2])
    for bad in (np.nan, np.inf):
        broken = X.copy()
        broken[3, 1] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            KernelRidge().fit(broken, y)


def test_one_class_is_refused_also_when_weights_leave_only_one():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(InvalidDataError, match="1 class"):
        KernelRidgeClassifier().fit(X, np.zeros(len(y)))
    with pytest.raises(InvalidDataError, match="1 class"):
        KernelRidgeClassifier().fit(X, y, (y == 1).astype(float))


def test_balanced_class_weight_equals_sample_weight():
    X, y = load_iris(return_X_y=True)
    X, y = X[:90], y[:90]  # two of the classes in different numbers
    X, y = X[y != 2][20:], y[y != 2][20:]
    counts = np.bincount(y)
    weight = (len(y) / (2 * counts))[y]
    balanced = KernelRidgeClassifier(class_weight="balanced", kernel=Sigmoid(0.01, 0.1)).fit(X, y)
    expected = KernelRidgeClassifier(kernel=Sigmoid(0.01, 0.1)).fit(X, y, weight)
    np.testing.assert_allclose(balanced.decision_function(X), expected.decision_function(X))
    assert balanced.decision_function(X).shape == (len(y),)


def test_pixels_as_bytes_are_exact_and_stay_float32():
    X, y = load_digits(return_X_y=True)
    model = KernelRidgeClassifier(
        1.0, kernel=Gaussian(0.001), approximation="nystroem", n_components=100
    )
    from_bytes = model.fit(X.astype(np.uint8), y)
    assert from_bytes.X_fit_.dtype == np.float32
    codes = from_bytes.decision_function(X.astype(np.uint8))
    expected = model.fit(X.astype(np.float32), y).decision_function(X.astype(np.float32))
    np.testing.assert_array_equal(codes, expected)


def test_verbose_tells_how_far_it_is(capsys):
    X, y = load_digits(return_X_y=True)
    KernelRidgeClassifier(
        kernel=Gaussian(0.001), approximation="nystroem", n_components=20, verbose=1
    ).fit(X, y)
    assert "1,797 of 1,797 rows" in capsys.readouterr().err
