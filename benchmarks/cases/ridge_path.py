"""Kernel ridge regression for twenty strengths of the penalty beside a single fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.case import Agreement, Answers, Case, Way, relative_error
from benchmarks.cases.nystroem_ridge import prepare as prepare_pictures
from ogive.estimators import Factorization, KernelRidge, ridge_path
from ogive.kernels import Gaussian, Kernel, Sigmoid

ALPHAS = np.geomspace(1e-5, 1e2, 20)
_ALONE = 8  # which of them the single fits have
_ONE, _AUTO, _SHARED, _PATH = (
    "KernelRidge, one alpha",
    "KernelRidge, alpha='auto'",
    "Factorization, one alpha",
    "Factorization, 20 alphas",
)
# Of the largest predicted value. By landmarks, rounding errors of float32 kernel values are as much
# larger as their smallest singular values are smaller.
_CLOSE, _CLOSE_BY_LANDMARKS = 1e-3, 1e-2


@dataclass(frozen=True)
class Targets:
    """Rows in float32 with a column of -1 and 1 for each class, and how to fit."""

    source: str
    x: np.ndarray
    targets: np.ndarray
    test_x: np.ndarray
    kernel: Kernel
    approximation: str
    landmarks: int | None


def prepare(quick: bool, rows: int, landmarks: int | None) -> Targets:
    """Take the first rows of Fashion-MNIST, or of made-up data where it is missing."""
    whole = prepare_pictures(False, 1)
    rows, landmarks = (400, landmarks and 50) if quick else (rows, landmarks)
    x, y = whole.x[:rows], whole.y[:rows]
    # By landmarks of an indefinite kernel a Factorization drops small components that KernelRidge
    # keeps: another model, not to be compared.
    kernel = Sigmoid("suggest", "suggest") if landmarks is None else Gaussian("scale")
    return Targets(
        whole.source,
        x,
        np.where(y[:, None] == np.unique(y), 1.0, -1.0),
        whole.test_x[:1000],
        kernel.resolve(x),
        "exact" if landmarks is None else "nystroem",
        landmarks,
    )


def by_estimator(data: Targets, alpha: float | str) -> np.ndarray:
    """Fit one alpha, or the best of about a dozen, by the estimator."""
    model = KernelRidge(
        alpha,
        kernel=data.kernel,
        approximation=data.approximation,
        n_components=data.landmarks,
    ).fit(data.x, data.targets)
    found: np.ndarray = model.predict(data.test_x)
    return found


def by_factorization(data: Targets, alphas: Sequence[float]) -> np.ndarray:
    """Factorise, and fit all of these; return what one of them predicts."""
    factorization = Factorization.of(
        data.kernel,
        data.x,
        approximation=data.approximation,
        n_components=data.landmarks,
    )
    path = ridge_path(factorization, data.targets, alphas)
    chosen = list(alphas).index(ALPHAS[_ALONE])
    # Few test rows, so that what is timed is the fit.
    kernel = data.kernel(data.test_x, factorization.rows).astype(np.float64)
    return kernel @ path.dual_coef[chosen] + path.intercept[chosen]


def title(data: Targets) -> str:
    n, d = data.x.shape
    how = "all rows" if data.landmarks is None else f"{data.landmarks:,} landmarks"
    return f"ridge on {how}, {n:,} rows; {data.source}, d = {d}; {data.kernel}"


def check(data: Targets, answers: Answers) -> Sequence[Agreement]:
    """Compare what all predict with the one alpha that all have."""
    allowed = _CLOSE if data.landmarks is None else _CLOSE_BY_LANDMARKS
    return [
        Agreement(
            f"predictions of {name}, relative to KernelRidge's",
            relative_error(answers[name], answers[_ONE]),
            allowed,
        )
        for name in (_SHARED, _PATH)
    ]


def ridge_path_case(rows: int, landmarks: int | None) -> Case[Targets]:
    """Return the case of so many rows and landmarks, or all rows."""
    name = "ridge-path" if landmarks else "ridge-path-exact"
    return Case(
        name=name,
        summary=f"twenty strengths of a ridge's penalty, {rows:,} rows",
        prepare=partial(prepare, rows=rows, landmarks=landmarks),
        title=title,
        ways=(
            Way(_ONE, partial(by_estimator, alpha=ALPHAS[_ALONE])),
            Way(_AUTO, partial(by_estimator, alpha="auto")),
            Way(_SHARED, partial(by_factorization, alphas=ALPHAS[_ALONE : _ALONE + 1])),
            Way(_PATH, partial(by_factorization, alphas=ALPHAS)),
        ),
        baselines=(_ONE, _SHARED),
        check=check,
        notes=(
            "A path has the leave-one-out error of every alpha.",
            "'auto' tries about a dozen, on a fifth of the rows; with all rows it leaves one out.",
        ),
    )


RIDGE_PATH = ridge_path_case(60_000, 2_000)
RIDGE_PATH_EXACT = ridge_path_case(3_000, None)
