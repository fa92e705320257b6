"""Forgeries of the values and arrays of a model file, each drawn by a generator.

They change what they are given; ``other`` holds values and arrays of another file, to borrow from.
"""

from copy import deepcopy

import numpy as np

WILD = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 12, 2**31, 2**53, 2**63, -(2**63), 2**64 - 1),
    *(0.0, -0.0, 0.5, -1.5, 1e-300, 1e300, -1e300, 1e38, 5e-324, float("inf"), float("-inf")),
    *("", "auto", "scale", "suggest", "rbf", "precomputed", "1 GB", "1 B", "nystroem"),
    *("csr_matrix", "columns", "\udcff", "x" * 500),
    *([], {}, [1], [[1, 2]], [12, 4], [4, 12], {"class": "Linear"}, {"name": "rbf"}),
    *({"method": "uniform"}, ["a", "b"], ["a", "bb", "c"]),
]
NUMBERS = [0, 1, -1, 2, 3, 4, 5, 11, 12, 13, 100, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63)]


def objects(values):
    """Return every object within nested values."""
    inner = [
        found for value in values.values() if isinstance(value, dict) for found in objects(value)
    ]
    return [values, *inner]


def pick(generator, items):
    return items[generator.integers(len(items))]


def change_value(values, arrays, generator, other):
    place = pick(generator, [found for found in objects(values) if found])
    place[pick(generator, list(place))] = deepcopy(pick(generator, WILD))


def remove_value(values, arrays, generator, other):
    place = pick(generator, [found for found in objects(values) if found])
    del place[pick(generator, list(place))]


def borrow_value(values, arrays, generator, other):
    source = pick(generator, [found for found in objects(other[0]) if found])
    name = pick(generator, list(source))
    places = [found for found in objects(values) if name in found] or [values]
    pick(generator, places)[name] = deepcopy(source[name])


def add_value(values, arrays, generator, other):
    pick(generator, objects(values))[f"more{generator.integers(3)}"] = deepcopy(
        pick(generator, WILD)
    )


def change_numbers(values, arrays, generator, other):
    name = pick(generator, list(arrays))
    array = arrays[name].copy().reshape(-1)
    if array.size:
        place = generator.integers(array.size, size=generator.integers(1, 3))
        with np.errstate(all="ignore"):
            array[place] = np.array(pick(generator, NUMBERS)).astype(array.dtype)
    arrays[name] = array.reshape(arrays[name].shape)


def scale_numbers(values, arrays, generator, other):
    name = pick(generator, list(arrays))
    with np.errstate(all="ignore"):
        factor = pick(generator, [0.0, -1.0, 1e-30, 1e30, 1e150, 1e300])
        arrays[name] = (arrays[name] * factor).astype(arrays[name].dtype)


def change_dtype(values, arrays, generator, other):
    name = pick(generator, list(arrays))
    with np.errstate(all="ignore"):
        arrays[name] = arrays[name].astype(
            pick(generator, ["f2", "f4", "f8", "i1", "i4", "i8", "u8", "?"])
        )


def change_shape(values, arrays, generator, other):
    name = pick(generator, list(arrays))
    array = arrays[name]
    arrays[name] = pick(
        generator,
        [array.T, array.reshape(-1), array[None], array[1:] if array.ndim else array, array.T[:1].T]
        if array.ndim
        else [array[None], array[None, None]],
    )


def drop_array(values, arrays, generator, other):
    del arrays[pick(generator, list(arrays))]


def borrow_array(values, arrays, generator, other):
    name = pick(generator, list(other[1]))
    arrays[pick(generator, [*arrays, name])] = other[1][name]


def rename_array(values, arrays, generator, other):
    array = arrays.pop(pick(generator, list(arrays)))
    arrays[pick(generator, [*arrays, "../x", "model.fitted.kernel_.beta", ""])] = array


def tamper_sparse(values, arrays, generator, other):
    """Change what scipy's compiled code would trust: columns, row limits, width."""
    names = [name for name in arrays if name.endswith((".indices", ".indptr"))]
    if not names:
        change_numbers(values, arrays, generator, other)
        return
    name = pick(generator, names)
    array = arrays[name].astype(pick(generator, [np.int32, np.int64]))
    with np.errstate(all="ignore"):
        number = np.array(pick(generator, NUMBERS)).astype(array.dtype)
    kind = generator.integers(5)
    if kind == 0:
        array[generator.integers(len(array))] = number
    elif kind == 1:
        array = generator.permutation(array)
    elif kind == 2:
        array = array + number
    elif kind == 3:
        array = np.append(array, number)
    else:
        claim_shape(values, generator)
    arrays[name] = array


def claim_shape(values, generator):
    """Change the shape that sparse rows claim, sometimes with the number of columns."""
    places = [found for found in objects(values) if "shape" in found]
    width = pick(generator, [4, 3, 0, 2**20, 2**31, 2**61])
    for place in places:
        place["shape"] = [pick(generator, [12, 12, 12, 11, 13, 0, 2**40]), width]
    for place in objects(values):
        if "n_features_in_" in place and generator.random() < 0.5:
            place["n_features_in_"] = width


FORGERIES = [change_value, remove_value, borrow_value, add_value, change_numbers, scale_numbers]
FORGERIES += [change_dtype, change_shape, drop_array, borrow_array, rename_array, tamper_sparse]
WEIGHTS = np.array([6, 1, 2, 0.5, 5, 4, 1, 1, 0.5, 1, 0.5, 4])
