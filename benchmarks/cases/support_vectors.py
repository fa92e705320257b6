"""Support vector machines on pictures: fitting, and predicting by what was fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.svm import SVC

from benchmarks.case import Agreement, Answers, Case, Way
from benchmarks.cases.nystroem_ridge import prepare as prepare_pictures
from ogive.estimators import KernelSVC
from ogive.kernels import Gaussian, Kernel, Sigmoid
from ogive.solvers.pairs import class_pairs

PENALTY = 10.0
TEST_ROWS = 5_000
_PEER, _INTEL, _OGIVE = "scikit-learn", "scikit-learn-intelex", "Ogive"
_OBJECTIVE = 1e-3  # share of the objective that answers may differ by
_SAME = 0.998  # share of predictions that must be the same


@dataclass(frozen=True)
class Pictures:
    """Training and test rows in float32 with their classes, and the kernel."""

    source: str
    x: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    kernel: Kernel


def prepare(quick: bool, rows: int, kernel: str) -> Pictures:
    """Take the first rows of Fashion-MNIST, or of made-up data where it is missing."""
    whole = prepare_pictures(False, 1)
    rows, test = (400, 200) if quick else (rows, TEST_ROWS)
    x = whole.x[:rows]
    resolved = Gaussian("scale") if kernel == "gaussian" else Sigmoid("suggest", -2.0)
    return Pictures(
        whole.source,
        x,
        whole.y[:rows],
        whole.test_x[:test],
        whole.test_y[:test],
        resolved.resolve(x),
    )


def by_scikit_learn(data: Pictures) -> SVC:
    """Fit scikit-learn's SVC, which is LIBSVM."""
    return SVC(C=PENALTY, **_named(data.kernel)).fit(data.x, data.y)


def by_intel(data: Pictures) -> Any:
    """Fit the SVC of scikit-learn-intelex, which is oneDAL."""
    from sklearnex.svm import SVC as IntelSVC

    return IntelSVC(C=PENALTY, **_named(data.kernel)).fit(data.x, data.y)


def by_ogive(data: Pictures) -> KernelSVC:
    """Fit Ogive's."""
    return KernelSVC(C=PENALTY, kernel=data.kernel).fit(data.x, data.y)


def _named(kernel: Kernel) -> dict[str, Any]:
    if isinstance(kernel, Gaussian):
        return {"kernel": "rbf", "gamma": kernel.gamma}
    assert isinstance(kernel, Sigmoid)
    return {"kernel": "sigmoid", "gamma": kernel.gamma, "coef0": kernel.coef0}


def objective(model: Any, kernel: Kernel) -> float:
    """Return the dual objective, summed over the pairs of classes, in float64."""
    rows = np.asarray(model.support_vectors_, dtype=np.float64)
    matrix = kernel.up_to_constant()(rows)
    ends = np.concatenate([[0], np.cumsum(model.n_support_)])
    total = 0.0
    for i, j in class_pairs(len(model.n_support_)):
        first, second = slice(*ends[i : i + 2]), slice(*ends[j : j + 2])
        place = np.r_[first, second]
        dual = np.concatenate([model.dual_coef_[j - 1, first], model.dual_coef_[i, second]])
        total += 0.5 * dual @ matrix[np.ix_(place, place)] @ dual - np.abs(dual).sum()
    return float(total)


def title(data: Pictures) -> str:
    n, d = data.x.shape
    return f"support vectors, {n:,} rows; {data.source}, d = {d}; {data.kernel}, C = {PENALTY:g}"


def fit_figures(data: Pictures, model: Any) -> Mapping[str, float]:
    return {
        "accuracy": float((model.predict(data.test_x) == data.test_y).mean()),
        "support vectors": float(len(model.support_)),
    }


def check_fits(data: Pictures, answers: Answers) -> Sequence[Agreement]:
    """Compare dual objectives and predictions with those of scikit-learn."""
    found = {name: objective(model, data.kernel) for name, model in answers.items()}
    named = {name: model.predict(data.test_x) for name, model in answers.items()}
    agreements = []
    for name in answers:
        if name == _PEER:
            continue
        off = abs(found[name] - found[_PEER]) / abs(found[_PEER])
        other = float((named[name] != named[_PEER]).mean())
        agreements += [
            Agreement(f"dual objective of {name}, relative to LIBSVM's", off, _OBJECTIVE),
            Agreement(f"share of predictions of {name} unlike scikit-learn's", other, 1 - _SAME),
        ]
    return agreements


def fitting(rows: int, kernel: str) -> Case[Pictures]:
    """Return the case of fitting so many rows."""
    return Case(
        name=f"svc-{kernel}-{rows}",
        summary=f"fitting a support vector machine to {rows:,} pictures, {kernel} kernel",
        prepare=partial(prepare, rows=rows, kernel=kernel),
        title=title,
        ways=_ways(by_scikit_learn, by_intel, by_ogive),
        baselines=_baselines(),
        check=check_fits,
        figures=fit_figures,
        notes=("All get float32 rows; scikit-learn computes in float64 with its own tolerance.",),
    )


@lru_cache(maxsize=3)
def _fitted(way: str, rows: int, kernel: str, quick: bool) -> Any:
    data = prepare(quick, rows, kernel)
    return {_PEER: by_scikit_learn, _INTEL: by_intel, _OGIVE: by_ogive}[way](data)


def predicting(rows: int, kernel: str) -> Case[Pictures]:
    """Return the case of predicting by machines that are fitted before the clock runs."""

    def run(data: Pictures, way: str) -> np.ndarray:
        found: np.ndarray = _fitted(way, rows, kernel, len(data.x) < rows).predict(data.test_x)
        return found

    def check(data: Pictures, answers: Answers) -> Sequence[Agreement]:
        return [
            Agreement(
                f"share of predictions of {name} unlike scikit-learn's",
                float((answer != answers[_PEER]).mean()),
                1 - _SAME,
            )
            for name, answer in answers.items()
            if name != _PEER
        ]

    return Case(
        name=f"svc-predict-{kernel}-{rows}",
        summary=f"predicting by a support vector machine of {rows:,} pictures, {kernel} kernel",
        prepare=partial(prepare, rows=rows, kernel=kernel),
        title=lambda data: f"predicting {len(data.test_x):,} pictures; {title(data)}",
        ways=_ways(*(partial(run, way=way) for way in (_PEER, _INTEL, _OGIVE))),
        baselines=_baselines(),
        check=check,
        figures=lambda data, answer: {"accuracy": float((answer == data.test_y).mean())},
        notes=("Each machine is fitted by its own library before the clock runs.",),
    )


def _ways(peer: Any, intel: Any, ogive: Any) -> tuple[Way[Pictures], ...]:
    ways = [Way(_PEER, peer), Way(_INTEL, intel), Way(_OGIVE, ogive)]
    return tuple(way for way in ways if way.name != _INTEL or find_spec("sklearnex"))


def _baselines() -> tuple[str, ...]:
    return (_PEER, _INTEL) if find_spec("sklearnex") else (_PEER,)


SVC_GAUSSIAN = fitting(10_000, "gaussian")
SVC_GAUSSIAN_LARGE = fitting(20_000, "gaussian")
SVC_GAUSSIAN_PREDICT = predicting(10_000, "gaussian")
SVC_SIGMOID = fitting(10_000, "sigmoid")
SVC_SIGMOID_LARGE = fitting(20_000, "sigmoid")
SVC_SIGMOID_PREDICT = predicting(10_000, "sigmoid")
