"""Orders for new pictures: what may be asked for, and the sheet that is the answer."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ogive._errors import nearest_name
from ogive.web.limits import Limits
from ogive.web.pictures import sheet
from ogive.web.refusal import RefusedError, in_words
from ogive.web.sampler import PictureSampler
from ogive.web.text import printable

LARGEST_SEED = 2**32 - 1


class Order(BaseModel):
    """Pictures that are asked for.

    Attributes
    ----------
    label : str or None
        The name of a class, in JSON "class"; None for all.
    count, seed, steps : int
        What is left out of a request is that of `usual_order`.

    Examples
    --------
    >>> Order.model_validate({"class": "cat", "count": 4})
    Order(label='cat', count=4, seed=0, steps=20)
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    label: str | None = Field(None, alias="class")
    count: int = 16
    seed: int = 0
    steps: int = 20


def usual_order(limits: Limits) -> Order:
    """Return what is made unless something else is asked for: no more than may be.

    Examples
    --------
    >>> usual_order(Limits(count=9))
    Order(label=None, count=9, seed=0, steps=20)
    """
    usual = Order.model_validate({})
    return usual.model_copy(
        update={"count": min(usual.count, limits.count), "steps": min(usual.steps, limits.steps)}
    )


def read_order(body: bytes, generator: PictureSampler, limits: Limits) -> Order:
    """Return the order in a JSON body.

    Raises
    ------
    RefusedError
        If it is none, asks for a class that the generator does not know, or for too much (422).
    """
    try:
        order = Order.model_validate_json(body)
    except ValidationError as error:
        raise _wrong(in_words(error)) from error
    order = order.model_copy(update=usual_order(limits).model_dump(exclude=order.model_fields_set))
    bounds = {
        "count": (1, limits.count),
        "steps": (1, limits.steps),
        "seed": (0, LARGEST_SEED),
    }
    for name, (least, most) in bounds.items():
        value = getattr(order, name)
        if not least <= value <= most:
            raise _wrong(f"{name}={value!s:.20}: it must be from {least:,} to {most:,}.")
    if order.label is not None and order.label not in class_names(generator):
        nearest = nearest_name(order.label, class_names(generator))
        raise _wrong(f"class={order.label!r:.60} is unknown; {nearest}.")
    return order


def class_names(generator: PictureSampler) -> list[str]:
    """Return what the classes are called in orders, in their order."""
    return [printable(name) for name in generator.classes]


def generate(generator: PictureSampler, order: Order) -> bytes:
    """Return the pictures of an order as one PNG file."""
    label = None if order.label is None else class_names(generator).index(order.label)
    pictures = generator.sample(order.count, label=label, seed=order.seed, steps=order.steps)
    return sheet(pictures)


def _wrong(sentence: str) -> RefusedError:
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, sentence)
