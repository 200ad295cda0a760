"""Networks for faces with random values, and images with real faces."""

import importlib.util
import warnings
from pathlib import Path

import pytest
import torch

from realesr.face.compatibility import restore_removed_torchvision_module


def needs_extra(package: str) -> pytest.MarkDecorator:
    """Skips where a package of the extra ``face`` is not installed."""
    is_missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(is_missing, reason=f"{package} of the extra `face` is not installed")


def random_gfpgan(path: Path) -> None:
    """Writes a clean GFPGAN, 350 MB, as the official file has it."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if importlib.util.find_spec("gfpgan") is not None:
            restore_removed_torchvision_module()
            from gfpgan.archs.gfpganv1_clean_arch import GFPGANv1Clean as Network
        else:
            from spandrel.architectures.GFPGAN import GFPGAN as Network  # noqa: N811
    network = Network(
        out_size=512,
        num_style_feat=512,
        channel_multiplier=2,
        fix_decoder=False,
        num_mlp=8,
        input_is_latent=True,
        different_w=True,
        narrow=1,
        sft_half=True,
    )
    torch.save({"params_ema": network.state_dict()}, path)


def random_parsenet(path: Path) -> None:
    """Writes a ParseNet, 85 MB, as the official file has it."""
    from facexlib.parsing.parsenet import ParseNet

    torch.manual_seed(0)
    torch.save(ParseNet(in_size=512, out_size=512, parsing_ch=19).state_dict(), path)
