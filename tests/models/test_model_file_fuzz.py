"""Thousands of damaged and of forged files: each loads or is refused, and none does harm.

Damaged files hardly get past the checksum; forged ones have a right one, and meet the checks of
each value and array. What loads all the same must predict or refuse: no crash, no other error.
"""

import json
import struct
import time
import warnings
from collections import Counter
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ogive._container import file as container_file
from ogive._container import read_container, write_container
from ogive._errors import OgiveError
from ogive.data import Dataset
from ogive.estimators import (
    KernelDiscriminant,
    KernelLogistic,
    KernelPCA,
    KernelRidge,
    KernelRidgeClassifier,
    KernelSVC,
    KernelSVR,
    Nystroem,
    PatchKernelClassifier,
    PatchKernelFeatures,
)
from ogive.kernels import AdditiveSigmoid, Gaussian, Linear, Polynomial, Sigmoid
from ogive.models import Model, Settings, Training, fit_model, load, read_training, save
from ogive.preprocessing import ColumnRoles
from tests.models.forgeries import FORGERIES, WEIGHTS, pick

DAMAGED, FORGED_TEXT = 3000, 2000
MOST_SECONDS = 2.0  # of processor time for one file: far above what any takes, far below a hang
WIDEST = 100_000  # columns of data to predict on; a header may claim any number

X = np.random.default_rng(0).normal(size=(12, 4))
Y = X[:, 0]
NAMES = np.array(["a", "bb", "c"])[np.arange(12) % 3]
PIXELS = abs(X * 60).astype(np.uint8)
LARGER = np.tile(PIXELS.reshape(12, 2, 2), (1, 3, 3)) + np.arange(6, dtype=np.uint8)
PICTURES = Dataset("squares", PIXELS, np.arange(12) % 2, ("no", "yes"), (2, 2, 1))
LINES = [f"{row[0]:.2f},{row[1]:.2f},{NAMES[i]},word{i % 3} the,{i % 2}" for i, row in enumerate(X)]


@cache
def table():
    """Return a table with a column of every kind, read for training."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        file.write_text("\n".join(["size,weight,colour,words,class", *LINES]))
        return read_training(file, ColumnRoles(categorical=["colour"], text=["words"]))


def estimators():
    kernel = 0.5 * Sigmoid(0.2, 0.1) + Gaussian(0.1) * Linear()
    frame = pd.DataFrame(X, columns=["a", "ä", "c", "d"])
    patches = {"patch_size": 2, "grid": 1, "image_shape": (2, 2, 1)}
    return [
        KernelRidge(kernel=kernel).fit(X.astype(np.float32), np.stack([Y, -Y], 1)),
        KernelRidge(kernel="poly", degree=2).fit(np.asfortranarray(X), Y),
        KernelRidge(kernel="precomputed").fit(X @ X.T, Y),
        KernelRidge(kernel=Polynomial(3, 0.1), approximation="nystroem", landmarks=X[:5]).fit(X, Y),
        KernelRidgeClassifier(kernel=AdditiveSigmoid.random(4, heads=2, tied=True)).fit(X, NAMES),
        KernelRidgeClassifier(kernel=Sigmoid(0.2, 0.1), class_weight={0: 1.0, 1: 2.0}).fit(
            sparse.csr_matrix(X * (X > 0)), (Y > 0).astype(int)
        ),
        KernelLogistic(kernel=AdditiveSigmoid.random(4, heads=2, tied=True)).fit(
            sparse.csr_matrix(X, dtype=np.float32), NAMES
        ),
        KernelDiscriminant(kernel="precomputed", priors=[0.2, 0.3, 0.5]).fit(X @ X.T, NAMES),
        KernelDiscriminant(kernel=Sigmoid(0.2, 0.1)).fit(frame, (Y > 0).astype(int)),
        KernelPCA(2, kernel=Sigmoid(0.2, 0.1), fit_inverse_transform=True).fit(X),
        KernelSVC(probability=True).fit(X, NAMES),
        KernelSVC(kernel=Sigmoid(0.2, 0.1), treatment="krein").fit(X.astype(np.float32), NAMES),
        KernelSVC(kernel="precomputed").fit(X @ X.T, NAMES),
        KernelSVR(kernel="poly", degree=2, coef0=1.0).fit(sparse.csr_matrix(X), Y),
        Nystroem(Sigmoid(0.3, 0.1), n_components=6).fit(frame),
        Nystroem(n_components=6).fit(sparse.csr_matrix(X * (X > 0), dtype=np.float32)),
        PatchKernelFeatures(3, **patches).fit(PIXELS),
        PatchKernelClassifier(3, **patches, both_signs=True).fit(PIXELS, NAMES),
        PatchKernelFeatures(3, patch_size=2, grid=1, n_first_filters=2, image_shape=(6, 6, 1)).fit(
            LARGER.reshape(12, 36)
        ),
    ]


def whole_models():
    models = (
        fit_model(table(), Settings()),
        fit_model(Training.of(PICTURES), Settings(scale="centre")),
        fit_model(table(), Settings(model="pca")),
    )
    # Dates and seconds would make the forgeries differ from run to run.
    return [replace(model, summary={"rows": 12, "kernel": "sigmoid"}) for model in models]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Return the contents of good files: values and arrays."""
    file = tmp_path_factory.mktemp("good") / "model.ogive"
    return [read_container(save(model, file)) for model in (*estimators(), *whole_models())]


