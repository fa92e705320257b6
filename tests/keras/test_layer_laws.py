"""What Keras expects of every layer: configuration, shapes, weights, training, precision, files."""

import json
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest

from ogive.keras import (
    AdditiveKernelDense,
    KernelConv2D,
    KernelDense,
    SigmoidAttention,
    SigmoidKernelNN,
)


@dataclass(frozen=True)
class Case:
    """A layer, the shape of its inputs (which are all the same), and what it has."""

    layer: Any
    arguments: dict = field(default_factory=dict)
    shape: tuple = (5, 4)
    inputs: int = 1
    weights: tuple = ()

    def __str__(self):
        kernel = self.arguments.get("kernel", "")
        return f"{self.layer.__name__} {kernel}".strip()

    def make(self, **keywords):
        return self.layer(**self.arguments, **keywords)

    def arrays(self, batch=3):
        generator = np.random.default_rng(0)
        return [
            generator.normal(size=(batch, *self.shape)).astype("float32")
            for _ in range(self.inputs)
        ]

    def symbols(self):
        return [keras.Input(self.shape) for _ in range(self.inputs)]


UNITS = {
    "logistic": ("prototypes", "gamma", "coef0"),
    "sigmoid": ("prototypes", "gamma", "coef0"),
    "polynomial": ("prototypes", "gamma", "coef0"),
    "gaussian": ("prototypes", "gamma"),
    "linear": ("prototypes",),
}
IMAGES = {"filters": 6, "kernel_size": (3, 2), "groups": 2, "data_format": "channels_last"}
DENSE = ("kernel", "bias")
CASES = [
    *(Case(KernelDense, {"units": 3, "kernel": k}, weights=w) for k, w in UNITS.items()),
    Case(
        KernelDense,
        {
            "units": 3,
            "kernel": "logistic",
            "per_unit": False,
            "degree": 2,
            "prototypes_initializer": "glorot_normal",
            "gamma_initializer": -0.5,
            "gamma_regularizer": keras.regularizers.L2(0.5),
            "coef0_constraint": keras.constraints.NonNeg(),
        },
        weights=UNITS["sigmoid"],
    ),
    *(
        Case(KernelConv2D, {**IMAGES, "kernel": k}, (6, 7, 4), weights=UNITS[k])
        for k in ("sigmoid", "gaussian")
    ),
    Case(
        KernelConv2D,
        {**IMAGES, "kernel": "polynomial", "padding": "same", "strides": (2, 2)},
        (6, 7, 4),
        weights=UNITS["polynomial"],
    ),
    Case(AdditiveKernelDense, {"units": 3}, (5, 4), weights=("alpha", "offset", "weight", "bias")),
    Case(
        AdditiveKernelDense,
        {"units": 3, "heads": 5, "kernel": "sigmoid", "use_bias": False},
        weights=("alpha", "offset", "weight"),
    ),
    *(
        Case(
            SigmoidAttention,
            {"num_heads": 2, "key_dim": 3, "kernel": k, "value_dim": 2, "coef0_initializer": 0.5},
            inputs=3,
            weights=("gamma", "coef0", *DENSE * 4),
        )
        for k in ("logistic", "sigmoid")
    ),
    Case(
        SigmoidKernelNN,
        {
            "alpha": 1.5,
            "gamma": keras.initializers.RandomNormal(),
            "units": 2,
            "hidden_units": 6,
            "heads": 3,
        },
        (4,),
        weights=("alpha", "beta", "gamma", "prototypes", "weight", "bias", *DENSE),
    ),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


@every_case
def test_a_layer_is_made_again_from_its_configuration(case):
    layer = case.make(name="a_name", dtype="mixed_bfloat16")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert config["registered_name"] == f"ogive>{case.layer.__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is case.layer and again.name == "a_name"
    assert again.get_config() == layer.get_config()
    assert case.layer.from_config(layer.get_config()).get_config() == layer.get_config()
    for name, value in case.arguments.items():
        if isinstance(value, str | int | float) and not name.endswith("initializer"):
            assert layer.get_config()[name] == value, name


@every_case
def test_shapes_are_known_beforehand(case):
    layer = case.make()
    symbols = layer(*case.symbols())
    arrays = case.arrays()
    answer = layer(*arrays)
    assert tuple(symbols.shape) == (None, *answer.shape[1:])
    assert tuple(layer.compute_output_shape(*(a.shape for a in arrays))) == tuple(answer.shape)
    assert keras.backend.standardize_dtype(answer.dtype) == symbols.dtype == "float32"
    empty = [a[:0] for a in arrays]
    assert tuple(layer(*empty).shape) == (0, *answer.shape[1:])


@every_case
def test_a_layer_has_its_weights_and_no_others(case):
    layer = case.make()
    layer(*case.arrays())
    assert sorted(w.name for w in layer.weights) == sorted(case.weights)
    assert layer.trainable_weights == layer.weights
    frozen = case.make(trainable=False)
    frozen(*case.arrays())
    assert frozen.trainable_weights == []


@every_case
def test_weights_made_while_a_parent_is_traced_start_the_same(case):
    # A model without `build` makes its layers' weights in a scope where nothing has a value yet.
    layer = case.make()

    class Parent(keras.Model):
        def call(self, inputs):
            return self.layer(*[inputs] * case.inputs)

    parent = Parent()
    parent.layer = layer
    parent(keras.Input(case.shape))
    direct = case.make()
    direct(*case.arrays())
    for traced, expected in zip(layer.weights, direct.weights, strict=True):
        traced_value, expected_value = array(traced), array(expected)
        assert traced_value.shape == expected_value.shape
        assert np.isfinite(traced_value).all()
        assert traced_value.any() == expected_value.any(), traced.path


@every_case
def test_every_weight_learns_and_the_loss_falls(case):
    symbols = case.symbols()
    layer = case.make()
    model = keras.Model(symbols, layer(*symbols))
    arrays = case.arrays(16)
    targets = np.random.default_rng(1).uniform(size=model(arrays).shape)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    before = layer.get_weights()
    losses = model.fit(arrays, targets, epochs=5, batch_size=16, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for weight, old, new in zip(layer.weights, before, layer.get_weights(), strict=True):
        assert (old != new).any(), weight.path


@every_case
def test_mixed_precision_computes_in_bfloat16_and_keeps_weights_in_float32(case):
    layer, full = case.make(dtype="mixed_bfloat16"), case.make()
    answer, symbol = layer(*case.arrays()), layer(*case.symbols())
    full(*case.arrays())
    full.set_weights(layer.get_weights())
    assert {w.dtype for w in layer.weights} == {"float32"}
    assert keras.backend.standardize_dtype(answer.dtype) == symbol.dtype
    exact = array(full(*case.arrays()))
    answer = array(keras.ops.cast(answer, "float32"))
    assert np.abs(answer - exact).max() < 0.03 * (1 + np.abs(exact).max())
    assert (answer != exact).any()


@every_case
def test_a_file_keeps_it(case, tmp_path):
    symbols = case.symbols()
    model = keras.Model(symbols, case.make()(*symbols))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(again(case.arrays())), array(model(case.arrays())))
