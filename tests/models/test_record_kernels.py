"""Kernels in records: Ogive's own survive, and nothing that is code is written or read."""

import math

import numpy as np
import pytest
import torch

from ogive._errors import InvalidModelError, InvalidParameterError, InvalidTypeError, OgiveError
from ogive._record import RecordReader, RecordWriter
from ogive.kernels import (
    AdditiveSigmoid,
    CallableKernel,
    Gaussian,
    Linear,
    Logistic,
    Polynomial,
    Sigmoid,
)
from ogive.kernels.record import read_kernel, write_kernel
from tests.models.records import reader_of

ALPHA = np.random.default_rng(0).normal(size=(3, 4))
KERNELS = [
    Linear(),
    Polynomial(),
    Polynomial(3, 0.1, 2),
    Polynomial(2.5, "scale", 0.1),
    Gaussian("auto"),
    Gaussian(np.float64(0.1)),
    Sigmoid("suggest", "suggest"),
    Sigmoid(-0.1, 1e-300),
    Logistic(0.2, -1.0),
    AdditiveSigmoid(ALPHA),
    AdditiveSigmoid(ALPHA[0], gamma=[0.5], weight=2),
    AdditiveSigmoid(ALPHA, 2 * ALPHA, [1.0, 2.0, 3.0], [0.1, 0.2, 0.3]),
    AdditiveSigmoid.random(5, heads=4, tied=True),
    Sigmoid(0.1, 0.2) + Gaussian(0.3),
    -1.5 * (Linear() * Sigmoid(0.1) + AdditiveSigmoid(ALPHA)) * Gaussian(1.0),
]


def copied(kernel):
    reader = reader_of(lambda writer: write_kernel(kernel, writer))
    found = read_kernel(reader)
    reader.finish()
    return found


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_kernels_survive(kernel):
    found = copied(kernel)
    assert found == kernel and str(found) == str(kernel)
    for name, value in kernel.parameters().items():
        if isinstance(value, int | float):
            assert type(found.parameters()[name]) in (type(value), float)


def test_tensors_become_numbers_and_arrays():
    number = torch.tensor(0.1, requires_grad=True)
    assert copied(Sigmoid(number, torch.tensor(0.5, dtype=torch.bfloat16))) == Sigmoid(
        float(number.detach()), 0.5
    )
    found = copied(AdditiveSigmoid(torch.from_numpy(ALPHA).float(), weight=torch.tensor(2.0)))
    assert found == AdditiveSigmoid(ALPHA.astype(np.float32), weight=2.0)


class Own(Sigmoid):
    pass


class Cosine(Linear):
    pass


Cosine.__name__ = "Sigmoid"


@pytest.mark.parametrize(
    "kernel",
    [CallableKernel(min), Own(0.1), Cosine(), Linear() + CallableKernel(min), 2.0 * Own(0.1)],
)
def test_code_of_the_users_own_is_not_written(kernel):
    with pytest.raises(InvalidTypeError, match=r"code of your own.*Ogive's kernels.*pickle"):
        write_kernel(kernel, RecordWriter())


def test_nesting_is_bounded():
    kernel = Linear()
    for _ in range(49):
        kernel = kernel + Sigmoid(0.1)
    assert copied(kernel) == kernel
    kernel = kernel + Linear()
    with pytest.raises(InvalidParameterError, match="nested more than 50 deep"):
        write_kernel(kernel, RecordWriter())
    values = {"class": "Linear"}
    for _ in range(900):
        values = {"class": "Scaled", "factor": 1.0, "inner": values}
    with pytest.raises(InvalidModelError, match="nested more than 50 deep"):
        read_kernel(RecordReader(values, {}))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"class": "Kernel"},
        {"class": "CallableKernel", "function": "print"},
        {"class": "__import__"},
        {"class": 3},
        {"class": "Sigmoid"},
        {"class": "Sigmoid", "gamma": True, "coef0": 0.0},
        {"class": "Sigmoid", "gamma": None, "coef0": 0.0},
        {"class": "Sigmoid", "gamma": [0.1], "coef0": 0.0},
        {"class": "Sigmoid", "gamma": math.inf, "coef0": 0.0},
        {"class": "Sigmoid", "gamma": "print", "coef0": 0.0},
        {"class": "Sigmoid", "gamma": 0.1, "coef0": {"class": "Linear"}},
        {"class": "Gaussian", "gamma": -1.0},
        {"class": "Polynomial", "degree": "scale", "gamma": 0.1, "coef0": 1.0},
        {"class": "Sum", "left": 1.0, "right": {"class": "Linear"}},
        {"class": "Sum", "left": {"class": "Linear"}},
        {"class": "Scaled", "factor": "scale", "inner": {"class": "Linear"}},
        {"class": "AdditiveSigmoid", "alpha": 1.0, "beta": None, "gamma": 0.0, "weight": 1.0},
    ],
)
def test_damaged_kernels(values):
    with pytest.raises(OgiveError):
        read_kernel(RecordReader(values, {}))


@pytest.mark.parametrize(
    "arrays",
    [
        {"alpha": np.zeros((0, 3))},
        {"alpha": np.array([[math.nan]])},
        {"alpha": np.zeros((2, 3), int)},
        {"alpha": np.zeros((2, 3)), "beta": np.zeros((3, 2))},
        {"alpha": np.zeros((2, 3)), "gamma": np.zeros(3)},
    ],
)
def test_damaged_additive_kernels(arrays):
    values = {"class": "AdditiveSigmoid", "beta": None, "gamma": 0.0, "weight": 1.0}
    with pytest.raises(OgiveError):
        read_kernel(RecordReader({k: v for k, v in values.items() if k not in arrays}, arrays))
