"""What a fit will do, told before it runs, against what it then does."""

import numpy as np
import pytest

import ogive
from ogive._errors import InvalidParameterError, InvalidTypeError
from ogive.estimators import (
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidge,
    KernelRidgeClassifier,
    KernelSVC,
    KernelSVR,
    Nystroem,
)
from ogive.estimators.solver_choice import select_solver
from ogive.kernels import Gaussian, Sigmoid

X = np.random.default_rng(0).normal(size=(300, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
LANDMARKS = {"approximation": "nystroem", "n_components": 20}


@pytest.mark.parametrize("kernel", [Gaussian(0.3), Sigmoid(0.3, 0.2), Sigmoid(0.05, -4.0)])
@pytest.mark.parametrize(
    "machine", [KernelSVC, KernelSVR, KernelRidge, KernelRidgeClassifier, KernelLogistic]
)
@pytest.mark.parametrize("options", [{}, LANDMARKS])
def test_what_is_told_is_done(machine, kernel, options):
    model = machine(kernel=kernel, **options)
    told = select_solver(model, X)
    done = model.fit(X, Y).plan_
    assert (told.approximation, told.landmarks) == (done.approximation, done.landmarks)
    assert told.treatment == done.treatment
    assert told.memory > 0 and told.operations > 0
    assert str(told.landmarks) in str(told) if told.landmarks else "exact" in str(told)


def test_landmarks_of_principal_components_have_their_own_name():
    model = KernelPCA(2, kernel="rbf", approximation="nystroem", n_landmarks=30)
    assert select_solver(model, X).landmarks == model.fit(X).plan_.landmarks == 30
    assert select_solver(KernelDiscriminant(), X).approximation == "exact"


def test_memory_is_that_of_the_kernel_matrix_or_of_the_budget():
    rows = np.zeros((100, 3), np.float32) + np.arange(100, dtype=np.float32)[:, None]
    assert select_solver(KernelSVC(), rows).memory == 100 * 100 * 4
    assert select_solver(KernelSVC(memory="10 kB"), rows).memory == 10_000


def test_others_are_refused():
    for estimator in (Nystroem(), "svc", None):
        with pytest.raises(InvalidTypeError, match="chooses no solver"):
            select_solver(estimator, X)
    with pytest.raises(InvalidTypeError, match="leaves nothing to choose"):
        select_solver(KernelSVC(kernel="precomputed"), X)
    with pytest.raises(InvalidParameterError, match="treatment"):
        select_solver(KernelSVC(treatment="flip"), X)


def test_it_is_a_public_name():
    assert ogive.select_solver is select_solver
