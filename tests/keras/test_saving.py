"""A model with every layer, saved and read by a fresh process, on this backend and on the other."""

import os
import subprocess
import sys

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

READ = """
import sys
import numpy as np
import ogive.keras
import keras

folder, backend = sys.argv[1:]
assert keras.backend.backend() == backend
for name in ("layers", "network"):
    model = keras.models.load_model(f"{folder}/{name}.keras")
    x, expected = np.load(f"{folder}/{name}.npy"), np.load(f"{folder}/{name}_answers.npy")
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5, rtol=1e-5)
    model.evaluate(x, expected, verbose=0)
print(type(model).__name__, "ok")
"""


def layers():
    inputs = keras.Input((8, 8, 2))
    x = KernelConv2D(6, 3, strides=2, groups=2, data_format="channels_last")(inputs)
    x = keras.layers.Reshape((9, 6))(x)
    x = SigmoidAttention(2, 3, kernel="sigmoid", gamma_initializer=2.0)(x, x, use_causal_mask=True)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = AdditiveKernelDense(7, heads=3)(x)
    return keras.Model(inputs, KernelDense(2, "gaussian", coef0_initializer=None)(x))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    generator = np.random.default_rng(0)
    for name, model, shape, loss in (
        ("layers", layers(), (8, 8, 2), "mse"),
        ("network", SigmoidKernelNN(1.0, gamma="ones", units=2), (10,), "binary_crossentropy"),
    ):
        x = generator.normal(size=(20, *shape)).astype("float32")
        model.compile(optimizer="rmsprop", loss=loss)
        model.fit(x, generator.uniform(size=(20, 2)), epochs=1, verbose=0)
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", x)
        np.save(folder / f"{name}_answers.npy", model.predict(x, verbose=0))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_fresh_process_reads_it_and_gives_the_same_answers(folder, backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", READ, folder, backend],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["SigmoidKernelNN", "ok"]
