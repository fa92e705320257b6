"""Mean-field signal propagation: what becomes of a signal, and of its gradient, in a deep network.

A layer of many units answers φ(u) to arguments u_i = Σ_j W_ij (x_j - centre) + b_i, where x is the
answer of the layer before. With independent (or orthogonal) weights of variance weight_variance /
fan_in and offsets of mean ``bias_mean`` and variance ``bias_variance``, the arguments of a wide
layer are normal, u = √q z + bias_mean, and two numbers tell its fate:

- the variance q of the arguments, from layer to layer
  q' = weight_variance · E[(φ(√q z + bias_mean) - centre)²] + bias_variance;
- χ = weight_variance · E[φ'(√q z + bias_mean)²], by which the mean squared gradient (and a small
  difference of two inputs) is multiplied in every layer. It dies out for χ < 1, explodes for χ > 1.

Where a layer has a scale gamma, weight_variance is that of gamma · W. ``centre`` is what the
offsets -centre · W·1 take off the inputs: ½ is the centred form of the logistic function, which is
tanh: 2σ(u) - 1 = tanh(u / 2).

Sources: Poole and others, Exponential expressivity in deep neural networks through transient chaos
(2016), equations 3 and 5; Schoenholz and others, Deep information propagation (2017), equation 11;
Pennington, Schoenholz and Ganguli, Resurrecting the sigmoid (2017), on orthogonal weights.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from ogive._checks import check_positive
from ogive._errors import InvalidParameterError

# Anything that maps a tensor entry by entry: an `Epilogue`, torch.tanh, an activation module.
Response = Callable[[Tensor], Tensor]

_NODES = (
    20  # Gauss-Legendre nodes a panel: exact to rounding where φ is smooth on the panel's scale
)
_REACH = 10.0  # the normal density beyond is 1e-22
_FINEST = 2.0**-24  # width of the innermost panels: tanh(√q z) bends within 1/√q of its centre
_STEPS = 60  # plain steps of the variance map before its fixed point is bracketed
_EQUAL = 1e-14
_RELATIVE = 4 * float(np.finfo(float).eps)  # of a root: as near as brentq allows
_SMALLEST = 1e-12  # of a variance, relative to where it came from: it goes to zero


def normal_mean(function: Response, variance: float, mean: float = 0.0) -> float:
    """Return E[f(√variance · z + mean)] for a standard normal z.

    Panels of Gauss-Legendre nodes, narrower towards argument 0, where S-shaped functions bend and
    rectifiers break; Gauss-Hermite nodes would miss both once the variance is large. Errors are
    near 1e-14, relative to E|f|, for variances up to 1e12.

    Parameters
    ----------
    function : callable(Tensor) -> Tensor
        Entry by entry; given float64.
    variance : float
        At least 0.
    mean : float, default 0.0

    Returns
    -------
    float
        Infinite where the function grows too fast.

    Examples
    --------
    >>> round(normal_mean(torch.square, 4.0, 1.0), 12)
    5.0
    """
    check_positive(variance, "variance", allow_zero=True)
    if variance == 0:
        nodes, weights = torch.tensor([mean], dtype=torch.float64), torch.ones(1).double()
    else:
        root = math.sqrt(variance)
        # e^u is largest under the density of z at z = √variance, its square at twice that.
        reach = min(_REACH + 2 * root, 38.0)
        centre = min(max(-mean / root, -reach), reach)
        z, weights = _panels(centre, reach)
        nodes = root * z + mean
    with torch.no_grad():
        values = function(nodes).double()
    result = float(values @ weights)
    return result if math.isfinite(result) else math.inf


def variance_map(
    function: Response,
    variance: float,
    *,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    bias_mean: float = 0.0,
    centre: float = 0.0,
) -> float:
    """Return the variance of a layer's arguments from that of the layer before.

    q' = weight_variance · E[(φ(√q z + bias_mean) - centre)²] + bias_variance
    (Poole and others 2016, equation 3).

    Parameters
    ----------
    function : callable(Tensor) -> Tensor
        φ, for example `ogive.kernels.epilogue.Tanh()` or ``torch.relu``.
    variance : float
        q ≥ 0.
    weight_variance : float, default 1.0
        fan_in times the variance of gamma · W; the square of the gain of an orthogonal matrix.
    bias_variance, bias_mean : float, default 0.0
        Of the offsets, from unit to unit. A coef0 that all units share is a mean.
    centre : float, default 0.0
        What the offsets take off the inputs; ½ for the centred logistic layer.

    Returns
    -------
    float

    Examples
    --------
    >>> round(variance_map(torch.tanh, 1.0), 4)
    0.3943
    """
    _check(weight_variance, bias_variance)
    power = normal_mean(lambda u: (function(u) - centre).square(), variance, bias_mean)
    return weight_variance * power + bias_variance


def chi(
    function: Response, variance: float, *, weight_variance: float = 1.0, bias_mean: float = 0.0
) -> float:
    """Return χ = weight_variance · E[φ'(√q z + bias_mean)²], the gradient's growth in a layer.

    Schoenholz and others 2017, equation 11. Derivatives are taken by automatic differentiation.

    Parameters
    ----------
    function, variance, weight_variance, bias_mean
        As for `variance_map`.

    Returns
    -------
    float

    Examples
    --------
    A logistic layer with weights of gain 1, at the variance where it settles:

    >>> q = fixed_point(torch.sigmoid)
    >>> round(chi(torch.sigmoid, q), 3)
    0.056
    """
    _check(weight_variance, 0.0)
    return weight_variance * normal_mean(lambda u: slope(function, u).square(), variance, bias_mean)


def slope(function: Response, argument: Tensor) -> Tensor:
    """Return φ' at every entry of an argument, without a graph.

    Examples
    --------
    >>> slope(torch.tanh, torch.zeros(2))
    tensor([1., 1.])
    """
    with torch.inference_mode(False), torch.enable_grad():
        leaf = argument.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return gradient


def fixed_point(
    function: Response,
    *,
    weight_variance: float = 1.0,
    bias_variance: float = 0.0,
    bias_mean: float = 0.0,
    centre: float = 0.0,
    start: float = 1.0,
) -> float:
    """Return the variance q* at which the arguments settle in a deep network.

    The fixed point of `variance_map` towards which it moves from ``start``: 0 if the signal dies,
    infinity if it explodes, ``start`` itself where every variance is kept.

    Parameters
    ----------
    function, weight_variance, bias_variance, bias_mean, centre
        As for `variance_map`.
    start : float, default 1.0
        The variance in the first layer.

    Returns
    -------
    float

    Examples
    --------
    >>> fixed_point(torch.tanh), round(fixed_point(torch.tanh, weight_variance=4.0), 4)
    (0.0, 2.1215)
    """
    check_positive(start, "start")

    def growth(q: float) -> float:
        return (
            variance_map(
                function,
                q,
                weight_variance=weight_variance,
                bias_variance=bias_variance,
                bias_mean=bias_mean,
                centre=centre,
            )
            - q
        )

    q = start
    for _ in range(_STEPS):  # into the right basin, should there be several
        change = growth(q)
        if abs(change) <= _EQUAL * q or not math.isfinite(change):
            return q + change
        q += change
    # A monotone map moves on to the first change of sign; near criticality in too many steps.
    up = growth(q) > 0
    factor = math.sqrt(2.0) if up else math.sqrt(0.5)
    while True:
        further = q * factor
        if further < _SMALLEST * start:
            return 0.0
        change = growth(further)
        if not math.isfinite(change) or further > 1e300:
            return math.inf
        if change == 0 or (change > 0) != up:
            return float(brentq(growth, q, further, xtol=1e-300, rtol=_RELATIVE))
        q = further


def depth_scale(chi: float) -> float:
    """Return -1 / ln χ: over so many layers a gradient shrinks to 1/e of its mean square.

    Negative where it grows; infinite at χ = 1, where depth does not matter
    (Schoenholz and others 2017, equation 12).

    Examples
    --------
    >>> round(depth_scale(0.056), 2), depth_scale(1.0)
    (0.35, inf)
    """
    check_positive(chi, "chi", allow_zero=True)
    if chi == 0:
        return 0.0
    return math.inf if chi == 1 else -1 / math.log(chi)


@dataclass(frozen=True)
class CriticalPoint:
    """Where a network is critical: the signal settles at variance q*, and χ = 1 there.

    Attributes
    ----------
    weight_variance : float
        fan_in times the variance of gamma · W.
    bias_variance, bias_mean : float
        Of the offsets, from unit to unit.
    centre : float
        What further offsets -centre · W·1 take off the inputs.
    variance : float
        q*.
    """

    weight_variance: float
    bias_variance: float
    bias_mean: float
    centre: float
    variance: float

    @property
    def gain(self) -> float:
        """Gain of orthogonal weights, √weight_variance."""
        return math.sqrt(self.weight_variance)


def critical_point(
    function: Response, *, bias_variance: float = 0.0, bias_mean: float = 0.0, centre: float = 0.0
) -> CriticalPoint:
    """Return the weights' variance with which a network is critical, given its offsets.

    Along the critical line, the variance q* determines the rest:
    weight_variance = 1 / E[φ'(√q* z + bias_mean)²] and
    bias_variance = q* - weight_variance · E[(φ(√q* z + bias_mean) - centre)²].
    The smallest q* that gives the ``bias_variance`` asked for is taken.

    Parameters
    ----------
    function : callable(Tensor) -> Tensor
        φ.
    bias_variance, bias_mean, centre : float, default 0.0
        As for `variance_map`.

    Returns
    -------
    CriticalPoint

    Raises
    ------
    InvalidParameterError
        If there is none: a rectifier is critical without offsets only.

    Examples
    --------
    >>> critical_point(torch.tanh).gain
    1.0
    >>> round(critical_point(torch.tanh, bias_variance=0.05).weight_variance, 3)
    1.761
    >>> critical_point(torch.sigmoid, centre=0.5).gain
    4.0
    """
    _check(1.0, bias_variance)

    def weight_variance(q: float) -> float:
        unit = chi(function, q, bias_mean=bias_mean)
        return 1 / unit if unit > 0 else math.inf

    def excess(q: float) -> float:
        variance = weight_variance(q)
        if variance == math.inf:
            return math.nan
        passed = variance_map(
            function, q, weight_variance=variance, bias_mean=bias_mean, centre=centre
        )
        return q - passed - bias_variance

    before = 0.0
    for q in (0.0, *np.geomspace(1e-6, 1e6, 121).tolist()):
        here = excess(q)
        if abs(here) <= _EQUAL * max(q, 1e-6):
            return CriticalPoint(weight_variance(q), bias_variance, bias_mean, centre, q)
        if here > 0:
            if q > 0 and not math.isnan(excess(before)):
                root = float(brentq(excess, before, q, xtol=1e-300, rtol=_RELATIVE))
                return CriticalPoint(weight_variance(root), bias_variance, bias_mean, centre, root)
            break
        before = q
    raise InvalidParameterError(
        f"bias_variance={bias_variance:g}, bias_mean={bias_mean:g}, centre={centre:g}: no variance "
        "of weights makes this function critical; try bias_variance=0 and bias_mean=0, and as "
        "centre the value φ(0)"
    )


@functools.lru_cache(maxsize=64)
def _unit_panel() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2


@functools.lru_cache(maxsize=256)
def _panels(centre: float, reach: float) -> tuple[Tensor, Tensor]:
    """Return nodes in [-reach, reach] and weights, the normal density within."""
    inner = np.concatenate([[0.0], np.geomspace(_FINEST, 0.5, 24), np.arange(1.0, 2 * reach + 1)])
    edges = np.unique(np.clip(np.concatenate([centre - inner, centre + inner]), -reach, reach))
    nodes, weights = _unit_panel()
    widths = np.diff(edges)
    z = (edges[:-1, None] + widths[:, None] * nodes).ravel()
    w = (widths[:, None] * weights).ravel() * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return torch.from_numpy(z), torch.from_numpy(w)


def _check(weight_variance: float, bias_variance: float) -> None:
    check_positive(weight_variance, "weight_variance", allow_zero=True)
    check_positive(bias_variance, "bias_variance", allow_zero=True)
