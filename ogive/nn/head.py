"""The last layer in closed form, or as a logistic regression, on the features that reach it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ogive._checks import check_positive, memory_bytes
from ogive._errors import DataWarning, InvalidDataError, InvalidParameterError, nearest_name
from ogive.nn.head_rows import features_of, find_head, sample
from ogive.solvers.multinomial import multinomial
from ogive.solvers.normal_equations import NormalEquations
from ogive.solvers.penalty import AUTO, choose_penalty

_LOSSES = ("ridge", "logistic")
_HELD_OUT = 5  # every fifth row judges the strength of the penalty, if that is to be chosen


@dataclass(frozen=True)
class HeadFit:
    """What `fit_head_` found.

    Attributes
    ----------
    head : str
        Name of the layer within the model.
    loss : {"ridge", "logistic"}
    alpha : float
        Strength of the penalty: the one given, or the one chosen.
    rows : int
        How many there were, rows with a negative class left out.
    rows_used : int
        How many the solution rests on.
    error : float
        On those: mean squared error, summed over outputs, or mean of -log p.
    accuracy : float or None
        Share of those that are named right; None for ridge, which keeps no rows to name.
    converged : bool
    iterations : int
    reason : str
        How it was solved.
    """

    head: str
    loss: str
    alpha: float
    rows: int
    rows_used: int
    error: float
    accuracy: float | None
    converged: bool
    iterations: int
    reason: str


@torch.no_grad()
def fit_head_(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    head: str | nn.Linear | None = None,
    loss: str = "ridge",
    alpha: float | str = AUTO,
    memory: int | float | str = "1 GiB",
    seed: int = 0,
) -> HeadFit:
    """Set the last linear layer of a network to the best one for the features that reach it.

    One pass over the data, in evaluation mode and without gradients; every module gets its mode
    back.

    - "ridge": Σᵢ ‖yᵢ - W φᵢ - b‖² + alpha ‖W‖², solved exactly from float64 sums; no row is kept.
      Classes become targets -1 and 1.
    - "logistic": Σᵢ -log softmax(W φᵢ + b)[yᵢ] + alpha / 2 ‖W‖², by L-BFGS. This takes many passes
      over the features, which are therefore kept, within ``memory``; of more rows a random sample
      is kept, all equally likely.

    Parameters
    ----------
    model : Module
        Whose head is set in place.
    loader : iterable of (inputs, targets)
        Inputs are a tensor, or a tuple of the model's arguments; they are sent to the device of the
        head. Targets are classes (integers; negative ones are left out) or numbers, for ridge only.
        The model may answer for many places, (batch, ..., features): targets are then (batch, ...).
    head : str or nn.Linear, optional
        The layer, or its name; by default the nn.Linear that is registered last.
    loss : {"ridge", "logistic"}, default "ridge"
    alpha : float or "auto", default "auto"
        Penalty, b excepted. "auto" takes the strength with which a fit to four fifths of the rows
        does best on the others (every fifth).
    memory : int or str, default "1 GiB"
        For the features that "logistic" keeps.
    seed : int, default 0
        Of the sample.

    Returns
    -------
    HeadFit

    Raises
    ------
    InvalidParameterError
        If there is no such layer or loss, or alpha is negative.
    InvalidDataError
        If the loader is empty, targets do not fit the head, or features are not finite.

    Warns
    -----
    DataWarning
        If "logistic" had to leave rows out, or stopped before it converged.

    Notes
    -----
    Scores of "ridge" lie about -1 and 1; their largest names the class, but they are no logits. To
    go on with cross-entropy, take "logistic".

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 50), nn.Tanh(), nn.Linear(50, 2))
    >>> x = torch.randn(300, 4)
    >>> fit = fit_head_(model, [(x, (x[:, 0] * x[:, 1] > 0).long())], alpha=1e-3)
    >>> fit.rows, fit.converged
    (300, True)
    """
    _check_options(loss, alpha)
    name, layer = find_head(model, head)
    blocks = features_of(model, layer, name, loader)
    if loss == "ridge":
        return _fit_ridge(name, layer, blocks, alpha)
    return _fit_logistic(name, layer, blocks, alpha, memory=memory_bytes(memory), seed=seed)


def _check_options(loss: str, alpha: float | str) -> None:
    if loss not in _LOSSES:
        raise InvalidParameterError(f"loss={loss!r} is unknown; {nearest_name(str(loss), _LOSSES)}")
    if isinstance(alpha, str):
        if alpha != AUTO:
            raise InvalidParameterError(f"alpha={alpha!r}; it must be a number or 'auto'")
    else:
        check_positive(alpha, "alpha", allow_zero=True)


def _fit_ridge(
    name: str, layer: nn.Linear, blocks: Iterator[tuple[Tensor, Tensor]], alpha: float | str
) -> HeadFit:
    outputs, intercept = layer.out_features, layer.bias is not None
    sums: tuple[NormalEquations, NormalEquations] | None = None
    rows = 0
    for block, targets in blocks:
        numbers = targets.double() if targets.is_floating_point() else _signs(targets, outputs)
        features = block.double()
        if sums is None and len(block):
            origin = features.mean(0) if intercept else torch.zeros_like(features[0])
            sums = NormalEquations.empty(origin, outputs), NormalEquations.empty(origin, outputs)
        position = torch.arange(rows, rows + len(block), device=block.device)
        judging = (position % _HELD_OUT == 0) & (alpha == AUTO)
        for equations, part in zip(sums or (), (~judging, judging), strict=False):
            centred = features[part] - equations.origin
            equations.add(centred, centred.new_ones(len(centred)), numbers[part])
        rows += len(block)
    if sums is None:
        raise _no_rows()
    fitted, held = sums
    fitted.complete()
    held.complete()
    everything = fitted + held
    reason = "normal equations in float64"
    if alpha == AUTO:
        path = _Path(fitted if rows > 1 else everything, intercept)
        alpha = choose_penalty(lambda a: float(held.squared_error(*path(a))), path.scale)
        reason += f"; alpha {alpha:.2g} did best on a fifth of the rows"
    weight, offset = _Path(everything, intercept)(float(alpha))
    layer.weight.copy_(weight.T)
    if intercept:
        layer.bias.copy_(offset)
    error = float(everything.squared_error(weight, offset)) / rows
    return HeadFit(name, "ridge", float(alpha), rows, rows, error, None, True, 0, reason)


class _Path:
    """Ridge solutions for any penalty, from one eigendecomposition."""

    def __init__(self, equations: NormalEquations, intercept: bool) -> None:
        self._equations, self._intercept = equations, intercept
        gram, moments = equations.centred() if intercept else (equations.gram, equations.moments)
        values, self._vectors = torch.linalg.eigh(gram)
        self._values = values.clamp(min=0)
        self._moments = self._vectors.T @ moments
        self.scale = float(self._values.sum() / equations.weight)

    def __call__(self, alpha: float) -> tuple[Tensor, Tensor]:
        """Return coefficients of shape (width, outputs) and the intercept."""
        values = self._values
        # Features that do not vary get no weight, also without a penalty: the least-norm solution.
        noise = len(values) * torch.finfo(values.dtype).eps * values.max()
        inverse = torch.where(values > noise, 1 / (values + alpha), 0.0)
        beta = self._vectors @ (inverse[:, None] * self._moments)
        if not self._intercept:
            return beta, torch.zeros_like(self._equations.target_sums)
        return beta, self._equations.intercept(beta)


def _fit_logistic(
    name: str,
    layer: nn.Linear,
    blocks: Iterator[tuple[Tensor, Tensor]],
    alpha: float | str,
    *,
    memory: int,
    seed: int,
) -> HeadFit:
    capacity = max(1, memory // (layer.in_features * layer.weight.element_size() + 8))
    features, classes, rows = sample(blocks, capacity, seed)
    if rows == 0:
        raise _no_rows()
    intercept = layer.bias is not None
    outputs = layer.out_features
    solution = multinomial(
        features, classes, max(outputs, 2), alpha, fit_intercept=intercept, pivot=outputs == 1
    )
    layer.weight.copy_(solution.weight)
    if intercept:
        layer.bias.copy_(solution.intercept)
    reason = solution.reason
    if len(features) < rows:
        reason += f"; on a random {len(features):,} of {rows:,} rows, which fill the memory"
    if len(features) < rows or not solution.converged:
        warnings.warn(
            f"logistic head: {reason}; raise memory or alpha, or take loss='ridge', which keeps no "
            "rows",
            DataWarning,
            stacklevel=4,
        )
    return HeadFit(
        name,
        "logistic",
        solution.alpha,
        rows,
        len(features),
        solution.loss,
        solution.accuracy,
        solution.converged,
        solution.iterations,
        reason,
    )


def _signs(classes: Tensor, outputs: int) -> Tensor:
    """Return targets of -1 and 1, one column a class; one column alone is that of class 1."""
    own = torch.arange(outputs, device=classes.device) if outputs > 1 else classes.new_ones(1)
    return torch.where(classes[:, None] == own, 1.0, -1.0).double()


def _no_rows() -> InvalidDataError:
    return InvalidDataError("the loader gave no rows with a target; give at least one")
