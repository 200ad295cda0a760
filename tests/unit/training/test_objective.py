from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from realesr.errors import InvalidOptionError
from realesr.training.objective import PHASES, Batch, build_objective, phase
from realesr.training.recipe import LossesConfig, PerceptualConfig, PixelLossConfig

CPU = torch.device("cpu")


def build(losses):
    return build_objective(
        losses, find=Path, device=CPU, discriminator=None, average=torch.nn.Identity()
    )


def batch(step=0):
    generator = torch.Generator().manual_seed(0)
    lr, hr, mix = (torch.rand(2, 3, side, side, generator=generator) for side in (16, 64, 64))
    return Batch(lr, hr, mix, step)


def test_losses_have_their_weights_and_targets():
    sr = torch.zeros(2, 3, 64, 64)
    found = build(
        LossesConfig(l1=PixelLossConfig(weight=2.0), mse=PixelLossConfig(weight=1.0, target="mix"))
    ).generator(sr, batch())
    assert found["l1"] == pytest.approx(2 * batch().hr.mean().item())
    assert found["mse"] == pytest.approx(batch().mix.square().mean().item())


def test_every_shift_comes_and_no_grid_is_preferred():
    shifts = [phase(step) for step in range(PHASES**2)]
    assert len(set(shifts)) == PHASES**2
    assert {down % 2 for down, _ in shifts[:4]} == {0, 1}


def test_features_are_taken_from_shifted_images(tmp_path):
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    path = tmp_path / "squeezenet.safetensors"
    save_file(squeezenet1_1(weights=None).state_dict(), path)
    config = PerceptualConfig(weight=1.0, weights=str(path))
    objective = build(LossesConfig(squeezenet=config))
    sr = torch.zeros(2, 3, 64, 64)
    sr[..., 0, :] = 1  # a line that only the first of these shifts sees
    values = [objective.generator(sr, batch(step))["squeezenet"].item() for step in (0, 1)]
    black = torch.zeros_like(sr)
    plain = [objective.generator(black, batch(step))["squeezenet"].item() for step in (0, 1)]
    assert values[0] != plain[0]
    assert values[1] == plain[1]


def test_features_can_be_those_of_the_teachers_output(tmp_path):
    from torchvision.models import squeezenet1_1

    path = tmp_path / "squeezenet.safetensors"
    save_file(squeezenet1_1(weights=None).state_dict(), path)
    config = PerceptualConfig(weight=1.0, weights=str(path), target="mix")
    objective = build(LossesConfig(squeezenet=config))
    found = objective.generator(batch().mix, batch())["squeezenet"]
    assert found == pytest.approx(0, abs=1e-6)
    assert objective.generator(batch().hr, batch())["squeezenet"] > 0.01


@pytest.mark.parametrize("name", ["squeezenet", "vgg", "srgan_vgg"])
def test_missing_parameters_are_asked_for(name):
    losses = LossesConfig(**{name: PerceptualConfig(weight=1.0)})
    with pytest.raises(InvalidOptionError, match=f"{name}.weights is missing.*--perceptual-weigh"):
        build(losses)
