"""Dense and convolutional kernel units: the numbers of ogive.nn, what they start with, errors."""

import itertools

import keras
import numpy as np
import pytest
import torch

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.keras import KernelConv2D, KernelDense
from ogive.kernels import Sigmoid
from ogive.nn import KernelConv2d, KernelLinear

NAMES = ("linear", "polynomial", "gaussian", "sigmoid", "logistic")
every_name = pytest.mark.parametrize("name", NAMES)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def scrambled(layer):
    """Give gamma and coef0 values of their own, so that one in another's place is noticed."""
    for seed, quantity in enumerate((layer.gamma, layer.coef0)):
        if quantity is not None:
            start = keras.ops.convert_to_numpy(quantity)
            quantity.assign(start * np.exp(0.3 * normal(*start.shape, seed=seed)) + 0.1 * seed)
    return layer


def copied(layer, twin, axes):
    """Give a layer of ogive.nn the weights of a Keras layer."""
    with torch.no_grad():
        for name, other in (("prototypes", "weight"), ("gamma", "gamma"), ("coef0", "coef0")):
            value = getattr(layer, name)
            assert (value is None) == (getattr(twin, other) is None), name
            if value is not None:
                array = keras.ops.convert_to_numpy(value)
                array = array.transpose(axes) if name == "prototypes" else array
                getattr(twin, other).copy_(torch.from_numpy(array.copy()))
    return twin


def same(answer, expected):
    answer = keras.ops.convert_to_numpy(answer)
    np.testing.assert_allclose(answer, expected.detach().numpy(), atol=1e-5, rtol=1e-5)


@every_name
@pytest.mark.parametrize("per_unit", [True, False])
def test_dense_gives_the_numbers_of_kernel_linear(name, per_unit):
    layer = KernelDense(4, name, per_unit=per_unit)
    layer.build((None, 3))
    twin = copied(scrambled(layer), KernelLinear(3, 4, name, per_unit=per_unit), (1, 0))
    for shape in [(6, 3), (1, 3), (0, 3), (2, 5, 3)]:
        x = normal(*shape, seed=3)
        same(layer(x), twin(torch.from_numpy(x)))


def test_the_degree_is_that_of_the_polynomial():
    layer = KernelDense(4, "polynomial", degree=2)
    x = normal(6, 3)
    w, gamma, coef0 = map(keras.ops.convert_to_numpy, scrambled(layered(layer, x)).weights)
    expected = (x.astype("f8") @ (gamma * w).astype("f8") + coef0) ** 2
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)


def layered(layer, x):
    layer(x)
    return layer


@every_name
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "same", "per_unit": False},
        {"strides": (2, 1), "groups": 2, "kernel_size": (2, 3)},
        {"dilation_rate": (1, 2), "padding": "same", "kernel_size": (2, 3), "groups": 2},
    ],
    ids=["valid", "same", "strided", "dilated"],
)
def test_convolution_gives_the_numbers_of_kernel_conv2d(name, options):
    options = {"kernel_size": 3, "data_format": "channels_last", **options}
    layer = KernelConv2D(6, kernel=name, **options)
    layer.build((None, 7, 8, 4))
    torch_options = {
        "kernel_size": options["kernel_size"],
        "stride": options.get("strides", 1),
        "padding": options.get("padding", "valid"),
        "dilation": options.get("dilation_rate", 1),
        "groups": options.get("groups", 1),
        "per_unit": options.get("per_unit", True),
    }
    twin = copied(scrambled(layer), KernelConv2d(4, 6, kernel=name, **torch_options), (3, 2, 0, 1))
    x = normal(2, 7, 8, 4, seed=3)
    expected = twin(torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    assert layer.compute_output_shape(x.shape) == tuple(expected.shape)
    same(layer(x), expected)

    first = KernelConv2D(6, kernel=name, **{**options, "data_format": "channels_first"})
    first.build((None, 4, 7, 8))
    first.set_weights(layer.get_weights())
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    assert first.compute_output_shape(x.shape) == tuple(expected.permute(0, 3, 1, 2).shape)
    same(first(x), expected.permute(0, 3, 1, 2))


def test_same_with_strides_covers_the_image_as_keras_does():
    layer = KernelConv2D(3, 3, "gaussian", strides=2, padding="same", data_format="channels_last")
    x = normal(1, 5, 6, 2)
    answer = keras.ops.convert_to_numpy(layer(x))
    w, gamma = (keras.ops.convert_to_numpy(v).astype("f8") for v in layer.weights)
    padded = np.pad(x.astype("f8"), [(0, 0), (1, 1), (0, 1), (0, 0)])  # 6 columns need 1 more
    for i, j, unit in itertools.product(range(3), range(3), range(3)):
        patch = padded[0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        value = np.exp(-gamma[unit] * ((patch - w[..., unit]) ** 2).sum())
        assert answer[0, i, j, unit] == pytest.approx(value, abs=1e-5)
    assert layer.compute_output_shape((None, 5, 6, 2)) == (None, 3, 3, 3)


@every_name
@pytest.mark.parametrize("per_unit", [True, False])
def test_layers_start_like_those_of_ogive_nn(name, per_unit):
    layer = KernelDense(400, name, per_unit=per_unit)
    layer.build((None, 300))
    twin = KernelLinear(300, 400, name, per_unit=per_unit)
    prototypes = keras.ops.convert_to_numpy(layer.prototypes)
    assert prototypes.std() == pytest.approx(float(twin.weight.detach().std()), rel=0.02)
    if layer.gamma is not None:
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(layer.gamma), twin.gamma.detach(), rtol=1e-6
        )
    if layer.coef0 is not None:
        centred = name == "logistic" and per_unit
        expected = -0.5 * prototypes.sum(0) if centred else 0 * twin.coef0.detach().numpy()
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(layer.coef0), expected, atol=1e-4, rtol=1e-4
        )


