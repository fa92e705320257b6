"""The pairwise sigmoid loss: every pair of a batch is one logistic question, same or not."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ogive._checks import check_count, check_positive
from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name
from ogive._typing import Float

_REDUCTIONS = ("rows", "pairs", "sum")


class PairwiseSigmoidLoss(nn.Module):
    """Logistic loss over all pairs of two batches of embeddings, which belong together or not.

    L = Σ_ij log(1 + exp(-z_ij (t ⟨x_i, y_j⟩ + b))), z_ij = 1 for a positive pair and -1 otherwise,
    with a temperature t = exp(log_scale) and an offset b that are learned.

    Parameters
    ----------
    prior : float
        Share of positive pairs among all, between 0 and 1: the offset starts at log(p / (1 - p)),
        so that the many negative pairs do not have to be unlearned first. 1 / n for n pairs of
        matching rows; `positive_prior` tells it for labels.
    temperature : float, default 10.0
        What t starts with.
    normalise : bool, default True
        Whether embeddings are divided by their norm first.
    reduction : {"rows", "pairs", "sum"}, default "rows"
        The sum is divided by the number of rows x_i, as in the paper, or by that of pairs.
    chunk : int, default 1024
        So many rows of x are compared with all of y at a time: memory is O(chunk · m), forwards
        and backwards, and not O(n · m).
    device, dtype
        Of the parameters.

    Raises
    ------
    InvalidParameterError
        For a number out of range or an unknown reduction.

    Notes
    -----
    Gradients are formed together with the loss, chunk by chunk, so that no pair is kept or
    computed twice; they can be differentiated once. In half precision and under autocast pairs are
    computed in float32. Ranking by the loss's score is ranking by the inner product: neither t > 0
    nor b changes it.

    Source: Zhai, Mustafa, Kolesnikov and Beyer, Sigmoid loss for language image pre-training
    (ICCV 2023, arXiv:2303.15343), section 3; their b = -10 is the offset for one in 22,000.

    Examples
    --------
    Pairs of a picture's and a text's embedding, then rows of known classes:

    >>> pictures, texts = torch.randn(8, 16), torch.randn(8, 16)
    >>> loss = PairwiseSigmoidLoss(prior=1 / 8)
    >>> loss(pictures, texts).shape
    torch.Size([])
    >>> labels = torch.tensor([0, 0, 1, 1, 2, 2, 2, 0])
    >>> loss = PairwiseSigmoidLoss(prior=positive_prior(labels))
    >>> loss(pictures, labels=labels).item() > 0
    True
    """

    def __init__(
        self,
        prior: float,
        *,
        temperature: float = 10.0,
        normalise: bool = True,
        reduction: str = "rows",
        chunk: int = 1024,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_positive(prior, "prior")
        if prior >= 1:
            raise InvalidParameterError(
                f"prior={prior!r}; it must be below 1: the share of positive pairs, 1 / n for n "
                "pairs of matching rows"
            )
        check_positive(temperature, "temperature")
        if reduction not in _REDUCTIONS:
            raise InvalidParameterError(
                f"reduction={reduction!r} is unknown; {nearest_name(str(reduction), _REDUCTIONS)}"
            )
        self.prior, self.temperature = float(prior), float(temperature)
        self.normalise, self.reduction = bool(normalise), reduction
        self.chunk = check_count(chunk, "chunk")
        self.log_scale = nn.Parameter(torch.empty((), device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty((), device=device, dtype=dtype))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set t to the temperature and b to log(p / (1 - p))."""
        self.log_scale.fill_(math.log(self.temperature))
        self.bias.fill_(math.log(self.prior) - math.log1p(-self.prior))

    def forward(
        self,
        x: Float[Tensor, "n d"],
        y: Float[Tensor, "m d"] | None = None,
        labels: Tensor | None = None,
        other_labels: Tensor | None = None,
        positive: Tensor | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss.

        Parameters
        ----------
        x : Tensor of shape (n, d)
        y : Tensor of shape (m, d), optional
            x itself if left out; a row is then not compared with itself. With neither labels nor
            ``positive``, row i of x belongs to row i of y and to no other.
        labels : Tensor of shape (n,), optional
            Rows with equal labels belong together.
        other_labels : Tensor of shape (m,), optional
            Of y, if its labels are others than those of x.
        positive : bool Tensor of shape (n, m), optional
            Which pairs belong together, in place of labels.

        Returns
        -------
        Tensor of shape ()

        Raises
        ------
        InvalidDataError
            If shapes do not fit, or nothing says which pairs belong together.
        """
        self._check(x, y, labels, other_labels, positive)
        alone = y is None
        left = self._prepared(x)
        right = left if y is None else self._prepared(y)
        if positive is None and labels is None:
            labels = torch.arange(len(x), device=x.device)
        if other_labels is None:
            other_labels = labels
        pairs = len(left) * (len(right) - alone)
        divisor = {"rows": len(left), "pairs": pairs, "sum": 1}[self.reduction]
        total: Tensor = _PairwiseSigmoid.apply(
            left,
            right,
            self.log_scale.to(left.dtype),
            self.bias.to(left.dtype),
            _Pairs(labels, other_labels, positive, alone, self.chunk, torch.is_grad_enabled()),
        )
        return total / max(divisor, 1)

    def extra_repr(self) -> str:
        """Return what the printed form says."""
        return (
            f"prior={self.prior:.4g}, temperature={self.temperature:g}, "
            f"normalise={self.normalise}, reduction={self.reduction!r}, chunk={self.chunk}"
        )

    def _prepared(self, x: Tensor) -> Tensor:
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        return functional.normalize(x, dim=-1) if self.normalise else x

    def _check(
        self,
        x: Tensor,
        y: Tensor | None,
        labels: Tensor | None,
        other_labels: Tensor | None,
        positive: Tensor | None,
    ) -> None:
        other = x if y is None else y
        if x.ndim != 2 or other.ndim != 2 or x.shape[1] != other.shape[1]:
            raise InvalidDataError(
                f"x has shape {tuple(x.shape)} and y {tuple(other.shape)}; they must be (n, d) and "
                "(m, d): flatten other dimensions first"
            )
        n, m = len(x), len(other)
        if positive is not None:
            if labels is not None or other_labels is not None:
                raise InvalidDataError("both labels and positive are given; leave one out")
            if positive.dtype != torch.bool or positive.shape != (n, m):
                raise InvalidDataError(
                    f"positive is a {positive.dtype} tensor of shape {tuple(positive.shape)}; it "
                    f"must be a bool tensor of shape {(n, m)}"
                )
        elif labels is None:
            if y is None or other_labels is not None:
                raise InvalidDataError(
                    "nothing says which rows of x belong together; give labels, or a mask positive"
                )
            if n != m:
                raise InvalidDataError(
                    f"x has {n} rows and y {m}; matching rows need as many of both, or give labels"
                )
        else:
            expected = m if other_labels is not None else n
            given = labels if other_labels is None else other_labels
            if labels.shape != (n,) or given.shape != (expected,) or (given is labels and n != m):
                raise InvalidDataError(
                    f"labels have shape {tuple(labels.shape)} and other_labels "
                    f"{tuple(given.shape)} for {n} and {m} rows; give one label a row of each"
                )


def positive_prior(labels: Tensor) -> float:
    """Return the share of pairs of different rows that have equal labels.

    Σ_c n_c (n_c - 1) / (n (n - 1)), kept away from 0 and 1 by one pair.

    Parameters
    ----------
    labels : Tensor of shape (n,)
        Those of a batch, or of the training set.

    Returns
    -------
    float

    Raises
    ------
    InvalidDataError
        If there are fewer than two.

    Examples
    --------
    >>> round(positive_prior(torch.tensor([0, 0, 1, 1])), 4)
    0.3333
    """
    if labels.ndim != 1 or len(labels) < 2:
        raise InvalidDataError(
            f"labels have shape {tuple(labels.shape)}; a share of pairs needs at least two, in one "
            "dimension"
        )
    counts = labels.unique(return_counts=True)[1].double()
    pairs = float(len(labels)) * (len(labels) - 1)
    share = float((counts * (counts - 1)).sum()) / pairs
    return min(max(share, 1 / pairs), 1 - 1 / (pairs + 1))


class _Pairs(NamedTuple):
    """Which pairs there are, and how they are gone through."""

    labels: Tensor | None
    other_labels: Tensor | None
    positive: Tensor | None
    alone: bool
    chunk: int
    differentiable: bool


class _PairwiseSigmoid(torch.autograd.Function):
    """Σ over pairs of softplus(-z (t ⟨x, y⟩ + b)) and its gradients, a chunk of rows at a time."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd calls it by position
        ctx: Any,
        x: Tensor,
        y: Tensor,
        log_scale: Tensor,
        bias: Tensor,
        pairs: _Pairs,
    ) -> Tensor:
        labels, other_labels, positive, alone, chunk, differentiable = pairs
        total = torch.zeros_like(bias)
        x_gradient, y_gradient = torch.zeros_like(x), torch.zeros_like(y)
        bias_gradient = torch.zeros_like(bias)
        scaled = x * log_scale.exp()
        # What is summed keeps the type of the parameters, whatever autocast would make of it.
        with torch.autocast(x.device.type, enabled=False):
            for start in range(0, len(x), chunk):
                rows = slice(start, start + chunk)
                if positive is not None:
                    same = positive[rows]
                else:
                    assert labels is not None and other_labels is not None
                    same = labels[rows, None] == other_labels[None, :]
                sign = torch.where(same, -1.0, 1.0).to(x.dtype)
                score = torch.addmm(bias, scaled[rows], y.T).mul_(sign)
                if alone:
                    score.diagonal(start).fill_(-math.inf)
                total += functional.softplus(score).sum()
                if differentiable:
                    slope = score.sigmoid_().mul_(sign)
                    x_gradient[rows] = slope @ y
                    y_gradient.addmm_(slope.T, scaled[rows])
                    bias_gradient += slope.sum()
        x_gradient *= log_scale.exp()
        ctx.save_for_backward(x_gradient, y_gradient, (x * x_gradient).sum(), bias_gradient)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient * saved for saved in ctx.saved_tensors), None)
