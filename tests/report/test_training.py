"""Curves of a training: what is drawn of a log, and that there must be something to draw."""

import numpy as np
import pytest
from PIL import Image

from ogive._errors import InvalidDataError
from ogive.report.training import _series, training_curves


def records(count):
    for step in range(1, count + 1):
        record = {"step": step, "loss": 1 / step, "accuracy": 1 - 1 / step, "rate": 0.1}
        yield record | ({"epoch": 1, "held_out_accuracy": 0.5} if step == count else {})


@pytest.mark.parametrize("count", [1, 10, 400])
def test_curves_of_any_length(tmp_path, count):
    path = training_curves.write(tmp_path / "curves.png", list(records(count)))
    with Image.open(path) as drawn:
        pixels = np.asarray(drawn.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    text = training_curves(list(records(count)))
    assert all(word in text for word in ("learning rate", "held out", "0.5000"))


def test_what_tells_when_to_stop_is_drawn_beside_it():
    some = list(records(9))
    for step, loss in ((3, 0.5), (6, 0.4), (9, 0.6)):
        some[step - 1] |= {"validation_loss": loss, "validation_accuracy": 1 - loss}
    text = training_curves(some)
    assert text.count("left out, averaged") == 2


def test_what_is_not_there_is_not_drawn():
    text = training_curves([{"step": 1, "loss": 2.0}, {"step": 2}])
    assert "loss" in text and "accuracy" not in text
    steps, values = _series([{"step": 1, "loss": 2.0}, {"step": 2}], "loss")
    assert steps.tolist() == [1] and values.tolist() == [2]
    with pytest.raises(InvalidDataError, match="nothing to draw"):
        training_curves([{"step": 1}])


def test_one_step_is_a_point_and_steps_are_whole_numbers():
    figure = training_curves._draw(list(records(1)))
    lines = [line for panel in figure.axes for line in panel.lines if len(line.get_xdata())]
    assert all(line.get_marker() == "o" for line in lines) and len(lines) == 4
    figure.canvas.draw()
    ticks = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert len(set(ticks)) == len(ticks)
