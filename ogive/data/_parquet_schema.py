"""Which column of a parquet file holds the pictures, and which the labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ogive._errors import InvalidDataError, InvalidParameterError, nearest_name

_LABEL_NAMES = ("label", "labels", "class", "target", "y")


class Columns(NamedTuple):
    """The two columns, and the class names where the metadata have them."""

    image: str
    label: str
    classes: tuple[str, ...] | None


def holds_pictures(path: Path) -> bool:
    """Tell whether a parquet file has a column of pictures, or is none that can be opened.

    Then the reader of pictures is the one to say what is wrong with it.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
        import pyarrow.types as kinds
    except ImportError:
        return True
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return True
    return any(_has_bytes(field.type, kinds) for field in schema)


def find_columns(schema: Any, image: str | None, label: str | None, origin: str) -> Columns:
    """Find the two columns in an arrow schema; `image` and `label` overrule the search.

    Raises
    ------
    InvalidDataError
        If a column is not found, or there are several candidates.
    InvalidParameterError
        If `image` or `label` names no column of a fitting type.
    """
    import pyarrow.types as kinds

    features = _hub_features(schema)
    pictures = {field.name for field in schema if _has_bytes(field.type, kinds)}
    targets = {field.name for field in schema if _is_label(field.type, kinds)}
    tagged = [name for name in schema.names if _tag(features, name) == "Image" and name in pictures]
    image = _choose("image", image, pictures, tagged, origin)
    tagged = [name for name in schema.names if _tag(features, name) == "ClassLabel"]
    tagged = [name for name in tagged if name in targets]
    known = [name for name in _LABEL_NAMES if name in targets][:1]
    label = _choose("label", label, targets, tagged or known, origin)
    names = features[label].get("names") if _tag(features, label) == "ClassLabel" else None
    classes = tuple(str(name) for name in names) if isinstance(names, list) and names else None
    return Columns(image, label, classes)


def _choose(role: str, wanted: str | None, fit: set[str], tagged: list[str], origin: str) -> str:
    """Return the wanted column, or the only candidate: a tagged one before any that fits."""
    if wanted is not None:
        if wanted not in fit:
            raise InvalidParameterError(
                f"{role}={wanted!r} is no {role} column of {origin}: {nearest_name(wanted, fit)}"
            )
        return wanted
    candidates = tagged or sorted(fit)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        layout = "a struct with 'bytes'" if role == "image" else "integers or strings"
        raise InvalidDataError(f"{origin} has no {role} column ({layout}): add one")
    raise InvalidDataError(
        f"{origin} has several {role} columns ({', '.join(candidates)}): pass {role}=<name>"
    )


def _hub_features(schema: Any) -> dict[str, dict[str, Any]]:
    """Return the hub's description of each column; empty if there is none that can be read."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _tag(features: dict[str, dict[str, Any]], name: str) -> str | None:
    return features.get(name, {}).get("_type")


def _has_bytes(column: Any, kinds: Any) -> bool:
    if not kinds.is_struct(column):
        return False
    index = column.get_field_index("bytes")
    return index >= 0 and (
        kinds.is_binary(column.field(index).type) or kinds.is_large_binary(column.field(index).type)
    )


def _is_label(column: Any, kinds: Any) -> bool:
    # Pandas' categories arrive as dictionaries of strings.
    plain = column.value_type if kinds.is_dictionary(column) else column
    return (
        kinds.is_integer(plain)
        or kinds.is_boolean(plain)
        or kinds.is_string(plain)
        or kinds.is_large_string(plain)
    )
