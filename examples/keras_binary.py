"""Binary classification by a Keras model with a sigmoid kernel between hidden and output layer.

1,000 rows of 10 numbers, 800 of them to learn from. By default the label says whether
x₁x₂ + x₃ > 0, which can be learned; with --labels random it is a coin toss, which cannot: the
network may come to remember the rows it has seen, and stays near one half on the others.

    python examples/keras_binary.py
    python examples/keras_binary.py --labels random --optimizer rmsprop --epochs 50
"""

import argparse

import numpy as np

from ogive.keras import SigmoidKernelNN  # before Keras: it runs on PyTorch if nothing was chosen

import keras  # isort: skip

ROWS, FEATURES, TRAINING = 1000, 10, 800
OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}


def data(labels: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and their labels, 0 or 1."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(ROWS, FEATURES)).astype("float32")
    if labels == "random":
        return x, generator.integers(0, 2, ROWS).astype("float32")
    return x, (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype("float32")


def main(arguments: list[str] | None = None) -> None:
    """Train, and print both accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", choices=["learnable", "random"], default="learnable")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adam")
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)

    keras.utils.set_random_seed(given.seed)
    x, y = data(given.labels, given.seed)
    model = SigmoidKernelNN()
    model.compile(
        optimizer=OPTIMIZERS[given.optimizer](given.learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x[:TRAINING], y[:TRAINING], epochs=given.epochs, batch_size=32, verbose=0)

    _, seen = model.evaluate(x[:TRAINING], y[:TRAINING], verbose=0)
    _, held_out = model.evaluate(x[TRAINING:], y[TRAINING:], verbose=0)
    print(f"{model.count_params()} parameters, {given.epochs} epochs, {given.optimizer}")
    print(f"accuracy on the {TRAINING} rows it was trained on: {seen:.3f}")
    print(f"accuracy on {ROWS - TRAINING} rows held out: {held_out:.3f}")
    if given.labels == "random":
        print("Random labels say nothing about other rows: one half is all that can be had there.")


if __name__ == "__main__":
    main()
