"""The Keras example learns what can be learned, and says what cannot."""

import importlib.util
import re
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "examples" / "keras_binary.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("keras_binary", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accuracies(text):
    return [float(number) for number in re.findall(r"(\d\.\d+)$", text, re.MULTILINE)]


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_it_learns_what_can_be_learned(example, capsys, optimizer):
    example.main(["--epochs", "4", "--optimizer", optimizer])
    text = capsys.readouterr().out
    seen, held_out = accuracies(text)
    assert seen > 0.8 and held_out > 0.75, text
    assert "one half" not in text


def test_random_labels_stay_at_one_half_on_other_rows(example, capsys):
    example.main(["--epochs", "4", "--labels", "random"])
    text = capsys.readouterr().out
    _, held_out = accuracies(text)
    assert 0.38 < held_out < 0.62, text  # 200 coin tosses: three standard deviations are 0.106
    assert "Random labels say nothing about other rows" in text


def test_it_is_short():
    assert len(PATH.read_text(encoding="utf-8").splitlines()) < 80
