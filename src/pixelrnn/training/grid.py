"""Images side by side in one picture that a person can read."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torchvision.utils import make_grid

from pixelrnn.data.quantize import stretch
from pixelrnn.files import replacing
from pixelrnn.types import Bool, Images, Tensor

GAP = 4  # pixels between images
GRAY = 96
ORANGE = (240, 110, 40)


def image_grid(images: Images, levels: int, columns: int = 8, side: int = 64) -> Tensor:
    """uint8 (3, H, W): levels 0..K-1 stretched to black..white, pixels repeated until an image is about `side` high."""
    return make_grid(_enlarge(images, levels, side), nrow=columns, padding=GAP, pad_value=GRAY)


def completion_grid(
    completions: np.ndarray, known: Bool[Tensor, "h w"], levels: int, side: int = 64
) -> Tensor:
    """uint8 (3, H, W): a row for each image, first itself, then its completions; a line around what was `known`.

    `completions`: integers (n, 1 + k, c, h, w).
    """
    n, across = completions.shape[:2]
    h, _ = known.shape
    large = (
        _enlarge(torch.from_numpy(completions), levels, max(side, 4 * h))
        .expand(n, across, 3, -1, -1)
        .clone()
    )
    large[..., _border(known, large.shape[-2] // h)] = torch.tensor(ORANGE, dtype=torch.uint8)[
        :, None
    ]
    tiles = F.pad(large, (0, GAP, 0, GAP), value=GRAY)
    page = F.pad(
        tiles.permute(2, 0, 3, 1, 4).flatten(1, 2).flatten(2, 3), (GAP, 0, GAP, 0), value=GRAY
    )
    first, others = page.tensor_split([tiles.shape[-1] + GAP], dim=-1)
    return torch.cat([first, first[..., :GAP], others], -1)  # the images stand a little apart


def save_grid(
    images: Images, levels: int, path: str | Path, columns: int = 8, side: int = 64
) -> None:
    """Replace `path` by `image_grid` as a PNG."""
    save_picture(image_grid(images, levels, columns, side), path)


def save_picture(picture: Tensor, path: str | Path) -> None:
    """Replace `path` by a uint8 (3, H, W) picture as a PNG."""
    with replacing(Path(path)) as new:
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(new, "PNG")


def _enlarge(images: Tensor, levels: int, side: int) -> Tensor:
    """Nearest neighbor, by a whole factor: pixels stay squares."""
    bytes_ = torch.from_numpy(stretch(images.cpu().numpy(), levels))
    repeat = max(1, side // images.shape[-2])
    return bytes_.repeat_interleave(repeat, -2).repeat_interleave(repeat, -1)


def _border(known: Bool[Tensor, "h w"], repeat: int) -> Bool[Tensor, "H W"]:
    """The enlarged pixels on both sides of where known and unknown meet."""
    known = known.repeat_interleave(repeat, 0).repeat_interleave(repeat, 1)
    border = torch.zeros_like(known)
    down, right = known[1:] != known[:-1], known[:, 1:] != known[:, :-1]
    border[1:] |= down
    border[:-1] |= down
    border[:, 1:] |= right
    border[:, :-1] |= right
    return border