def test_numbers_and_initializers_are_what_quantities_start_with():
    layer = KernelDense(50, gamma_initializer=-0.5, coef0_initializer=2, prototypes_initializer=0)
    layer.build((None, 3))
    assert [float(np.unique(w)[0]) for w in layer.get_weights()] == [0.0, -0.5, 2.0]
    scaled = KernelDense(500, gamma_initializer=-0.5)
    scaled.build((None, 300))
    product = scaled.get_weights()[0] * scaled.get_weights()[1]
    assert product.std() == pytest.approx(300**-0.5, rel=0.03), "still critical"
    logistic = KernelDense(500, "logistic", prototypes_initializer="random_normal")
    logistic.build((None, 3))
    assert not logistic.get_weights()[2].any(), "centring is for prototypes of our own"


def test_regularizers_and_constraints_are_used():
    layer = KernelDense(
        4,
        gamma_regularizer="l2",
        prototypes_constraint="unit_norm",
        coef0_constraint="non_neg",
    )
    layer.build((None, 3))
    assert float(keras.ops.convert_to_numpy(sum(layer.losses))) == pytest.approx(0.01 * 4)
    assert isinstance(layer.prototypes.constraint, keras.constraints.UnitNorm)
    assert isinstance(layer.coef0.constraint, keras.constraints.NonNeg)


def test_small_values_of_the_logistic_kernel_keep_their_digits():
    layer = KernelDense(1, "logistic", prototypes_initializer=1, coef0_initializer=0)
    answer = keras.ops.convert_to_numpy(layer(np.float32([[-30.0], [-80.0]])))
    np.testing.assert_allclose(answer[:, 0], np.exp([-30.0, -80.0]), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, r"units=0; it must be a whole number of at least 1"),
        ({"units": True}, r"units=True"),
        ({"units": 2.0}, r"units=2\.0"),
        ({"kernel": "sigmiod"}, r"kernel='sigmiod' is unknown; did you mean 'sigmoid'"),
        ({"kernel": Sigmoid(0.5, -1.0)}, r"is no name; give one of .* by gamma_initializer"),
        ({"kernel": "polynomial", "degree": 0}, r"degree=0; it must be a whole number"),
        ({"gamma_initializer": 0}, r"gamma_initializer=0: .* answers the same .* not 0"),
        ({"gamma_initializer": float("nan")}, r"gamma_initializer=nan; it must be a finite"),
        ({"kernel": "gaussian", "coef0_initializer": 1.0}, r"gaussian kernel has no coef0"),
        ({"kernel": "linear", "gamma_regularizer": "l2"}, r"linear kernel has no gamma; leave it"),
    ],
)
def test_dense_refuses(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        KernelDense(**{"units": 3, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, r"filters=0; it must be a whole number"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size=\(3, 3, 3\); it must be one whole number or 2"),
        ({"kernel_size": "3"}, r"kernel_size='3'; it must be a whole number"),
        ({"padding": "smae"}, r"padding='smae' is unknown; did you mean 'same'"),
        ({"data_format": "NCHW"}, r"data_format='NCHW' is unknown"),
        ({"groups": 3}, r"groups=3 does not divide filters, 4"),
        ({"strides": 2, "dilation_rate": 2}, r"strides=\(2, 2\) with .* one of them must be 1"),
    ],
)
def test_convolution_refuses(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        KernelConv2D(**{"filters": 4, "kernel_size": 3, **arguments})


def test_inputs_that_do_not_fit_are_refused():
    with pytest.raises(InvalidParameterError, match="groups=2 does not divide the number of cha"):
        KernelConv2D(4, 3, groups=2, data_format="channels_last").build((None, 8, 8, 3))
    with pytest.raises(InvalidDataError, match="a patch of 5 does not fit into 4 pixels"):
        KernelConv2D(4, 5, data_format="channels_last")(normal(1, 8, 4, 3))
    layer = layered(KernelDense(4), normal(2, 3))
    with pytest.raises(ValueError, match=r"expected axis -1 of input shape to have value 3"):
        layer(normal(2, 4))
