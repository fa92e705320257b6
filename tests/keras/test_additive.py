"""The additive layer: the numbers of ogive.nn, what it starts with, errors."""

import keras
import numpy as np
import pytest
import torch

from ogive._errors import InvalidParameterError
from ogive.keras import AdditiveKernelDense
from ogive.nn import additive_linear

every_kernel = pytest.mark.parametrize("kernel", ["logistic", "sigmoid"])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@every_kernel
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("heads", [1, 5])
def test_it_gives_the_numbers_of_additive_kernel_linear(kernel, use_bias, heads):
    layer = AdditiveKernelDense(5, heads, kernel=kernel, use_bias=use_bias)
    layer.build((None, 4))
    twin = additive_linear.AdditiveKernelLinear(4, 5, heads, kernel=kernel, bias=use_bias)
    with torch.no_grad():
        for name in ("alpha", "offset", "weight", "bias")[: 3 + use_bias]:
            value = normal(*getattr(layer, name).shape, seed=len(name))
            getattr(layer, name).assign(value)
            getattr(twin, name).copy_(
                torch.from_numpy(value.T.copy() if name == "alpha" else value)
            )
    assert (layer.bias is None) == (twin.bias is None)
    for shape in [(6, 4), (1, 4), (0, 4), (2, 3, 4)]:
        x = normal(*shape, seed=3)
        answer = keras.ops.convert_to_numpy(layer(x))
        expected = twin(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(answer, expected, atol=1e-5, rtol=1e-5)


@every_kernel
def test_it_starts_like_that_of_ogive_nn(kernel):
    layer = AdditiveKernelDense(900, 7, kernel=kernel)
    layer.build((None, 3))  # fewer inputs than heads: orthogonal in blocks of 3, 3 and 1
    alpha, offset, weight, bias = layer.get_weights()
    twin = additive_linear.AdditiveKernelLinear(3, 900, 7, kernel=kernel)
    stretch = float(twin.alpha.detach()[0].norm())
    for first in (0, 3, 6):
        block = alpha[:, first : first + 3]
        np.testing.assert_allclose(block.T @ block, stretch**2 * np.eye(block.shape[1]), atol=1e-4)
    assert not np.allclose(alpha[:, :3], alpha[:, 3:6])
    assert offset.std() == pytest.approx(float(twin.offset.detach().std()), rel=0.05)
    np.testing.assert_allclose(weight, twin.weight.detach(), rtol=1e-6)
    np.testing.assert_allclose(bias, twin.bias.detach(), rtol=1e-6)


def test_a_weight_of_ones_choice_moves_the_centring_bias():
    layer = AdditiveKernelDense(2, 4, weight_initializer="ones")
    layer.build((None, 3))
    np.testing.assert_allclose(layer.get_weights()[3], [-2.0, -2.0])
    signed = AdditiveKernelDense(2, 4, weight_initializer="ones", kernel="sigmoid")
    signed.build((None, 3))
    assert not signed.get_weights()[3].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": -1}, r"units=-1; it must be a whole number of at least 1"),
        ({"heads": 0}, r"heads=0; it must be a whole number of at least 1"),
        ({"kernel": "tanh"}, r"kernel='tanh' is unknown; .*Known: 'logistic', 'sigmoid'"),
    ],
)
def test_it_refuses(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        AdditiveKernelDense(**{"units": 3, **arguments})