@pytest.fixture
def container_of(monkeypatch):
    """Return a function that gives the bytes of a file with a right checksum, without a disk."""
    monkeypatch.setattr(container_file, "write_bytes", lambda path, data: data)
    return partial(write_container, "nowhere")


FORMS = [np.asarray, np.float32, sparse.csr_matrix]


def put_to_use(model, form):
    """Predict on a few rows, in one of the forms that data have."""
    if isinstance(model, Model):
        return answered(
            model.transform if model.transforms else model.predict,
            [PICTURES, table().data][model.preprocessing.kind == "columns"],
        )
    columns = model.n_features_in_
    if not 1 <= columns <= WIDEST:
        return "loaded, too wide to try"
    data = np.random.default_rng(1).normal(size=(3, columns))
    answer = model.predict if hasattr(model, "predict") else model.transform
    if isinstance(model, KernelDiscriminant) and form % 2:
        answer = model.transform
    if hasattr(model, "patch_map_"):  # of pictures, which are never sparse
        return answered(answer, data)
    return answered(answer, FORMS[form % len(FORMS)](data))


def answered(answer, data):
    try:
        assert len(answer(data)) == (data.shape[0] if sparse.issparse(data) else len(data))
    except (OgiveError, ValueError):
        return "loaded, refused to predict"
    return "loaded, predicted"


def outcome(file, data, form):
    """Return what happens with a file; anything but an error of Ogive's own is raised."""
    file.write_bytes(data)
    start = time.process_time()
    try:
        model = load(file)
    except OgiveError as error:
        str(error).encode()  # can be printed
        found = "refused"
    else:
        found = put_to_use(model, form)
    assert time.process_time() - start < MOST_SECONDS
    return found


def run(file, count, make):
    """Return how often each outcome was met; name the seed of the file that fails."""
    outcomes = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of overflow, say: the numbers are wild
        for seed in range(count):
            generator = np.random.default_rng(seed)
            data = make(generator)
            try:
                outcomes[outcome(file, data, seed)] += 1
            except Exception as error:
                error.add_note(f"file number {seed}")
                raise
    print(dict(outcomes))
    assert outcomes.total() == count
    return outcomes


# Damaged files -------------------------------------------------------------------------------


def flipped(data, generator, other):
    place = generator.integers(len(data))
    data[place] ^= 1 << generator.integers(8)


def cut(data, generator, other):
    del data[generator.integers(len(data)) :]


def removed(data, generator, other):
    place = generator.integers(len(data))
    del data[place : place + generator.integers(1, 40)]


def inserted(data, generator, other):
    place = generator.integers(len(data))
    data[place:place] = generator.integers(0, 256, generator.integers(1, 20), np.uint8).tobytes()


def repeated(data, generator, other):
    start, place = generator.integers(0, len(data), 2)
    data[place:place] = data[start : start + generator.integers(1, 200)]


