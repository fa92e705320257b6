"""SVMlight files against a naive parser; every bad line by its number."""

from __future__ import annotations

import bz2
import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import DataNotFoundError, InvalidDataError, InvalidParameterError
from ogive.data import load, read_svmlight
from ogive.data.svmlight import MAX_FEATURES

TWO = "+1 1:0.5 3:2\n-1 2:1e-1\n"


def svm_file(folder, text, name="two.svmlight"):
    content = text if isinstance(text, bytes) else text.encode()
    packers = {".gz": gzip.compress, ".bz2": bz2.compress}
    file = folder / name
    file.write_bytes(packers.get(file.suffix, bytes)(content))
    return file


def naive(text, width=None):
    """Return the dense matrix and the targets, by splitting lines."""
    rows, targets = [], []
    for line in text.splitlines():
        cells = line.split("#")[0].split()
        if cells:
            targets.append(float(cells[0]))
            pairs = (cell.split(":") for cell in cells[1:] if not cell.startswith("qid"))
            rows.append({int(index): float(value) for index, value in pairs})
    width = width or max((max(row, default=0) for row in rows), default=0) + 1
    X = np.zeros((len(rows), width))
    for row, cells in enumerate(rows):
        for index, value in cells.items():
            X[row, index] = value
    return X, np.array(targets)


numbers = st.floats(-1e6, 1e6) | st.integers(-9, 9)
entries = st.dictionaries(st.integers(0, 12), numbers, max_size=6)
lines = st.builds(
    lambda target, cells, gap, query, note: (
        f"{target}{query}{gap}{gap.join(f'{i}:{cells[i]}' for i in sorted(cells))}{note}"
    ),
    st.integers(-3, 3) | st.sampled_from(["+1", "1e0", "-1.0"]),
    entries,
    st.sampled_from([" ", "  ", "\t"]),
    st.sampled_from(["", " qid:7"]),
    st.sampled_from(["", " # a note, 5:x", "#5:1"]),
)
blanks = st.sampled_from(["", "# only a note"])


@given(
    st.lists(st.tuples(lines, st.lists(blanks, max_size=2)), min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([None, 13, 40]),
    st.sampled_from(["a.svm", "a.svm.gz", "a.svm.bz2"]),
)
def test_equals_a_naive_parser(tmp_path_factory, parts, end, width, name):
    text = end.join(line for first, rest in parts for line in (first, *rest))
    file = svm_file(tmp_path_factory.mktemp("svm"), text, name)
    data = read_svmlight(file, width)
    X, y = naive(text, width)
    assert data.sparse and data.X.dtype == np.float64 and data.name == "a"
    np.testing.assert_array_equal(data.X.toarray(), X)
    assert [float(data.classes[code]) for code in data.y] == y.tolist()


def test_columns_are_the_indices_as_written(tmp_path):
    one_based = read_svmlight(svm_file(tmp_path, TWO))
    np.testing.assert_array_equal(one_based.X.toarray(), [[0, 0.5, 0, 2], [0, 0, 0.1, 0]])
    zero_based = read_svmlight(svm_file(tmp_path, "1 0:1 2:2\n2 0:3\n"))
    np.testing.assert_array_equal(zero_based.X.toarray(), [[1, 0, 2], [3, 0, 0]])


def test_real_targets(tmp_path):
    data = read_svmlight(svm_file(tmp_path, "0.5 1:1\n2 1:2\n"))
    assert (data.y.tolist(), data.classes) == ([0.5, 2.0], ())


@pytest.mark.parametrize("name", ["a.svmlight", "a.libsvm", "a.svm", "a.SVM", "a.libsvm.gz"])
def test_by_the_one_entry_point(tmp_path, name):
    file = svm_file(tmp_path, TWO, name)
    assert repr(load(file)) == "Dataset('a': 2 rows × 4 features (float64, sparse), 2 classes)"
    assert load(file, n_features=9).X.shape == (2, 9)
    with pytest.raises(InvalidParameterError, match="target= is no option of a svmlight"):
        load(file, target=0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x 1:1", "line 3: the target 'x' is no number"),
        ("1,2 1:1", "line 3: the target '1,2' is no number"),
        ("0x1 1:1", "line 3: the target '0x1' is no number"),
        ("1 2:x", "line 3: '2:x' is no index:value"),
        ("1 x:2", "line 3: 'x:2' is no index:value"),
        ("1 2", "line 3: '2' is no index:value"),
        ("1 2 :5", "line 3: '2' is no index:value"),
        ("1 1:2 2:3:4", "line 3: '2:3:4' is no index:value"),
        ("1 1:2 qid:4", "line 3: 'qid:4' is no index:value"),
        ("1 3:1 2:1", "line 3: the index of '2:1' does not rise"),
        ("1 3:1 3:1", "line 3: the index of '3:1' does not rise"),
        ("1 -1:1", "line 3: the index of '-1:1' does not rise"),
        ("1 99999999999:1", "line 3: the index of '99999999999:1' is over the limit of 50000000"),
        ("1 99999999999999999999:1", "line 3: the index .* is over the limit"),
        ("1 2:1\x00", "line 3: '2:1.x00' is no index:value"),
        ("1 2:x # \xff", "line 3: '2:x' is no index:value"),
    ],
)
@pytest.mark.parametrize("name", ["a.svm", "a.svm.gz"])
def test_a_bad_line_is_named(tmp_path, name, line, words):
    text = b"# a note\n1 qid:1 1:2\n" + line.encode("latin-1") + b"\n2 x:y\n"
    file = svm_file(tmp_path, text, name)
    with pytest.raises(InvalidDataError, match=words) as caught:
        read_svmlight(file)
    assert str(file) in str(caught.value) and "mend the line" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no rows"),
        ("\n# nothing\n\n", "holds no rows"),
        ("1 1:1\n2 3:inf\n", "row 1: a value is not finite"),
        ("1 1:1 2:nan\n2 3:1\n", "row 0: a value is not finite"),
        ("1 1:1\n\n2\n3 2:nan\n", "row 2: a value is not finite"),
        ("1 1:1\nnan 3:1\n", "the target of row 1 is nan"),
        ("1 \uff11:1\n", "is no svmlight file .*: mend the line"),  # a digit, but of another script
    ],
)
def test_refused(tmp_path, text, words):
    file = svm_file(tmp_path, text)
    with pytest.raises(InvalidDataError, match=words) as caught:
        read_svmlight(file)
    assert str(file) in str(caught.value)


