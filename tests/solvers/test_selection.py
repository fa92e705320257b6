"""Which solver a ridge problem gets, and the reason that is told."""

import numpy as np
import pytest
import torch

from ogive._errors import InvalidParameterError
from ogive.kernels import Gaussian, Linear, Sigmoid
from ogive.solvers import select_ridge_solver
from ogive.solvers.selection import DEFAULT_LANDMARKS, EXACT_ROWS

X = torch.tensor(np.random.default_rng(0).normal(size=(60, 4)))
LARGE = torch.zeros(EXACT_ROWS + 1, 1)


def test_few_rows_are_solved_exactly():
    plan = select_ridge_solver(Gaussian(0.5), X)
    assert (plan.approximation, plan.landmarks, plan.treatment) == ("exact", 0, "definite")
    assert plan.negative_mass is None and "by formula" in plan.reason


def test_many_rows_get_landmarks():
    plan = select_ridge_solver(Gaussian(0.5), LARGE)
    assert (plan.approximation, plan.landmarks) == ("nystroem", DEFAULT_LANDMARKS)
    assert str(EXACT_ROWS + 1) in plan.reason
    assert select_ridge_solver(Linear(), LARGE[:-1]).approximation == "exact"
    assert select_ridge_solver(Linear(), LARGE, approximation="exact").approximation == "exact"


@pytest.mark.parametrize(("asked", "given"), [(None, 60), (7, 7), (60, 60), (500, 60)])
def test_landmarks_are_no_more_than_rows(asked, given):
    plan = select_ridge_solver(Linear(), X, approximation="nystroem", n_components=asked)
    assert plan.landmarks == given and plan.approximation == "nystroem"


def test_definiteness_is_measured_and_told():
    plan = select_ridge_solver(Sigmoid(0.5, 0.0), X)
    assert plan.treatment == "krein" and plan.negative_mass > 1e-2
    assert f"{plan.negative_mass:.2g}" in plan.reason


def test_an_intercept_makes_conditional_definiteness_enough():
    kernel = -1.0 * (Gaussian(0.1) * 0.0) + Linear() + Sigmoid(0.0, -3.0)  # ⟨x, z⟩ - a constant
    plain = select_ridge_solver(kernel, X, fit_intercept=False)
    centred = select_ridge_solver(kernel, X, fit_intercept=True)
    assert plain.treatment == "krein" and plain.negative_mass > 1e-3
    assert centred.negative_mass < 1e-12 and centred.treatment == "definite"


def test_refusals():
    with pytest.raises(InvalidParameterError, match="did you mean 'nystroem'"):
        select_ridge_solver(Linear(), X, approximation="nystrom")
    for count in (0, -3):
        with pytest.raises(InvalidParameterError, match="n_components"):
            select_ridge_solver(Linear(), X, n_components=count)
