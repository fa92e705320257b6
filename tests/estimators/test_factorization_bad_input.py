"""What a factorization, and machines fitted to it, say of what they cannot take."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from ogive._errors import InvalidDataError, InvalidParameterError, InvalidTypeError
from ogive.estimators import KernelRidge
from ogive.estimators.factorization import Factorization
from ogive.estimators.kernel_logistic import KernelLogistic
from ogive.estimators.kernel_pca import KernelPCA
from ogive.kernels import AdditiveSigmoid, Gaussian, Polynomial, Sigmoid

INDEFINITE = Sigmoid(0.2, 0.3)
DEFINITE = Gaussian(0.05)
generator = np.random.default_rng(0)
X = generator.normal(size=(70, 5))
Y = np.sin(X[:, 0]) + 0.1 * generator.normal(size=70)
CLASSES = np.digitize(X[:, 0] * X[:, 1], [-0.3, 0.3])
LANDMARKS = {"approximation": "nystroem", "n_components": 20}


def test_a_kernel_beside_a_factorization_must_be_its_own():
    found = Factorization.of(Sigmoid("suggest", "suggest"), X)
    for same in (found.kernel, Sigmoid("suggest", "suggest")):
        KernelRidge(kernel=same).fit(found, Y)
    for parameters in (
        {"kernel": DEFINITE},
        {"kernel": "rbf"},
        {"gamma": 0.1},
        {"kernel": "precomputed"},
    ):
        with pytest.raises(InvalidParameterError, match="at their defaults, or factorise"):
            KernelRidge(**parameters).fit(found, Y)
    assert KernelRidge(kernel="sigmoid").fit(Factorization.of("sigmoid", X), Y).kernel_


def test_other_parameters_that_do_not_fit():
    found = Factorization.of(INDEFINITE, X)
    for model in (KernelRidge(fit_intercept=False), KernelLogistic(fit_intercept=False)):
        with pytest.raises(InvalidParameterError, match="needs one with fit_intercept=False"):
            model.fit(found, CLASSES)
    with pytest.raises(InvalidParameterError, match="needs one with fit_intercept=True"):
        KernelPCA().fit(Factorization.of(INDEFINITE, X, fit_intercept=False))
    with pytest.raises(InvalidParameterError, match="penalty='coefficients'"):
        KernelRidge(penalty="coefficients").fit(found, Y)
    with pytest.raises(InvalidParameterError, match="alpha=-1"):
        KernelRidge(-1.0).fit(found, Y)


def test_another_factorization_is_not_taken_for_the_one_of_fit():
    found, other = (Factorization.of(INDEFINITE, X) for _ in range(2))
    model = KernelRidge().fit(found, Y)
    with pytest.raises(InvalidDataError, match="another one than that of fit"):
        model.predict(other)
    with pytest.raises(InvalidDataError, match="another one than that of fit"):
        found.features(other)
    for on_rows in (
        KernelRidge(kernel=INDEFINITE).fit(X, Y),
        model.set_params(kernel=INDEFINITE).fit(X, Y),
    ):
        with pytest.raises(InvalidDataError, match="another one than that of fit"):
            on_rows.predict(found)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("rgb", X), {}, InvalidParameterError, "did you mean 'rbf'"),
        ((3, X), {}, InvalidTypeError, "kernel object, a name or a callable"),
        ((AdditiveSigmoid.random(5, 2), X), {}, InvalidParameterError, "not symmetric"),
        ((INDEFINITE, X), {"approximation": "nystrom"}, InvalidParameterError, "did you mean"),
        ((INDEFINITE, X), LANDMARKS | {"n_components": 0}, InvalidParameterError, "n_components=0"),
        ((INDEFINITE, X), LANDMARKS | {"landmarks": "best"}, InvalidParameterError, "k-means"),
        ((INDEFINITE, X), {"device": "cuda:99"}, InvalidParameterError, "device='cuda:99'"),
        ((INDEFINITE, X), {"memory": "much"}, InvalidParameterError, "memory='much'"),
        ((INDEFINITE, X), {"sample_weight": np.zeros(70)}, ValueError, "non-zero"),
        ((INDEFINITE, X), {"sample_weight": np.ones(3)}, ValueError, "sample_weight.shape"),
        (("precomputed", X), {}, InvalidDataError, "square"),
        (("precomputed", np.arange(9.0).reshape(3, 3)), {}, InvalidDataError, "not symmetric"),
        (("precomputed", X @ X.T), LANDMARKS, InvalidParameterError, "the whole matrix is there"),
        ((INDEFINITE, X * np.nan), {}, InvalidDataError, "NaN"),
        ((INDEFINITE, X[:, 0]), {}, InvalidDataError, "two dimensions"),
        ((Sigmoid(0.0, 0.3), X), {}, InvalidDataError, "is gamma 0"),
        ((Sigmoid(0.0, 0.3), X), LANDMARKS, InvalidDataError, "is gamma 0"),
        ((INDEFINITE, np.ones((9, 2))), {}, InvalidDataError, "are all rows equal"),
        ((INDEFINITE, X[:1]), {}, InvalidDataError, "n_samples = 1"),
        ((Polynomial(3, 1.0, 0.0), X * 1e100), {}, InvalidDataError, "overflowed"),
        ((INDEFINITE, X), LANDMARKS | {"landmarks": np.ones((3, 7))}, InvalidDataError, "number"),
    ],
)
def test_bad_arguments_name_value_and_cure(arguments, options, error, words):
    with pytest.raises(error, match=words):
        Factorization.of(*arguments, **options)


def test_bad_rows():
    found = Factorization.of(INDEFINITE, X)
    with pytest.raises(InvalidDataError, match="4 features and the factorization was made of 5"):
        found.features(X[:, :4])
    with pytest.raises(InvalidDataError, match="has no rows"):
        KernelRidge().fit(found[:0], [])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        KernelRidge().fit(found, Y[:5])
    with pytest.raises(InvalidDataError, match="requires y"):
        KernelRidge().fit(found, None)
    with pytest.raises(IndexError):
        found[[70]]
    matrix = Factorization.of("precomputed", INDEFINITE(X))
    with pytest.raises(ValueError, match="square"):
        cross_val_score(KernelRidge(kernel="precomputed"), matrix, Y, error_score="raise")
    with pytest.raises(InvalidTypeError, match="by rows only"):
        matrix[np.ix_([0], [1])]
    assert np.isfinite(cross_val_score(KernelRidge(), matrix, Y)).all()
