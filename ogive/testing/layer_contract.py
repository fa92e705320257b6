"""What every layer of `ogive.nn` must do; each check takes a `LayerCase`."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ogive.testing.tolerances import assert_close

LayerCheck = Callable[["LayerCase"], None]

# A sum of rounded bfloat16 products, 8 bits each, through an epilogue of slope about 1.
_BFLOAT16_ERROR = 0.1


@dataclass(frozen=True)
class LayerCase:
    """A layer and inputs for it.

    Attributes
    ----------
    name : str
        Shown by the tests.
    make : callable(dtype) -> Module
        A new layer with parameters of that type, small enough for finite differences.
    inputs : callable(dtype) -> tuple of Tensors
        The same each time; of ordinary size, so that bfloat16 can represent the answer.
    leading : bool, default True
        Whether the first input may have any number of dimensions before its last.
    twice : bool, default True
        Whether it can be differentiated twice (no backward pass of its own).
    """

    name: str
    make: Callable[[torch.dtype], nn.Module]
    inputs: Callable[[torch.dtype], tuple[Tensor, ...]]
    leading: bool = True
    twice: bool = True

    def __str__(self) -> str:
        return self.name


def check_gradients(case: LayerCase) -> None:
    """Gradients in float64 agree with finite differences, for inputs and parameters."""
    function, arguments = _function(case)
    assert torch.autograd.gradcheck(function, arguments)


def check_second_gradients(case: LayerCase) -> None:
    """So do gradients of gradients, unless the backward pass is the layer's own."""
    if case.twice:
        function, arguments = _function(case)
        assert torch.autograd.gradgradcheck(function, arguments)


def check_parameters_learn(case: LayerCase) -> None:
    """Every parameter that asks for a gradient gets one that is not zero throughout."""
    torch.manual_seed(0)
    layer = case.make(torch.float64)
    answer = _first(layer(*case.inputs(torch.float64)))
    generator = torch.Generator().manual_seed(1)
    (answer * torch.randn(answer.shape, generator=generator, dtype=answer.dtype)).sum().backward()
    for name, parameter in layer.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} has no gradient"
            assert bool(parameter.grad.any()), f"the gradient of {name} is 0"


def check_state_dict(case: LayerCase) -> None:
    """Write a layer's state and read it into another, which must give the same answers."""
    torch.manual_seed(0)
    layer = case.make(torch.float32).eval()
    torch.manual_seed(1)
    other = case.make(torch.float32).eval()
    inputs = case.inputs(torch.float32)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(_first(layer(*inputs)), _first(other(*inputs)))


def check_copies(case: LayerCase) -> None:
    """Copy and pickle: both give the same answers and share nothing."""
    torch.manual_seed(0)
    layer = case.make(torch.float32).eval()
    inputs = case.inputs(torch.float32)
    expected = _first(layer(*inputs)).detach()
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    copies = [copy.deepcopy(layer), torch.load(file, weights_only=False)]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    for other in copies:
        assert torch.equal(_first(other(*inputs)), expected)


def check_reset(case: LayerCase) -> None:
    """Reset with the same seed: the same parameters, for torch's generator decides them."""
    torch.manual_seed(3)
    layer = case.make(torch.float32)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    torch.manual_seed(3)
    layer.reset_parameters()  # type: ignore[operator]
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name]), f"{name} differs"


def check_dtype(case: LayerCase) -> None:
    """Parameters and answers have the type that was asked for."""
    for dtype in (torch.float32, torch.float64):
        layer = case.make(dtype)
        assert {p.dtype for p in layer.parameters()} <= {dtype}
        assert _first(layer(*case.inputs(dtype))).dtype == dtype


def check_single_precision(case: LayerCase) -> None:
    """Float32 answers agree with float64 ones."""
    torch.manual_seed(0)
    layer = case.make(torch.float64).eval()
    inputs = case.inputs(torch.float64)
    expected = _first(layer(*inputs))
    single = tuple(_converted(t, torch.float32) for t in inputs)
    found = _first(layer.float()(*single))
    assert_close(found, expected, "product", torch.float32, context=case.name)


def check_autocast(case: LayerCase) -> None:
    """Under bfloat16 autocast answers stay near, and gradients arrive in float32."""
    torch.manual_seed(0)
    layer = case.make(torch.float32)
    inputs = case.inputs(torch.float32)
    expected = _first(layer(*inputs)).detach()
    with torch.autocast("cpu", torch.bfloat16):
        answer = _first(layer(*inputs))
    error = float((answer.detach().float() - expected).abs().max() / (1 + expected.abs().max()))
    assert error < _BFLOAT16_ERROR, f"bfloat16 is off by {error:.2g}"
    answer.float().sum().backward()
    for name, parameter in layer.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} has no gradient"
            assert bool(torch.isfinite(parameter.grad).all()), (
                f"the gradient of {name} is not finite"
            )


