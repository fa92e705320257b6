"""What a training is made of: batches, averages of weights, rates."""

import pytest
import torch

from ogive._errors import InvalidParameterError
from ogive._training import Batches, averaged, one_cycle


@pytest.mark.parametrize(("rows", "size"), [(1, 1), (7, 3), (9, 3), (10, 100), (257, 128)])
def test_every_row_once_an_epoch(rows, size):
    batches = Batches(rows, size, seed=2)
    orders = []
    for epoch in range(2):
        steps = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
        some = [batches[step] for step in steps]
        sizes = {len(batch) for batch in some}
        assert max(sizes) <= size and max(sizes) - min(sizes) <= 1
        orders.append(torch.cat(some))
        assert sorted(orders[-1].tolist()) == list(range(rows))
    assert rows == 1 or not torch.equal(*orders)
    assert torch.equal(Batches(rows, size, seed=2)[batches.per_epoch], batches[batches.per_epoch])


def test_an_average_of_weights_is_the_formula_and_keeps_counts():
    model = torch.nn.BatchNorm1d(2)
    average = averaged(model, 0.7)
    mean = None
    for n in range(20):
        torch.nn.init.constant_(model.weight, float(n))
        model.num_batches_tracked.fill_(n)
        average.update_parameters(model)
        share = 0.0 if mean is None else min(0.7, (1 + n) / (10 + n))
        mean = share * (mean or 0.0) + (1 - share) * n
    assert average.module.weight[0].item() == pytest.approx(mean)
    assert int(average.module.num_batches_tracked) == 19
    for name in ("decay", "average"):
        with pytest.raises(InvalidParameterError, match=f"{name}=1"):
            averaged(model, 1, name=name)


def test_the_rate_rises_and_falls():
    rates = [one_cycle(step, 100) for step in range(100)]
    assert max(rates) == rates[30] == 1 and rates[0] == pytest.approx(0.04) and rates[-1] < 0.001
    assert rates[:31] == sorted(rates[:31]) and rates[30:] == sorted(rates[30:], reverse=True)
    assert [one_cycle(0, 1), one_cycle(0, 5, rising=0)] == [pytest.approx(0.04), 1]
    with pytest.raises(InvalidParameterError, match="rising=2"):
        one_cycle(0, 5, rising=2)
