"""Reading recipes: TOML files, and settings that pydantic checks, refused in a sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ogive._errors import DataNotFoundError, InvalidParameterError, nearest_name

Settings = TypeVar("Settings", bound=BaseModel)


def read_recipe_file(path: str | Path) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises
    ------
    DataNotFoundError
        If it is not there.
    InvalidParameterError
        If it is no text, or no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataNotFoundError(f"recipe={str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidParameterError(f"recipe={str(path)!r} is no text file") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidParameterError(f"recipe={str(path)!r} is no TOML: {error}") from None


def checked(
    kind: type[Settings],
    given: dict[str, Any],
    origin: str,
    tables: Mapping[str, type[BaseModel]] | None = None,
) -> Settings:
    """Return settings of a kind.

    Parameters
    ----------
    kind : type
        A pydantic model.
    given : dict
    origin : str
        Where they are from, for messages.
    tables : mapping, optional
        The models of tables within, by name.

    Raises
    ------
    InvalidParameterError
        Naming the first setting that is wrong, its value, and the rule.

    Examples
    --------
    >>> class Few(BaseModel):
    ...     number: int = 1
    >>> checked(Few, {"number": 3}, "the recipe")
    Few(number=3)
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
    place = first["loc"]
    name = ".".join(map(str, place))
    if first["type"] == "extra_forbidden":
        holder = kind if len(place) == 1 else (tables or {})[str(place[0])]
        known = nearest_name(str(place[-1]), holder.model_fields)
        raise InvalidParameterError(f"{origin}: {name} is unknown; {known}")
    rule = first["msg"][0].lower() + first["msg"][1:]
    raise InvalidParameterError(f"{origin}: {name}={first['input']!r}: {rule}")
