"""Models of LIBSVM 3.37 (svm-train) against its own decision values on new rows."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from ogive._errors import DataNotFoundError, InvalidModelError
from ogive.estimators.libsvm import read_libsvm_model
from ogive.models import load, save

FILES = Path(__file__).parent / "libsvm_models"
NAMES = sorted(file.stem for file in FILES.glob("*.model"))


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def expected(name):
    found = {key: np.array(value) for key, value in json.loads(read(f"{name}.json")).items()}
    new = found["new"] @ found["X"].T if name == "precomputed" else found["new"]
    return new, found[f"{name}_labels"], found[f"{name}_values"]


def read(file):
    return (FILES / file).read_text()


def test_predictions_are_libsvms(name):
    new, labels, values = expected(name)
    model = read_libsvm_model(FILES / f"{name}.model", n_features=new.shape[1])
    model.decision_function_shape = "ovo"
    found = model.decision_function(new)
    if found.ndim == 1:
        found = -found[:, None]  # scikit-learn's are positive for the second of two classes
    if name != "probability":  # LIBSVM prints no decision values of these
        np.testing.assert_allclose(found, values, atol=1e-6)
    np.testing.assert_array_equal(model.predict(new), labels)


def test_is_kept_in_a_file(name, tmp_path):
    new, labels, _ = expected(name)
    model = read_libsvm_model(FILES / f"{name}.model", n_features=new.shape[1])
    again = load(save(model, tmp_path / "m.ogive"))
    np.testing.assert_array_equal(again.predict(new), labels)
    np.testing.assert_array_equal(again.decision_function(new), model.decision_function(new))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "cut short"),
        (lambda text: text.split("SV\n")[0], "cut short"),
        (lambda text: text.replace("c_svc", "one_class"), "svm_type is 'one_class'"),
        (lambda text: text.replace("rbf", "laplace"), "kernel_type is 'laplace'"),
        (lambda text: text.replace("gamma ", "gamma z"), "damaged"),
        (lambda text: text.replace("gamma", "gemma"), "'gamma' is missing"),
        (lambda text: text.replace("total_sv ", "total_sv 9"), "adds up to"),
        (lambda text: text.replace("rho ", "rho 1 "), "4 entries instead of 3"),
        (lambda text: text.replace("1:", "-1:", 1), "column"),
        (lambda text: text.replace("1:", "1:nan 9:", 1), "not finite"),
        (lambda text: "hello", "no LIBSVM model"),
        (lambda text: "", "no LIBSVM model"),
    ],
)
def test_damage_is_told(tmp_path, damage, message):
    file = tmp_path / "damaged.model"
    file.write_text(damage(read("rbf.model")))
    with pytest.raises(InvalidModelError, match=message):
        read_libsvm_model(file)


def test_no_file(tmp_path):
    with pytest.raises(DataNotFoundError, match="no such file"):
        read_libsvm_model(tmp_path / "none.model")


def test_mutated_files_load_or_are_refused(tmp_path):
    generator, text = random.Random(0), read("rbf.model")
    file = tmp_path / "mutated.model"
    for _ in range(500):
        letters = list(text)
        for _ in range(generator.randint(1, 4)):
            letters[generator.randrange(len(letters))] = generator.choice("0123456789:-. e\nx")
        file.write_text("".join(letters))
        try:
            model = read_libsvm_model(file)
        except InvalidModelError:
            continue
        assert len(model.classes_) >= 2
