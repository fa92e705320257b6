"""Machines on the components of their kernel in files: priors, factorizations, inverses."""

import numpy as np
import pytest
from sklearn.base import clone

from ogive.estimators import (
    Factorization,
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidgeClassifier,
)
from ogive.kernels import Sigmoid
from ogive.models import load, save
from tests.models.rows import NAMES, Q, X
from tests.models.test_model_file import answers


@pytest.mark.parametrize("priors", [None, [1, 2.5, 3], (1, 2, 3), np.float32([0.1, 0.2, 0.7])])
@pytest.mark.filterwarnings("ignore:The priors do not sum to 1")
def test_priors_survive_as_a_list(file, priors):
    model = KernelDiscriminant(priors=priors).fit(X, NAMES)
    save(model, file)
    loaded = load(file)
    assert loaded.priors == (None if priors is None else np.asarray(priors).tolist())
    for mine, theirs in zip(answers(model, Q), answers(loaded, Q), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(clone(loaded).fit(X, NAMES).priors_, model.priors_)


FACTORIZED = (KernelRidgeClassifier, KernelLogistic, KernelDiscriminant, KernelPCA)


@pytest.mark.parametrize("estimator", FACTORIZED)
def test_models_of_a_factorization_survive(file, estimator):
    """The file holds what other rows need, and not which factorization it was."""
    factorization = Factorization.of(Sigmoid(0.1, 0.3), X)
    model = estimator().fit(factorization, NAMES)
    loaded = load(save(model, file))
    assert vars(loaded).keys() == vars(model).keys() - {"_adopted"}
    for mine, theirs in zip(answers(model, Q), answers(loaded, Q), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(ValueError, match="another one than that of fit"):
        answers(loaded, factorization)
    precomputed = estimator().fit(Factorization.of("precomputed", X @ X.T), NAMES)
    with pytest.raises(TypeError, match="set kernel='precomputed' and fit again"):
        save(precomputed, file)


def test_a_refit_without_an_inverse_leaves_none(file):
    model = KernelPCA(2, kernel="rbf", fit_inverse_transform=True).fit(X)
    model.set_params(fit_inverse_transform=False).fit(X[:, :3])
    assert not hasattr(load(save(model, file)), "inverse_coef_")
    model.set_params(fit_inverse_transform=True).fit(X[:, :3])
    del model.inverse_coef_
    with pytest.raises(
        ValueError, match=r"cannot be saved.*inverse_coef_ is missing.*fit it again"
    ):
        save(model, file)
