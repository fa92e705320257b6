"""Kernel ridge regression for twenty strengths of the penalty beside a single fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.case import Agreement, Answers, Case, Way, relative_error
from benchmarks.cases.nystroem_ridge import prepare as prepare_pictures
from ogive.estimators import Factorization, KernelRidge, ridge_path
from ogive.kernels import Sigmoid

ALPHAS = np.geomspace(1e-5, 1e2, 20)
_ONE, _PATH = "KernelRidge, one alpha", "ridge_path, 20 alphas"
_ALONE = 8  # which of them the single fit has
_CLOSE = 1e-3  # of the largest predicted value


@dataclass(frozen=True)
class Targets:
    """Rows in float32 with a column of -1 and 1 for each class, and how to fit."""

    source: str
    x: np.ndarray
    targets: np.ndarray
    test_x: np.ndarray
    kernel: Sigmoid
    approximation: str
    landmarks: int | None


def prepare(quick: bool, rows: int, landmarks: int | None) -> Targets:
    """Take the first rows of Fashion-MNIST, or of made-up data where it is missing."""
    whole = prepare_pictures(False, 1)
    rows, landmarks = (400, landmarks and 50) if quick else (rows, landmarks)
    x, y = whole.x[:rows], whole.y[:rows]
    return Targets(
        whole.source,
        x,
        np.where(y[:, None] == np.unique(y), 1.0, -1.0),
        whole.test_x[:1000],
        Sigmoid("suggest", "suggest").resolve(x),
        "exact" if landmarks is None else "nystroem",
        landmarks,
    )


def one_fit(data: Targets) -> np.ndarray:
    """Fit one alpha by the estimator."""
    model = KernelRidge(
        ALPHAS[_ALONE],
        kernel=data.kernel,
        approximation=data.approximation,
        n_components=data.landmarks,
    ).fit(data.x, data.targets)
    found: np.ndarray = model.predict(data.test_x)
    return found


def whole_path(data: Targets) -> np.ndarray:
    """Factorise, and fit all."""
    factorization = Factorization.of(
        data.kernel,
        data.x,
        approximation=data.approximation,
        n_components=data.landmarks,
    )
    path = ridge_path(factorization, data.targets, ALPHAS)
    # Few test rows, so that what is timed is the fit.
    kernel = data.kernel(data.test_x, factorization.rows).astype(np.float64)
    return kernel @ path.dual_coef[_ALONE] + path.intercept[_ALONE]


def title(data: Targets) -> str:
    n, d = data.x.shape
    how = "all rows" if data.landmarks is None else f"{data.landmarks:,} landmarks"
    return f"ridge on {how}, {n:,} rows; {data.source}, d = {d}; {data.kernel}"


def check(data: Targets, answers: Answers) -> Sequence[Agreement]:
    """Compare what both predict with the alpha that both have."""
    return (
        Agreement(
            "predictions of one alpha, relative",
            relative_error(answers[_PATH], answers[_ONE]),
            _CLOSE,
        ),
    )


def ridge_path_case(rows: int, landmarks: int | None) -> Case[Targets]:
    """Return the case of so many rows and landmarks, or all rows."""
    name = "ridge-path" if landmarks else "ridge-path-exact"
    return Case(
        name=name,
        summary=f"twenty strengths of a ridge's penalty, {rows:,} rows",
        prepare=partial(prepare, rows=rows, landmarks=landmarks),
        title=title,
        ways=(Way(_ONE, one_fit), Way(_PATH, whole_path)),
        baselines=(_ONE,),
        check=check,
        notes=("Both have leave-one-out errors for every alpha.",),
    )


RIDGE_PATH = ridge_path_case(60_000, 2_000)
RIDGE_PATH_EXACT = ridge_path_case(3_000, None)
