"""Flow matching: the coupling, the batches, the network and its gradients, the integration."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ogive._errors import InvalidDataError
from ogive.images.generation.batches import FlowBatches
from ogive.images.generation.coupling import couple
from ogive.images.generation.flow import guided, integrate
from ogive.images.generation.layers import SiluConv2d, SoftmaxAttention
from ogive.images.generation.network import FlowNetwork, NetworkShape
from ogive.images.generation.pixels import from_pixels, to_pixels, whole_pixels
from ogive.nn import SigmoidAttention
from ogive.nn.units import KernelUnits


def small(shape=(12, 10, 1), kernel="sigmoid", classes=3):
    torch.manual_seed(0)
    return FlowNetwork(NetworkShape(shape, classes, kernel, width=8, blocks=1))


def stirred(network):
    """Give a network weights that are not zero anywhere: what starts at zero hides the rest."""
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(torch.randn(weights.shape) * 0.1)
    return network


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 2))
def test_within_a_class_no_other_coupling_is_shorter(seed, count, classes):
    generator = torch.Generator().manual_seed(seed)
    noise, pictures = torch.randn(2, count, 3, generator=generator)
    labels = torch.randint(classes, (count,), generator=generator)
    order = couple(noise, pictures, labels)
    assert sorted(order.tolist()) == list(range(count))
    assert torch.equal(labels[order], labels)
    length = lambda places: (noise[places] - pictures).square().sum().item()  # noqa: E731
    allowed = (
        torch.tensor(p)
        for p in itertools.permutations(range(count))
        if torch.equal(labels[torch.tensor(p)], labels)
    )
    assert length(order) == pytest.approx(min(map(length, allowed)), abs=1e-5)


def flow_batches(count=50, size=8, unlabelled=0.25, seed=0):
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(256, (count, 1, 4, 4), generator=generator, dtype=torch.uint8)
    return FlowBatches(
        pictures, torch.arange(count) % 3, 3, size=size, unlabelled=unlabelled, seed=seed
    )


def test_a_batch_lies_on_straight_paths_to_its_pictures():
    batches = flow_batches()
    batch = batches[3]
    time = batch.time[:, None, None, None]
    ends = batch.place + (1 - time) * batch.velocity
    wanted = from_pixels(batches.pictures[batches.rows[3]])
    assert torch.allclose(ends, wanted, atol=1e-5)
    starts = batch.place - time * batch.velocity
    assert abs(starts.mean()) < 0.3 and 0.7 < starts.std() < 1.3


def test_batches_depend_on_seed_and_step_alone_whatever_came_before():
    forwards, backwards = flow_batches(), flow_batches()
    last = {step: backwards[step] for step in reversed(range(40))}
    for step in range(40):
        one, other = forwards[step], last[step]
        assert torch.equal(one.place, other.place) and torch.equal(one.label, other.label)
    assert not torch.equal(flow_batches(seed=1)[0].place, last[0].place)


def test_an_epoch_holds_every_picture_and_classes_are_kept_back_now_and_then():
    batches = flow_batches(count=600, size=50)
    labels = torch.cat([batches[step].label for step in range(batches.rows.per_epoch)])
    assert len(labels) == 600 and 0.15 < (labels == 3).float().mean() < 0.35
    assert (flow_batches(unlabelled=0.0)[0].label < 3).all()


@pytest.mark.parametrize("kernel", ["sigmoid", "logistic", "twin"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (17, 5, 3), (64, 33, 1)])
def test_the_velocity_has_the_shape_of_the_picture_and_starts_at_zero(kernel, shape):
    network = small(shape, kernel)
    x = torch.randn(2, shape[2], *shape[:2])
    velocity = network(x, torch.tensor([0.0, 1.0]), torch.tensor([0, 3]))
    assert velocity.shape == x.shape and not velocity.any()


@pytest.mark.parametrize("kernel", ["sigmoid", "logistic", "twin"])
def test_every_weight_of_a_network_learns(kernel):
    network = stirred(small(kernel=kernel))
    x = torch.randn(4, 1, 12, 10)
    network(x, torch.rand(4), torch.tensor([0, 1, 2, 3])).square().sum().backward()
    idle = {name for name, w in network.named_parameters() if w.grad is None or not w.grad.any()}
    # Softmax does not feel an offset, and no attention feels that of its keys.
    allowed = {"attention.attention.coef0", "attention.attention.key_projection.bias"}
    assert idle <= (allowed if kernel == "twin" else set())


def test_time_and_class_matter():
    network = stirred(small())
    x = torch.randn(1, 1, 12, 10)
    answers = [
        network(x, torch.tensor([time]), torch.tensor([label]))
        for time, label in ((0.2, 0), (0.201, 0), (0.8, 0), (0.2, 1), (0.2, 3))
    ]
    for one, other in itertools.combinations(answers, 2):
        assert (one - other).abs().max() > 1e-6


def test_kernel_units_are_not_saturated_and_gradients_live_from_the_start():
    torch.manual_seed(0)
    network = FlowNetwork(NetworkShape((20, 20, 1), 10, width=16))
    units = [module for module in network.modules() if isinstance(module, KernelUnits)]
    answers = []
    hooks = [m.register_forward_hook(lambda m, i, y: answers.append(y)) for m in units]
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(6):  # what starts at zero opens the way to the layers behind it
        answers.clear()
        x = torch.randn(8, 1, 20, 20)
        optimiser.zero_grad()
        (
            network(x, torch.rand(8), torch.arange(8)) - torch.randn_like(x)
        ).square().mean().backward()
        optimiser.step()
    for hook in hooks:
        hook.remove()
    assert len(answers) == len(units) == 16
    assert max((y.abs() > 0.97).float().mean().item() for y in answers) < 0.1
    sizes = [m.weight.grad.norm().item() / m.weight.norm().item() for m in units]
    assert min(sizes) > 1e-7 and max(sizes) / min(sizes) < 1e4


def test_the_twin_has_the_same_parameters_and_another_function_of_them():
    one, twin = small(), small(kernel="twin")
    shapes = lambda network: {n: p.shape for n, p in network.named_parameters()}  # noqa: E731
    assert shapes(one) == shapes(twin)
    layer = SiluConv2d(2, 3, 3, padding=1).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64)
    weight, bias = layer.folded()
    argument = torch.nn.functional.conv2d(x, weight, bias, padding=1)
    assert torch.allclose(layer(x), argument / (1 + (-argument).exp()))


def test_the_twin_of_attention_is_softmax():
    layer = SoftmaxAttention(8, 2, batch_first=True).double()
    torch.nn.init.constant_(layer.gamma, 1.7)
    reference = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    projections = (layer.query_projection, layer.key_projection, layer.value_projection)
    with torch.no_grad():
        weights = [p.weight for p in projections]
        weights[0] = 1.7 * weights[0]
        reference.in_proj_weight.copy_(torch.cat(weights))
        reference.out_proj.load_state_dict(layer.output_projection.state_dict())
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    assert torch.allclose(layer(x, x, x)[0], reference(x, x, x)[0])
    assert isinstance(layer, SigmoidAttention)


def test_the_midpoint_rule_has_order_two():
    exact = math.e
    errors = [abs(integrate(lambda x, t: x, torch.ones(1).double(), n).item() - exact)
              for n in (10, 20)]  # fmt: skip
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    straight = integrate(lambda x, t: torch.full_like(x, 3.0), torch.ones(2), 1)
    assert straight.tolist() == [4.0, 4.0]
    by_time = integrate(lambda x, t: torch.full_like(x, 2 * t), torch.zeros(1), 3)
    assert by_time.item() == pytest.approx(1)


def test_guidance_goes_from_no_class_through_the_class_and_beyond():
    network = stirred(small())
    x, label = torch.randn(2, 1, 12, 10), torch.tensor([1, 2])
    with torch.no_grad():
        free, only, beyond = (guided(network, label, w)(x, 0.3) for w in (0.0, 1.0, 2.0))
        none = network(x, torch.full((2,), 0.3), torch.tensor([3, 3]))
    assert torch.allclose(free, none, atol=1e-6)
    assert torch.allclose(beyond, 2 * only - free, atol=1e-5)
    assert not torch.allclose(free, only, atol=1e-4)


def test_pixels_there_and_back():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(to_pixels(from_pixels(whole_pixels(pixels))), pixels)
    fractions = whole_pixels(pixels / 255)
    assert torch.equal(fractions, whole_pixels(pixels))
    assert torch.equal(whole_pixels(pixels.astype(np.int64)), fractions)
    with pytest.raises(InvalidDataError, match=r"from 0.0 to 16.0; they must be"):
        whole_pixels(np.array([[[[0.0], [16.0]]]]))
