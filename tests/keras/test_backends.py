"""The same tests on the other backend, and what importing does."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

FOLDER = Path(__file__).parent
BACKEND = FOLDER.parent.parent / "ogive" / "keras" / "_backend.py"
# JAX compiles each operation for each shape, which takes minutes for all tests.
ON_JAX = (
    "gives_the_numbers and (gaussian or logistic) and not strided "
    "or falls and (KernelConv2D or NN or Attention) and not polynomial "
    "or traced and (logistic or AdditiveKernelDense) and not sigmoid"
)
HERE = ("test_backends.py", "test_saving.py")


def python(*arguments, **environment):
    kept = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "KERAS_HOME")}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**kept, **environment},
        cwd=FOLDER.parent.parent,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "torch", reason="this process is the other backend")
def test_the_same_numbers_training_and_tracing_on_jax():
    done = python(
        *("-m", "pytest", str(FOLDER), "-p", "no:cacheprovider", "-o", "addopts="),
        *("--import-mode=importlib", *(f"--ignore={FOLDER / name}" for name in HERE)),
        *("-k", ON_JAX),
        KERAS_BACKEND="jax",
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout and "failed" not in done.stdout


@pytest.mark.slow
def test_jax_needs_no_torch():
    done = python(
        "-c",
        "import sys\n"
        "import numpy as np\n"
        "from ogive.keras import SigmoidKernelNN\n"
        "print(SigmoidKernelNN()(np.zeros((2, 3), 'float32')).shape, 'torch' in sys.modules)",
        KERAS_BACKEND="jax",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(2, 1) False"


def test_without_keras_the_error_names_the_extra():
    done = python(
        "-c",
        "import sys\n"
        "sys.modules['keras'] = None\n"
        "import ogive\n"
        "from ogive._errors import MissingDependencyError\n"
        "try:\n"
        "    import ogive.keras\n"
        "except MissingDependencyError as error:\n"
        "    print(error)",
    )
    assert done.stdout.strip() == (
        "ogive.keras needs the package 'keras', which is not installed: pip install 'ogive[keras]'"
    )


def test_importing_ogive_imports_no_keras():
    done = python("-c", "import sys, ogive; print('keras' in sys.modules)")
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("settings", "environment", "tensorflow", "expected"),
    [
        (None, {}, False, "torch"),
        ('{"backend": "tensorflow"}', {}, False, "torch"),
        ('{"backend": "jax"}', {}, False, "None"),
        ("no json", {}, False, "torch"),
        (None, {}, True, "None"),
        (None, {"KERAS_BACKEND": "tensorflow"}, False, "tensorflow"),
        (None, {"KERAS_BACKEND": "jax"}, False, "jax"),
    ],
)
def test_torch_takes_the_place_of_a_tensorflow_that_is_not_there(
    tmp_path, settings, environment, tensorflow, expected
):
    """With a stand-in for Keras, which is slow to import: only the choice is looked at."""
    (tmp_path / "home").mkdir()
    if settings is not None:
        (tmp_path / "home" / "keras.json").write_text(settings)
    (tmp_path / "keras.py").touch()
    if tensorflow:
        (tmp_path / "tensorflow.py").touch()
    code = (
        "import importlib.util, os, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"spec = importlib.util.spec_from_file_location('chosen', {str(BACKEND)!r})\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "print(os.environ.get('KERAS_BACKEND'))"
    )
    done = python("-c", code, KERAS_HOME=str(tmp_path / "home"), **environment)
    assert done.stdout.strip() == expected, done.stderr
