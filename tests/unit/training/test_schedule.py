import pytest
import torch

from realesr.training.ema import ExponentialMovingAverage
from realesr.training.schedule import AdaptiveSteps, learning_rate


def test_the_learning_rate_rises_stays_and_falls():
    def rate(step):
        return learning_rate(step, warmup_steps=10, decay_steps=40, total_steps=100)

    assert rate(0) == pytest.approx(0.1)
    assert rate(9) == rate(60) == 1
    assert rate(80) == pytest.approx(0.5)
    assert 0 < rate(99) < 0.01


def test_the_moving_average_follows_slowly():
    network = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(network.weight)
    average = ExponentialMovingAverage(network, 0.9)
    torch.nn.init.ones_(network.weight)
    average.update(network, 10_000)
    average.update(network, 10_001)
    assert average.network.weight.item() == pytest.approx(1 - 0.9**2)
    assert network.weight.item() == 1
    assert not average.network.weight.requires_grad


def test_the_moving_average_of_statistics():
    """Those of batch normalization belong to the averaged weights; a count is not averaged."""
    network = torch.nn.BatchNorm2d(1)
    average = ExponentialMovingAverage(network, 0.9)
    network.running_mean.fill_(1)
    network.num_batches_tracked.fill_(7)
    average.update(network, 10_000)
    assert average.network.running_mean.item() == pytest.approx(0.1)
    assert average.network.num_batches_tracked.item() == 7


def test_the_moving_average_forgets_the_first_values_soon():
    network = torch.nn.Linear(1, 1)
    average = ExponentialMovingAverage(network, 0.999)
    torch.nn.init.ones_(network.weight)
    for step in range(50):
        average.update(network, step)
    assert average.network.weight.item() == pytest.approx(1, abs=1e-3)


def test_the_discriminator_waits_while_the_generator_loses_ground():
    adaptive = AdaptiveSteps()
    assert all(adaptive.allows(1.0) for _ in range(50))
    rising = [adaptive.allows(1.0 + 0.05 * step) for step in range(50)]
    assert rising[0] and not any(rising[20:])
    falling = [adaptive.allows(0.5) for _ in range(200)]
    assert falling[-1]
    resumed = AdaptiveSteps()
    resumed.load_state_dict(adaptive.state_dict())
    assert resumed.skipped == adaptive.skipped > 0
    assert [resumed.allows(3.0) for _ in range(9)] == [adaptive.allows(3.0) for _ in range(9)]
