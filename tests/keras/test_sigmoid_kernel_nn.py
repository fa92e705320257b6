"""The model with a kernel between hidden and output layer: its formula, learning, errors."""

import keras
import numpy as np
import pytest

from ogive._errors import InvalidParameterError
from ogive.keras import SigmoidKernelNN
from ogive.kernels import AdditiveSigmoid


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def built(*arguments, width=10, **options):
    model = SigmoidKernelNN(*arguments, **options)
    model.build((None, width))
    return model


@pytest.mark.parametrize("heads", [1, 5])
@pytest.mark.parametrize("units", [1, 3])
def test_it_is_the_additive_kernel_of_hidden_layer_and_prototypes(heads, units):
    model = built(units=units, hidden_units=7, heads=heads)
    model.gamma.assign(normal(heads))
    model.bias.assign(normal(units))
    x = normal(6, 10, seed=1)
    kernel, bias = map(array, model.hidden.weights)
    hidden = np.tanh(x.astype("f8") @ kernel + bias)
    alpha, beta, gamma, weight = (
        array(v).astype("f8") for v in (model.alpha, model.beta, model.gamma, model.weight)
    )
    additive = AdditiveSigmoid(alpha.T, beta.T, gamma, weight)
    logits = additive(hidden, array(model.prototypes).astype("f8")) + array(model.bias)
    np.testing.assert_allclose(array(model(x)), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_one_head_ranks_all_inputs_alike_and_several_do_not():
    x = normal(200, 10, seed=1)

    def rankings(heads):
        answers = array(built(heads=heads, units=4, beta=1.0, activation="linear")(x))
        # The sign of a difference between two inputs, for each output.
        return {tuple(np.sign(answers[0] - row) == 1) for row in answers[1:]}

    assert rankings(1) == {(True,) * 4, (False,) * 4}
    assert len(rankings(8)) > 2


def test_numbers_are_lengths_and_what_gamma_starts_with():
    model = built(0.3, 1.5, -2.0, hidden_units=6, heads=9)
    np.testing.assert_allclose(np.linalg.norm(array(model.alpha), axis=0), 0.3, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(array(model.beta), axis=0), 1.5, rtol=1e-5)
    np.testing.assert_array_equal(array(model.gamma), np.full(9, -2.0, dtype="float32"))
    weight = array(model.weight)
    assert (np.sign(weight) == [1, -1, 1, -1, 1, -1, 1, -1, 1]).all()
    np.testing.assert_allclose(array(model.bias), [-0.5 * weight.sum()], rtol=1e-5)


def test_initializers_are_used():
    model = built("zeros", keras.initializers.Constant(0.5), "ones", hidden_units=3, heads=2)
    starts = [np.unique(array(v)).tolist() for v in (model.alpha, model.beta, model.gamma)]
    assert starts == [[0.0], [0.5], [1.0]]


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_it_learns_what_no_linear_model_can(optimizer):
    x = normal(600, 10)
    labels = (x[:, 0] * x[:, 1] > 0).astype("float32")
    model = SigmoidKernelNN()
    rate = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[optimizer](0.01)
    model.compile(optimizer=rate, loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x[:500], labels[:500], epochs=12, batch_size=32, verbose=0)
    loss, accuracy = model.evaluate(x[500:], labels[500:], verbose=0)
    assert accuracy > 0.75 and loss < 0.6


def test_every_weight_learns():
    model = built(units=3)
    x, before = normal(64, 10), model.get_weights()
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    model.fit(x, (normal(64, 3, seed=1) > 0).astype("float32"), epochs=1, verbose=0)
    for variable, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert (old != new).any(), variable.path
    assert len(before) == 8


def test_mixed_precision_answers_in_float32():
    model = SigmoidKernelNN(dtype="mixed_bfloat16")
    answer = model(normal(4, 10))
    assert keras.backend.standardize_dtype(answer.dtype) == "float32"
    assert {v.dtype for v in model.weights} == {"float32"}
    full = built()
    full.set_weights(model.get_weights())
    np.testing.assert_allclose(array(answer), array(full(normal(4, 10))), atol=0.05)
    assert model.compute_output_spec(keras.KerasTensor((None, 10))).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0}, r"alpha=0; it must be a finite number that is not 0, or an initializer"),
        ({"beta": float("inf")}, r"beta=inf; it must be a finite number"),
        ({"gamma": None}, r"gamma=None; it must be a number or an initializer"),
        ({"heads": 0}, r"heads=0; it must be a whole number of at least 1"),
        ({"units": 1.5}, r"units=1\.5; it must be a whole number"),
        ({"hidden_units": -3}, r"hidden_units=-3; it must be a whole number"),
    ],
)
def test_it_refuses(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        SigmoidKernelNN(**arguments)
