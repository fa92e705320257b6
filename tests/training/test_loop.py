"""Trainings that are stopped anywhere, and gone on from: the same weights, bit for bit."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from ogive._errors import InvalidDataError, InvalidModelError, InvalidParameterError, OutputError
from ogive._training import (
    Batches,
    DivergedError,
    EarlyStop,
    Kept,
    TrainingFiles,
    TrainingInterrupted,
    averaged,
    generator_at,
    one_cycle,
    read_checkpoint,
    read_log,
    run_training,
    set_rate,
    write_checkpoint,
)

STEPS = 12
NO_FILES = TrainingFiles()


class Work:
    """A small training with everything that can go wrong: dropout, momentum, an average."""

    def __init__(self):
        torch.manual_seed(3)
        self.model = torch.nn.Sequential(
            torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.3)
        ).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.SGD(self.model.parameters(), 0.1, momentum=0.9, nesterov=True)
        self.average = averaged(self.model, 0.9)
        self.x = torch.randn(20, 2, 5, 5, generator=torch.Generator().manual_seed(0))
        self.batches = Batches(20, 6, seed=1)
        self.stop_at = None

    def step(self, number):
        if number == self.stop_at:
            raise RuntimeError("killed")
        set_rate(self.optimiser, 0.1 * one_cycle(number, STEPS))
        x = self.x[self.batches[number]]
        x = x + torch.randn(x.shape, generator=generator_at(1, number))
        loss = (self.model(x) - 1).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.average.update_parameters(self.model)
        return {"loss": loss.item()}

    def run(self, files=NO_FILES, **more):
        parts = {"model": self.model, "optimiser": self.optimiser, "average": self.average}
        return run_training(self.step, STEPS, parts, seed=5, files=files, **more)

    def states(self):
        return [*self.model.state_dict().values(), *self.average.state_dict().values()]


def finished():
    work = Work()
    work.run()
    return work


def same(left, right):
    return all(map(torch.equal, left.states(), right.states()))


@pytest.mark.parametrize("stops", [(4,), (0, 11), (1, 2, 3, 7)])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, stops):
    whole = finished()
    files = TrainingFiles(tmp_path / "a.checkpoint", tmp_path / "a.jsonl", every=0)
    for stop in stops:
        work = Work()
        work.stop_at = stop
        with pytest.raises(RuntimeError, match="killed"):
            work.run(files)
        torch.rand(7)  # what happens between does not matter
    last = Work()
    seen = []
    last.run(files, report=seen.append)
    assert same(last, whole)
    assert [record["step"] for record in seen] == list(range(stops[-1] + 1, STEPS + 1))
    assert [record["step"] for record in read_log(files.log)] == list(range(1, STEPS + 1))
    assert not same(Work(), whole), "the comparison sees nothing"


def test_steps_after_the_last_checkpoint_are_done_again_and_logged_once(tmp_path):
    files = TrainingFiles(tmp_path / "a.checkpoint", tmp_path / "a.jsonl", every=1e6)
    work = Work()
    work.stop_at = 4
    with pytest.raises(RuntimeError):
        work.run(files)  # no checkpoint yet: begins again
    with files.log.open("a") as stream:
        stream.write('{"step": 5, "lo')  # as a kill in the middle of a line leaves it
    again = Work()
    again.run(files)
    assert same(again, finished())
    assert [record["step"] for record in read_log(files.log)] == list(range(1, STEPS + 1))


def test_a_finished_training_is_finished(tmp_path):
    files = TrainingFiles(tmp_path / "a.checkpoint", tmp_path / "a.jsonl")
    work = Work()
    seconds = work.run(files)
    again = Work()
    again.stop_at = 0
    told = []
    assert again.run(files, progress=lambda *told_: told.append(told_)) == seconds
    assert same(again, work) and told == [("training", STEPS, STEPS)]
    assert len(read_log(files.log)) == STEPS


def test_an_interrupt_waits_for_the_step_and_tells_how_to_go_on(tmp_path):
    files = TrainingFiles(tmp_path / "a.checkpoint")
    work = Work()

    def press(_, done, __):
        if done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterrupted, match=r"after 3 of 12 steps.*go on from .*a.checkpo"):
        work.run(files, progress=press)
    assert signal.getsignal(signal.SIGINT) is before
    again = Work()
    again.run(files)
    assert same(again, finished())
    with pytest.raises(TrainingInterrupted, match="nothing is kept"):
        Work().run(progress=press)


def test_a_second_interrupt_does_not_wait():
    def step(number):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt) as stopped:
        run_training(step, 3, {})
    assert not isinstance(stopped.value, TrainingInterrupted)


def test_other_threads_train_too():
    failed = []

    def work():
        try:
            run_training(lambda number: None, 3, {})
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed


def test_the_global_generator_is_the_callers():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    work = Work()
    torch.manual_seed(1)
    work.run()
    assert torch.equal(torch.rand(3), expected)


def test_another_training_is_refused(tmp_path):
    files = TrainingFiles(tmp_path / "a.checkpoint")
    Work().run(files, identity={"recipe": {"rate": 1}})
    with pytest.raises(InvalidParameterError, match=r"recipe.rate is 1 there and 2 here"):
        Work().run(files, identity={"recipe": {"rate": 2}})
    with pytest.raises(InvalidParameterError, match=r"steps is 12 there and 5 here"):
        run_training(lambda number: None, 5, {}, files=files)


def forged(path, **changes):
    """Write the checkpoint of a training that is done, with something else in it."""
    Work().run(TrainingFiles(path))
    state = read_checkpoint(path)
    for name, value in changes.items():
        place = state["parts"] if name in state["parts"] else state
        place[name] = value
    write_checkpoint(path, state)
    return TrainingFiles(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"identity": [1]}, r"its 'identity' is \[1\]"),
        ({"done": True}, "its 'done' is True"),
        ({"seconds": "long"}, "its 'seconds' is 'long'"),
        ({"parts": None}, "its 'parts' is None"),
        ({"parts": {}}, "it has no 'model'"),
        # torch's optimisers raise ValueError, modules RuntimeError, or AttributeError on a list.
        ({"optimiser": {"state": {}, "param_groups": []}}, "'optimiser' does not fit: ValueError"),
        ({"model": {"0.weight": torch.ones(3)}}, "'model' does not fit: RuntimeError"),
        ({"average": [1, 2]}, "'average' does not fit"),
        ({"generators": [torch.ones(3)]}, "'generators' does not fit"),
        ({"generators": []}, "'generators' does not fit: IndexError"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, changes, words):
    files = forged(tmp_path / "a.checkpoint", **changes)
    with pytest.raises(InvalidModelError, match=rf"does not hold this training: {words}.*delete"):
        Work().run(files)


def test_a_checkpoint_of_no_names_at_all_is_refused(tmp_path):
    write_checkpoint(tmp_path / "a", [1, 2])
    with pytest.raises(InvalidModelError, match="its 'identity' is None"):
        Kept.read(tmp_path / "a")


class Patient(Work):
    """A training with a given loss after every third step."""

    losses = (0.9, 0.4, 0.6, 0.5)

    def __init__(self, patience):
        super().__init__()
        self.stop, self.history = EarlyStop(self.model, patience), []

    def step(self, number):
        figures = super().step(number)
        epoch, place = divmod(number + 1, 3)
        if not place:
            self.stop.see(self.losses[epoch - 1])
            self.history.append({k: v.clone() for k, v in self.model.state_dict().items()})
        return figures

    def run(self, files=NO_FILES, **more):
        parts = {"model": self.model, "optimiser": self.optimiser, "average": self.average}
        parts["stop"] = self.stop
        return run_training(self.step, STEPS, parts, seed=5, files=files,
                            finished=lambda: self.stop.finished, **more)  # fmt: skip


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (3, 4)])
def test_a_training_stops_early_and_keeps_the_best(patience, epochs):
    work, told = Patient(patience), []
    work.run(progress=lambda what, done, total: told.append(done))
    assert told[-1] == 3 * epochs and work.stop.epochs == epochs and work.stop.best_epoch == 2
    assert not all(map(torch.equal, work.model.state_dict().values(), work.history[1].values()))
    work.stop.restore()
    assert all(map(torch.equal, work.model.state_dict().values(), work.history[1].values()))


@pytest.mark.parametrize("kill", [2, 4, 7, 8])
def test_a_stopped_training_stops_early_at_the_same_step(tmp_path, kill):
    whole = Patient(1)
    whole.run()
    files = TrainingFiles(tmp_path / "a.checkpoint", every=0)
    first = Patient(1)
    first.stop_at = kill
    with pytest.raises(RuntimeError, match="killed"):
        first.run(files)
    for _ in range(2):  # the second time it is over, and is not begun again
        again = Patient(1)
        again.run(files)
        again.stop.restore()
        whole.stop.restore()
        assert (again.stop.epochs, again.stop.best_epoch) == (3, 2)
        assert same(again, whole)


def test_the_first_of_equal_losses_is_the_best_and_no_epoch_is_none():
    model = torch.nn.Linear(1, 1)
    stop = EarlyStop(model, 1)
    assert not stop.finished
    for loss in (0.5, 0.5):
        stop.see(loss)
    assert stop.finished and stop.best_epoch == 1


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    for files in (
        TrainingFiles(checkpoint=tmp_path / "file" / "a"),
        TrainingFiles(log=tmp_path / "file" / "a"),
    ):
        with pytest.raises(OutputError):
            run_training(lambda number: pytest.fail("worked"), 3, {}, files=files)


def test_a_log_that_is_none_is_not_overwritten(tmp_path):
    files = TrainingFiles(tmp_path / "a.checkpoint", tmp_path / "a.jsonl", every=0)
    work = Work()
    work.stop_at = 3
    with pytest.raises(RuntimeError):
        work.run(files)
    files.log.write_text("my notes\n")
    with pytest.raises(InvalidDataError, match="line 1 is 'my notes"):
        Work().run(files)
    assert files.log.read_text() == "my notes\n"


def test_divergence_is_an_error():
    with pytest.raises(DivergedError, match=r"loss is nan at step 2: .*lower the learning rate"):
        run_training(lambda number: {"loss": [1.0, float("nan")][number]}, 5, {})


_SCRIPT = """
import sys, time, torch
from pathlib import Path
from ogive._training import Batches, TrainingFiles, averaged, run_training
torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.Tanh(), torch.nn.Linear(30, 1))
optimiser = torch.optim.AdamW(model.parameters(), 0.01)
x, batches = torch.randn(100, 20), Batches(100, 10)
def step(number):
    loss = (model(x[batches[number]]) - 1).square().mean()
    optimiser.zero_grad(); loss.backward(); optimiser.step()
    time.sleep(float(sys.argv[2]))
    if number == 5: print("ready", flush=True)
    return {"loss": loss.item()}
folder = Path(sys.argv[1])
files = TrainingFiles(folder / "checkpoint", folder / "log.jsonl", every=0)
run_training(step, 200, {"model": model, "optimiser": optimiser}, files=files)
print(sum(p.double().sum().item() for p in model.parameters()).hex())
"""


def test_a_process_that_is_killed_loses_nothing(tmp_path):
    def begin(folder, pause):
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-c", _SCRIPT, str(folder), str(pause)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    killed = begin(tmp_path / "killed", 0.02)
    assert killed.stdout.readline() == "ready\n"
    time.sleep(0.3)
    killed.kill()
    killed.communicate()
    assert read_log(tmp_path / "killed" / "log.jsonl")[-1]["step"] < 200
    resumed, whole = begin(tmp_path / "killed", 0), begin(tmp_path / "whole", 0)
    answers = [child.communicate()[0].splitlines()[-1] for child in (resumed, whole)]
    assert answers[0] == answers[1]
    logs = [read_log(tmp_path / name / "log.jsonl") for name in ("killed", "whole")]
    losses = [[(r["step"], r["loss"]) for r in log] for log in logs]
    assert losses[0] == losses[1] and len(losses[0]) == 200
