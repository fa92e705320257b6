"""What is not saved, what a file says about itself, and what a killed process leaves."""

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import ogive
from ogive._errors import InvalidModelError, InvalidTypeError, OutputError
from ogive._record import RecordWriter
from ogive.estimators import KernelRidge, KernelRidgeClassifier, Nystroem
from ogive.estimators.record import ESTIMATORS, write_estimator
from ogive.kernels import Linear, Sigmoid
from ogive.models import read_header, save
from tests.models.rows import KERNEL_MACHINES, NAMES, TWO, X, Y

# What is not saved ---------------------------------------------------------------------------


class Own(KernelRidge):
    pass


@pytest.mark.parametrize(
    "model",
    [3, None, Ridge(), Ridge, KernelRidge, Own(), make_pipeline(Nystroem(), Ridge()), Sigmoid(0.1)],
    ids=lambda model: type(model).__name__,
)
def test_other_objects_are_not_saved(file, model):
    with pytest.raises(InvalidTypeError, match=r"cannot be saved; .*KernelRidge.*Nystroem.*pickle"):
        save(model, file)
    assert not file.exists()


@pytest.mark.parametrize("model", [Ridge(), type("KernelRidge", (KernelRidge,), {})()])
def test_other_estimators_are_not_written(model):
    with pytest.raises(InvalidTypeError, match=r"which a model file does not hold; .*Nystroem"):
        write_estimator(model.fit(X, Y), RecordWriter())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_unfitted_estimator_is_not_saved(file, estimator):
    with pytest.raises(NotFittedError, match=f"{estimator.__name__} is not fitted.*call fit"):
        save(estimator(), file)
    assert not file.exists()


def smallest_common(left, right):
    return np.minimum(left[:, None], right[None]).sum(2)


class OwnKernel(Sigmoid):
    pass


@pytest.mark.parametrize("kernel", [smallest_common, OwnKernel(0.1), Linear() + OwnKernel(0.1)])
@pytest.mark.parametrize("estimator", KERNEL_MACHINES)
def test_kernels_of_the_users_own_are_not_saved(file, estimator, kernel):
    fit = (abs(X),) if estimator is Nystroem else (abs(X), TWO)
    model = estimator(kernel=kernel).fit(*fit)
    with pytest.raises(
        InvalidTypeError, match=r"kernel=.*code of your own.*Ogive's kernels.*pickle"
    ):
        save(model, file)
    assert not file.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.set_params(kernel="precomputed"),
        lambda model: model.set_params(kernel="rgb"),
        lambda model: setattr(model, "dual_coef_", model.dual_coef_[1:]),
        lambda model: setattr(model, "X_fit_", model.X_fit_ * math.nan),
        lambda model: setattr(model, "n_features_in_", 3),
    ],
)
def test_a_model_that_could_not_be_loaded_is_not_saved(file, change):
    model = KernelRidge().fit(X, Y)
    change(model)
    with pytest.raises(InvalidModelError, match=r"cannot be saved.*fit it again"):
        save(model, file)
    assert not file.exists()


def test_a_failed_save_leaves_the_old_file(file, monkeypatch):
    import os

    save(KernelRidge(2.0).fit(X, Y), file)
    before = file.read_bytes()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="disk is full"):
        save(KernelRidge(3.0).fit(X, Y), file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


# What the file says --------------------------------------------------------------------------


def test_header(file):
    save(KernelRidgeClassifier(0.5, kernel=Sigmoid(0.25, -1.0)).fit(X, NAMES), file)
    header = read_header(file)
    assert (header["format"], header["version"], header["kind"]) == ("ogive model", 1, "estimator")
    assert header["libraries"]["ogive"] == ogive.__version__
    assert header["libraries"].keys() == {"ogive", "python", "numpy", "torch", "scikit-learn"}
    assert header["model"]["class"] == "KernelRidgeClassifier"
    assert header["model"]["parameters"]["alpha"] == 0.5
    assert header["model"]["parameters"]["kernel"] == {
        "class": "Sigmoid",
        "gamma": 0.25,
        "coef0": -1.0,
    }
    assert header["model"]["fitted"]["classes_"]["texts"] == ["ash", "birch", "cedar"]
    json.dumps(header)


def test_reading_a_header_needs_no_torch(file):
    save(KernelRidge().fit(X, Y), file)
    code = f"import sys; from ogive.models.file import read_header; read_header({str(file)!r}); "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"torch", "sklearn", "scipy"} & set(done.stdout.split())


# Killed while saving -------------------------------------------------------------------------

KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from ogive.estimators import KernelRidge
from ogive.models import load, save

path, random = Path(sys.argv[1]), random.Random(0)
X = np.random.default_rng(0).normal(size=(300, 400))
models = [KernelRidge(alpha).fit(X, X[:, 0]) for alpha in (1.0, 2.0)]
answers = {model.alpha: model.predict(X[:5]).tolist() for model in models}
save(models[0], path)
for _ in range(30):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"x")
        while True:
            for model in models:
                save(model, path)
    os.read(reading, 1)
    time.sleep(random.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading), os.close(writing)
    loaded = load(path)
    assert loaded.predict(X[:5]).tolist() == answers[loaded.alpha]
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_killed_while_saving(tmp_path):
    """The file is whole at any moment; a killed process leaves at most one temporary file."""
    file = tmp_path / "model.ogive"
    subprocess.run([sys.executable, "-c", KILLED, str(file)], check=True, timeout=120)
    left = sorted(path.name for path in file.parent.iterdir() if path != file)
    assert len(left) <= 30
    assert all(re.fullmatch(r"\.ogive-[0-9a-f]{16}\.tmp", name) for name in left)
