import torch

from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.training.color_fit import fit_color

LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)


def network(seed: int = 3) -> SRVGGNetCompact:
    torch.manual_seed(seed)
    return SRVGGNetCompact(num_feat=16, num_conv=2).eval()


def outputs(net: SRVGGNetCompact, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The luma, and what the channels differ from it."""
    with torch.no_grad():
        found = net(image)[0]
    luma = (found * LUMA).sum(0, keepdim=True)
    return luma, found - luma


def pairs(wanted: SRVGGNetCompact, count: int = 12):
    """Images, and what a network makes of them."""
    torch.manual_seed(1)
    for _ in range(count):
        image = torch.rand(1, 3, 24, 24)
        with torch.no_grad():
            yield image, wanted(image)


def test_color_becomes_that_of_the_clean_images_and_luma_stays():
    before, wanted = network(), network()
    with torch.no_grad():
        wanted.body[-1].weight.mul_(1.5)
        wanted.body[-1].bias.add_(0.1)
    after = fit_color(before, pairs(wanted), hold=1e-12)
    image = torch.rand(1, 3, 20, 28)
    old, new, clean = (outputs(net, image) for net in (before, after, wanted))
    torch.testing.assert_close(new[0], old[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(new[1], clean[1], atol=1e-3, rtol=0)
    assert (old[1] - clean[1]).abs().max() > 0.02


def test_a_strong_hold_leaves_the_network_alone():
    before = network()
    after = fit_color(before, pairs(network(seed=4)), hold=1e6)
    for first, second in zip(before.parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(first, second, atol=1e-4, rtol=0)


def test_the_given_network_is_not_changed():
    before = network()
    kept = before.body[-1].weight.clone()
    fit_color(before, pairs(network(seed=4)))
    assert torch.equal(before.body[-1].weight, kept)