def test_rows_without_entries(tmp_path):
    data = read_svmlight(svm_file(tmp_path, "1\n2\n1\n"))
    assert data.X.shape == (3, 1) and data.X.nnz == 0


@pytest.mark.parametrize("index", [MAX_FEATURES, 2**31 - 1])
def test_a_huge_index_is_refused_and_takes_no_room(tmp_path, index):
    file = svm_file(tmp_path, f"1 {index}:1\n2 1:1\n")
    read_svmlight(svm_file(tmp_path, TWO, "before.svm"))  # whatever is imported or kept
    tracemalloc.start()
    with pytest.raises(InvalidDataError, match=f"has the index {index} where 50000000 columns"):
        read_svmlight(file)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_the_largest_index(tmp_path):
    data = read_svmlight(svm_file(tmp_path, f"1 {MAX_FEATURES - 1}:1\n2 1:1\n"))
    assert data.X.shape == (2, MAX_FEATURES)


def test_n_features(tmp_path):
    file = svm_file(tmp_path, TWO)
    assert read_svmlight(file, 4).X.shape == (2, 4)
    with pytest.raises(InvalidDataError, match=r"index 3 where 3 columns .* 0 to 2: is"):
        read_svmlight(file, 3)
    for wrong in (0, -1, 2.0, "4", True):
        with pytest.raises(InvalidParameterError, match=f"n_features={wrong!r} must be a positive"):
            read_svmlight(file, wrong)
    with pytest.raises(InvalidParameterError, match="n_features=50000001 is over the limit"):
        read_svmlight(file, MAX_FEATURES + 1)


@pytest.mark.parametrize("name", ["a.svm.gz", "a.svm.bz2"])
def test_a_damaged_archive(tmp_path, name):
    file = svm_file(tmp_path, TWO * 500, name)
    content = file.read_bytes()
    generator = np.random.default_rng(0)
    for length in range(0, len(content), 9):
        file.write_bytes(content[:length])
        with pytest.raises(InvalidDataError, match=r"damaged|holds no rows") as caught:
            read_svmlight(file)
        assert str(file) in str(caught.value)
    for place in generator.integers(0, len(content), 60):
        broken = bytearray(content)
        broken[place] ^= 255
        file.write_bytes(broken)
        try:
            read_svmlight(file)  # a name or a date in the header may be anything
        except InvalidDataError as error:
            assert str(file) in str(error)


def test_no_file(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not exist"):
        read_svmlight(tmp_path / "none.svm")