def spliced(data, generator, other):
    start, place = generator.integers(0, min(len(data), len(other)), 2)
    length = generator.integers(1, 400)
    data[place : place + length] = other[start : start + length]


def overwritten(data, generator, other):
    place = generator.integers(len(data))
    data[place : place + 8] = generator.choice([b"\0" * 8, b"\xff" * 8, b"\x7f" * 8, b'":{["1,9]'])


def edited_header(data, generator, other):
    words = [b"0", b"1", b"9", b"[", b"]", b"{", b"}", b",", b'"', b"F64", b"F32", b"I64", b"BOOL"]
    words += [b"shape", b"dtype", b"data_offsets", b"__metadata__", b"sha256", b"ogive", b"model"]
    word = generator.choice(words)
    place = data.find(word, generator.integers(8, max(9, len(data) // 2)))
    new = generator.choice([*words, b"", b"1e9", b"-1", b"99999999999999999999", b"null", b"BF16"])
    if place >= 0:
        data[place : place + len(word)] = new
    if generator.random() < 0.7:  # and the length is made to fit
        end = data.find(b"}}", len(data) // 4) + 2
        data[:8] = struct.pack("<Q", max(0, end - 8 + generator.integers(-1, 2)))


def other_length(data, generator, other):
    data[:8] = struct.pack("<Q", int(2 ** generator.uniform(0, 63.9)))


DAMAGES = [flipped, cut, removed, inserted, repeated, spliced, overwritten, edited_header]
DAMAGES += [other_length]


def test_damaged_files(file, originals, container_of):
    files = [container_of(*original) for original in originals]

    def make(generator):
        data = bytearray(files[generator.integers(len(files))])
        for _ in range(generator.integers(1, 4)):
            if data:
                other = files[generator.integers(len(files))]
                DAMAGES[generator.integers(len(DAMAGES))](data, generator, other)
        return bytes(data)

    outcomes = run(file, DAMAGED, make)
    # A header has spaces at its end that mean nothing: some of the damage does no harm.
    assert outcomes["refused"] > 0.95 * DAMAGED


# Forged text, with the checksum of the forgery -----------------------------------------------


def test_forged_text(file, originals, container_of, monkeypatch):
    texts = [json.dumps(values) for values, _ in originals]
    bits = ['"', "{", "}", "[", "]", ",", ":", "1e999", "NaN", "-", "null", "true"]
    bits += ['{"$float":"inf"}']
    bits += ["\\ud800", "\\u0000", "9" * 30, "[" * 200, '{"a":' * 200, "0.5", " ", "é", "model"]

    def make(generator):
        which = generator.integers(len(texts))
        text = texts[which]
        for _ in range(generator.integers(1, 3)):
            start = generator.integers(len(text))
            end = start + generator.integers(0, 12)
            middle = generator.choice([*bits, text[end : end + generator.integers(1, 60)]])
            text = text[:start] + str(middle) + text[end:]
        monkeypatch.setattr(container_file, "json_text", lambda values: text)
        return container_of({}, originals[which][1])

    run(file, FORGED_TEXT, make)


# Forged values and arrays, with the checksum of the forgery ----------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("estimator", 4500), ("model", 1500)])
def test_forged_values_and_arrays(file, originals, container_of, kind, count):
    texts = [json.dumps(values) for values, _ in originals]
    own = [index for index, (values, _) in enumerate(originals) if values["kind"] == kind]

    def make(generator):
        which, whose = pick(generator, own), generator.integers(len(texts))
        values, arrays = json.loads(texts[which]), dict(originals[which][1])
        other = json.loads(texts[whose]), originals[whose][1]
        for _ in range(generator.integers(1, 4)):
            forge = generator.choice(FORGERIES, p=WEIGHTS / WEIGHTS.sum())
            if arrays:
                forge(values, arrays, generator, other)
        return container_of(values, arrays)

    outcomes = run(file, count, make)
    # Otherwise the forgeries would not get far enough to show anything.
    assert outcomes["loaded, predicted"] > 0.1 * count
    assert outcomes["refused"] > 0.5 * count


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_good_files_load_and_predict(file, originals, container_of):
    for original in originals:
        for form in range(len(FORMS)):
            assert outcome(file, container_of(*original), form) == "loaded, predicted"
