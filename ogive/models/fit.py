"""Fitting a model on data as they come."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._resources import Meter
from ogive.data import Dataset, Table, stratified_split
from ogive.estimators import KernelDiscriminant, KernelPCA
from ogive.models.machines import Settings, learns_from_targets, make_estimator
from ogive.models.model import Model
from ogive.preprocessing import (
    ColumnPreprocessing,
    ColumnRoles,
    Preprocessing,
    RowPreprocessing,
)

TASKS = ("auto", "classes", "values", "none")
# Integer targets with more distinct values than this are taken for quantities.
MOST_INTEGER_CLASSES = 100

Step = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True, eq=False)
class Training:
    """Data to fit on, with their targets if there are any.

    Attributes
    ----------
    data : Dataset or Table
    y : ndarray of shape (n,)
        int64 codes, or float64 values; all 0 without targets.
    classes : tuple of str
        Empty for values.
    target : str or None
        The name of what is predicted; None without targets.
    roles : ColumnRoles
        Of a table's columns.
    """

    data: Dataset | Table
    y: np.ndarray
    classes: tuple[str, ...]
    target: str | None
    roles: ColumnRoles

    @classmethod
    def of(
        cls, data: Dataset | Table, roles: ColumnRoles | None = None, task: str = "auto"
    ) -> Training:
        """Find the targets of data, and whether they are classes or values.

        Parameters
        ----------
        data : Dataset or Table
            A table read with ``roles.kinds``.
        roles : ColumnRoles, optional
        task : {"auto", "classes", "values", "none"}
            "auto" takes text and integers for classes; fractions, and integers of more than a
            hundred different values, for values. "none" leaves targets alone.
        """
        if task not in TASKS:
            raise InvalidParameterError(f"task={task!r} is unknown; {nearest_name(task, TASKS)}")
        roles = roles or ColumnRoles()
        if task == "none":
            return cls(data, np.zeros(len(data)), (), None, replace(roles, supervised=False))
        if isinstance(data, Table):
            position = roles.positions(data.layout).target
            assert position is not None, "roles are of a table with a target"
            target = data.names[position]
            y, classes = data.targets(position)
        else:
            y, classes, target = data.y, data.classes, "class" if data.classes else "value"
        y, classes = _as_task(y, classes, task, data.name)
        if classes:
            y, classes = _present(y, classes, data.name)
        return cls(data, y, classes, target, roles)

    def take(self, rows: np.ndarray) -> Training:
        """Return some of the rows."""
        return Training(self.data.take(rows), self.y[rows], self.classes, self.target, self.roles)

    def split(self, test_fraction: float, seed: int) -> tuple[Training, Training]:
        """Return the rows to fit on and those held out, in the classes' proportions.

        Raises
        ------
        InvalidParameterError
            If there are no targets, or too few rows.
        """
        if self.target is None:
            raise InvalidParameterError(
                f"test_fraction={test_fraction!r}: without targets there is nothing to compare "
                "answers for the rows held out with: leave it out"
            )
        strata = self.y if self.classes else np.zeros(len(self.y), dtype=np.int64)
        classes = self.classes or ("row",)
        rows = stratified_split(strata, test_fraction, seed, classes=classes, name="test_fraction")
        return self.take(rows[0]), self.take(rows[1])


def fit_model(
    training: Training,
    settings: Settings,
    *,
    command: str = "",
    step: Step = lambda text: nullcontext(),
) -> Model:
    """Fit preprocessing and estimator.

    Parameters
    ----------
    training : Training
        Its targets are not used by a machine that learns without them.
    settings : Settings
    command : str
        Noted in the summary.
    step : callable
        Called with a text before each step; the context it returns is open meanwhile.

    Returns
    -------
    Model

    Raises
    ------
    InvalidDataError
        If a column that should hold numbers does not, or the data cannot be learnt from.
    InvalidParameterError
        If a setting is unknown or does not fit the others.

    Examples
    --------
    >>> from ogive.data import load
    >>> model = fit_model(Training.of(load("digits")), Settings())
    >>> test = load("digits", "test")
    >>> bool((model.predict_codes(test) == test.y).mean() > 0.97)
    True
    """
    rows, supervised = len(training.y), learns_from_targets(settings)
    if supervised and training.target is None:
        raise InvalidParameterError(
            f"model={settings.model!r} learns from targets, and the data were read without them: "
            "read them with another task than 'none'"
        )
    with Meter() as meter:
        with step(f"preparing {rows:,} rows"):
            preprocessing = _fit_preprocessing(training, settings.scale)
            X = preprocessing.transform(training.data)
        estimator = make_estimator(settings, X.shape[1], classes=bool(training.classes))
        with step(f"fitting {settings.model}, {settings.kernel} kernel, on {rows:,} rows"):
            estimator.fit(X, training.y if supervised else None)
    about = {
        "model": settings.model,
        "kernel": str(estimator.kernel_),
        **_strength(estimator),
        "treatment": estimator.plan_.reason,
        "solution": _solution(estimator),
        "columns": X.shape[1],
    }
    summary = summary_of(training, about, meter, seed=settings.seed, command=command)
    classes, target = (training.classes, training.target) if supervised else ((), None)
    return Model(preprocessing, estimator, classes, target, summary)


def _strength(estimator: Any) -> dict[str, Any]:
    """Return the parameter that weighs errors against the norm, or the number of components."""
    if isinstance(estimator, KernelPCA):
        return {"components": len(estimator.eigenvalues_)}
    for name in ("C", "mu"):
        if name in estimator.get_params():
            return {name: getattr(estimator, name)}
    return {"alpha": getattr(estimator, "alpha_", estimator.alpha)}


def _solution(estimator: Any) -> str:
    """Return how it was solved, in a few words."""
    if isinstance(estimator, KernelPCA):
        negative = int((estimator.signature_ < 0).sum()) or "none"
        return f"eigenvalues of the centred kernel, {negative} of them negative"
    if isinstance(estimator, KernelDiscriminant):
        count = len(estimator.scatter_ratio_)
        return f"{count} direction{'' if count == 1 else 's'} in which classes differ"
    found: str = estimator.solution_
    return found


def summary_of(
    training: Training, about: dict[str, Any], meter: Meter, *, seed: int, command: str
) -> dict[str, Any]:
    """Return what a model file says of how its model came to be.

    Parameters
    ----------
    training : Training
    about : dict
        What was fitted: model, kernel, alpha (or C, mu, components), treatment, solution, columns.
    meter : Meter
        That ran meanwhile.
    seed : int
    command : str
    """
    return {
        **about,
        "data": training.data.name,
        "rows": len(training.y),
        "seconds": round(meter.seconds, 3),
        "peak_bytes": meter.peak_bytes,
        "seed": seed,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
    }


def _fit_preprocessing(training: Training, scale: str) -> Preprocessing:
    if isinstance(training.data, Table):
        return ColumnPreprocessing.fit(training.data, training.roles, scale)
    return RowPreprocessing.fit(training.data, scale)


def _as_task(
    y: np.ndarray, classes: tuple[str, ...], task: str, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    if task == "classes" and not classes:
        raise InvalidDataError(
            f"{name}: the target holds fractions, which are no classes: name another target, or "
            "choose task='values'"
        )
    numbers = _integers(classes)
    many = len(np.unique(y)) > MOST_INTEGER_CLASSES
    if task == "values" and classes and numbers is None:
        raise InvalidDataError(
            f"{name}: the target {classes[0]!r} is no number: name another target, or choose "
            "task='classes'"
        )
    if numbers is not None and (task == "values" or (task == "auto" and many)):
        return numbers[y], ()
    return y, classes


def _integers(classes: tuple[str, ...]) -> np.ndarray | None:
    try:
        return np.array([float(int(name)) for name in classes]) if classes else None
    except ValueError:
        return None


def _present(
    y: np.ndarray, classes: tuple[str, ...], name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Drop the names of classes without rows: an estimator could not learn them."""
    found, codes = np.unique(y, return_inverse=True)
    if len(found) < 2:
        raise InvalidDataError(
            f"{name} holds rows of one class only ({classes[found[0]]!r}): a model needs two"
        )
    return codes.astype(np.int64), tuple(classes[c] for c in found)