def check_compile(case: LayerCase) -> None:
    """Compile to one graph, which gives the same answers."""
    torch.manual_seed(0)
    layer = case.make(torch.float32)
    inputs = case.inputs(torch.float32)
    expected = _first(layer(*inputs))
    expected.sum().backward()
    gradients = {name: p.grad for name, p in layer.named_parameters()}
    layer.zero_grad()
    torch._dynamo.reset()
    answer = _first(torch.compile(layer, backend="eager", fullgraph=True)(*inputs))
    assert_close(answer, expected, "product", torch.float32, context="compiled")
    answer.sum().backward()
    for name, parameter in layer.named_parameters():
        if gradients[name] is not None:
            assert_close(
                parameter.grad, gradients[name], "gradient", torch.float32, context=f"d{name}"
            )


def check_export(case: LayerCase) -> None:
    """Export; the program gives the same answers."""
    torch.manual_seed(0)
    layer = case.make(torch.float32).eval()
    inputs = case.inputs(torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own parts
        program = torch.export.export(layer, inputs)
    answer = _first(program.module()(*inputs))
    assert_close(answer, _first(layer(*inputs)), "product", torch.float32, context="exported")


def check_leading_dimensions(case: LayerCase) -> None:
    """More leading dimensions, or none, or none of any size, change nothing but the shape."""
    if not case.leading:
        return
    torch.manual_seed(0)
    layer = case.make(torch.float64).eval()
    first, *rest = case.inputs(torch.float64)
    expected = _first(layer(first, *rest))
    assert expected.shape[:-1] == first.shape[:-1]
    deeper = _first(layer(torch.stack([first, 2 * first])[None], *rest))
    assert deeper.shape == (1, 2, *expected.shape)
    assert_close(deeper[0, 0], expected, "product", torch.float64, context="more dimensions")
    single = _first(layer(first.reshape(-1, first.shape[-1])[0], *rest))
    row = expected.reshape(-1, expected.shape[-1])[0]
    assert_close(single, row, "product", torch.float64, context="no leading dimension")
    none = _first(layer(first.reshape(-1, first.shape[-1])[:0], *rest))
    assert none.shape == (0, expected.shape[-1])


def check_cuda(case: LayerCase) -> None:
    """Where there is a GPU, it gives the same answers."""
    if not torch.cuda.is_available():
        return
    torch.manual_seed(0)
    layer = case.make(torch.float64).eval()
    inputs = case.inputs(torch.float64)
    expected = _first(layer(*inputs))
    found = _first(layer.cuda()(*(t.cuda() for t in inputs)))
    assert found.device.type == "cuda"
    assert_close(found.cpu(), expected, "fit", torch.float64, context="on the GPU")


def check_printed_form(case: LayerCase) -> None:
    """Print: the text names the layer and says something about it."""
    text = repr(case.make(torch.float32))
    assert text.startswith(type(case.make(torch.float32)).__name__)
    assert "()" not in text, f"nothing is said in {text}"


LAYER_CHECKS: tuple[LayerCheck, ...] = (
    check_gradients,
    check_second_gradients,
    check_parameters_learn,
    check_state_dict,
    check_copies,
    check_reset,
    check_dtype,
    check_single_precision,
    check_autocast,
    check_compile,
    check_export,
    check_leading_dimensions,
    check_cuda,
    check_printed_form,
)


def check_layer(case: LayerCase) -> None:
    """Run every check."""
    for check in LAYER_CHECKS:
        check(case)


def _function(case: LayerCase) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    """Return a function of inputs and parameters, and both, all of them asking for gradients."""
    torch.manual_seed(0)
    layer = case.make(torch.float64)
    layer(*case.inputs(torch.float64))  # what is done once, with the first batch, is done
    inputs = tuple(
        t.detach().clone().requires_grad_() if t.is_floating_point() else t
        for t in case.inputs(torch.float64)
    )
    names = [name for name, p in layer.named_parameters() if p.requires_grad]
    values = tuple(dict(layer.named_parameters())[name].detach().clone() for name in names)

    def function(*arguments: Tensor) -> Tensor:
        given = dict(zip(names, arguments[len(inputs) :], strict=True))
        return _first(functional_call(layer, given, arguments[: len(inputs)]))

    return function, (*inputs, *(v.requires_grad_() for v in values))


def _first(answer: Tensor | tuple[Tensor, ...]) -> Tensor:
    return answer if isinstance(answer, Tensor) else answer[0]


def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
