"""Networks that restore and parse aligned faces."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from realesr.errors import UnsupportedCheckpointError
from realesr.face.alignment import SIDE, Mask
from realesr.face.compatibility import restore_removed_torchvision_module
from realesr.face.dependencies import importing_extra
from realesr.imaging.image import Pixels
from realesr.weights.torch_checkpoint import StateDict, load_state_dict

FACE_CLASSES = (*range(1, 14), 15)
"""Classes of CelebAMask-HQ, in ParseNet's numbering, that belong to a face: skin, features, ears,
lips, hair and earrings; not the background, hat, necklace, neck and clothes."""
FEATHER_SIGMA = 11.0
"""Standard deviation of the blur that feathers the outline of a face, aligned px."""
MARGIN = 10
"""Width of the border of an aligned face whose weight is 0, aligned px."""


class Restorer:
    """GFPGAN (Wang et al., 2021, arXiv 2101.04061) or RestoreFormer (Wang et al., 2022, arXiv
    2201.06374), detected from the parameters.

    The networks come from gfpgan if it is installed, otherwise from spandrel.

    Args:
        path: File of weights.
        device: PyTorch device.

    Raises:
        WeightsError: The file is missing, damaged, or of another model.
        MissingExtraError: gfpgan is installed but cannot be imported.
    """

    def __init__(self, path: Path, device: str) -> None:
        state = load_state_dict(path)
        self._device = device
        self._is_gfpgan = "toRGB.0.weight" in state
        if not self._is_gfpgan and "quantize.embedding.weight" not in state:
            raise UnsupportedCheckpointError(
                f"{path} is neither a clean GFPGAN nor a RestoreFormer"
            )
        try:
            network = make_network(state, is_gfpgan=self._is_gfpgan)
        except RuntimeError as error:
            raise UnsupportedCheckpointError(
                f"{path} looks like a network for faces, but its parameters do not fit"
            ) from error
        self._network = network.eval().requires_grad_(False).to(device)

    @torch.inference_mode()
    def __call__(self, faces: Sequence[Pixels]) -> list[Pixels]:
        """Restores aligned faces, (SIDE, SIDE, 3) uint8 RGB each, in one batch."""
        x = _as_tensor(faces, self._device)
        # Noise that changed from frame to frame would make faces flicker.
        options = {"return_rgb": False, "randomize_noise": False} if self._is_gfpgan else {}
        restored: Tensor = self._network(x, **options)[0]
        values = (restored.float().clamp(-1, 1) + 1) * 127.5
        return list(values.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


class FaceParser:
    """ParseNet from facexlib, which finds the pixels of an aligned face that belong to the face.

    Args:
        path: File of weights.
        device: PyTorch device.

    Raises:
        MissingExtraError: facexlib is not installed.
        WeightsError: The file is missing, damaged, or of another model.
    """

    def __init__(self, path: Path, device: str) -> None:
        with importing_extra():
            from facexlib.parsing.parsenet import ParseNet
        network = ParseNet(in_size=SIDE, out_size=SIDE, parsing_ch=19)
        try:
            network.load_state_dict(load_state_dict(path))
        except RuntimeError as error:
            raise UnsupportedCheckpointError(f"{path} is not the ParseNet of facexlib") from error
        self._network = network.eval().requires_grad_(False).to(device)
        self._device = device

    @torch.inference_mode()
    def __call__(self, faces: Sequence[Pixels]) -> list[Mask]:
        """Returns feathered masks of restored faces, (SIDE, SIDE, 3) uint8 RGB each."""
        classes = self._network(_as_tensor(faces, self._device))[0].argmax(1).cpu().numpy()
        return [feathered(np.isin(each, FACE_CLASSES)) for each in classes]


def feathered(is_face: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Mask:
    """Feathers a mask, so that pasted faces have no seams.

    Args:
        is_face: (SIDE, SIDE) bool.

    Returns:
        (SIDE, SIDE) float32, 0 to 1, 0 at the borders of the square.
    """
    soft = cv2.GaussianBlur(is_face.astype(np.float32), (0, 0), FEATHER_SIGMA)
    places = np.arange(SIDE)
    ramp = np.clip((np.minimum(places, places[::-1]) - MARGIN) / (4 * MARGIN), 0, 1)
    mask = soft * np.minimum.outer(ramp, ramp)
    return np.where(mask < 1 / 255, 0, mask).astype(np.float32)


def make_network(state: StateDict, *, is_gfpgan: bool) -> nn.Module:
    """Builds a network, from gfpgan or spandrel, and loads its parameters strictly.

    Args:
        state: Parameters of the network.
        is_gfpgan: Whether they are GFPGAN's; otherwise they are RestoreFormer's.

    Raises:
        MissingExtraError: gfpgan is installed but cannot be imported.
        RuntimeError: The parameters do not fit.
    """
    maker: Callable[[StateDict], nn.Module] = _from_spandrel
    if importlib.util.find_spec("gfpgan") is not None:
        maker = _gfpgan if is_gfpgan else _restoreformer
    return maker(state)


def _gfpgan(state: StateDict) -> nn.Module:
    restore_removed_torchvision_module()
    with importing_extra():
        from gfpgan.archs.gfpganv1_clean_arch import GFPGANv1Clean
    network: nn.Module = GFPGANv1Clean(
        out_size=SIDE,
        channel_multiplier=2,
        fix_decoder=False,
        input_is_latent=True,
        different_w=True,
        sft_half=True,
    )
    network.load_state_dict(state)
    return network


def _restoreformer(state: StateDict) -> nn.Module:
    restore_removed_torchvision_module()
    with importing_extra():
        from gfpgan.archs.restoreformer_arch import RestoreFormer
    with redirect_stdout(StringIO()):  # it prints a line, and standard output may be an image
        network: nn.Module = RestoreFormer()
    network.load_state_dict(state)
    return network


def _from_spandrel(state: StateDict) -> nn.Module:
    from spandrel import ModelLoader, UnsupportedModelError

    try:
        network: nn.Module = ModelLoader().load_from_state_dict(state).model
    except UnsupportedModelError as error:
        raise RuntimeError("spandrel does not recognize the parameters") from error
    return network


def _as_tensor(faces: Sequence[Pixels], device: str) -> Tensor:
    """Stacks N faces: (N, 3, SIDE, SIDE) float32 RGB in [-1, 1]."""
    values = torch.from_numpy(np.stack(faces)).to(device).float()
    return (values / 127.5 - 1).permute(0, 3, 1, 2).contiguous()
