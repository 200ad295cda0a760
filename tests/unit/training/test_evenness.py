import torch

from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.training.evenness import even_out


def network() -> SRVGGNetCompact:
    torch.manual_seed(3)
    return SRVGGNetCompact(num_feat=16, num_conv=2).eval()


def pattern(net: SRVGGNetCompact, color: tuple[float, float, float]) -> float:
    """The largest deviation inside an even picture, far from its borders."""
    picture = torch.tensor(color)[None, :, None, None].expand(1, 3, 16, 16)
    with torch.no_grad():
        inner = net(picture)[0, :, 24:40, 24:40]
    return float((inner - inner.mean((1, 2), keepdim=True)).abs().max())


def test_even_colors_become_even():
    before = network()
    after = even_out(before, [], ridge=1e-9)
    for color in ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.8, 0.3, 0.1), (1.0, 1.0, 1.0)):
        assert pattern(before, color) > 0.02
        assert pattern(after, color) < 0.1 * pattern(before, color)


def test_the_mean_of_even_colors_stays():
    before = network()
    after = even_out(before, [], ridge=1e-9)
    picture = torch.full((1, 3, 16, 16), 0.4)
    with torch.no_grad():
        means = [net(picture)[0, :, 24:40, 24:40].mean((1, 2)) for net in (before, after)]
    assert torch.allclose(means[0], means[1], atol=1e-3)


def test_pictures_hold_the_correction_down():
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 24, 24)
    before = network()
    changes = []
    for hold in (0.0, 0.03, 100.0):
        after = even_out(before, [picture], hold=hold)
        with torch.no_grad():
            changes.append(float((after(picture) - before(picture)).pow(2).mean()))
    assert changes[0] > changes[1] > 10 * changes[2] > 0


def test_the_network_itself_stays():
    before = network()
    weight = before.body[-1].weight.clone()
    even_out(before, [])
    assert torch.equal(before.body[-1].weight, weight)
