"""Images side by side in one picture that a person can read."""

from pathlib import Path

import torch
from PIL import Image
from torchvision.utils import make_grid

from pixelrnn.types import Images, Tensor


def image_grid(images: Images, levels: int, columns: int = 8, side: int = 64) -> Tensor:
    """uint8 (3, H, W): levels 0..K-1 stretched to black..white, pixels repeated until an image is about `side` high."""
    bytes_ = (images.cpu().double() * (255 / (levels - 1))).round().to(torch.uint8)
    repeat = max(1, side // images.shape[-2])
    large = bytes_.repeat_interleave(repeat, -2).repeat_interleave(repeat, -1)  # nearest neighbor: pixels stay squares
    return make_grid(large, nrow=columns, padding=4, pad_value=96)


def save_grid(images: Images, levels: int, path: str | Path, columns: int = 8) -> None:
    """Write `image_grid` as a PNG."""
    Image.fromarray(image_grid(images, levels, columns).permute(1, 2, 0).numpy()).save(path)
