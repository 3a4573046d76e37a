"""Images to words and back: arithmetic coding with a model's own probabilities.

A range coder (Martin, 1979) spends -log2 p(x_i | x_<i) bits on a level, so that an image costs its
negative log-likelihood. Both directions walk through the images in the model's order, `lanes`
images side by side in one stream: the encoder looks a level up where the decoder reads it. Of the
2^24 steps of the coder's table, level k of K has

    16 (round(p_k (2^20 - K)) + 1)

so that every level, however unlikely, can be coded. The decoder must come to the very table of the
encoder, or all that follows is noise. So both step through the network in float64 and with the same
number of lanes: other processors and libraries differ by some 1e-15, which rounding to 2^-20
swallows. Nearly always: the container's checksums notice where it does not.
"""

import copy
import hashlib
from collections.abc import Callable, Iterator

import constriction
import numpy as np
import torch

from pixelrnn.errors import InputError
from pixelrnn.models.autoregressive import AutoregressiveModel
from pixelrnn.models.classes import ClassConditional, Given
from pixelrnn.models.in_batches import Model, as_levels, full_precision
from pixelrnn.models.scales import MultiScale
from pixelrnn.ops.pixels import known_pixels
from pixelrnn.types import Tensor

ARITHMETIC = 1  # another number for whatever gives other tables
UNITS = 2**20  # a probability is a whole number of these
STEPS = 2**24 // UNITS  # ... and one of them so many steps of constriction's tables

# Levels with their tables: whole float64 (lanes k) and, to encode, int64 (lanes); returns the same.
Code = Callable[[np.ndarray, Tensor], Tensor]
Advance = Callable[[int], object]  # is told how many pixels more are done


def tell_nobody(pixels: int) -> None:
    """Show no progress."""


class Coder:
    """Encode and decode streams by one model, of which it keeps a copy in float64 on the CPU.

    Raises InputError for a model that can't be walked through pixel by pixel.
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model, AutoregressiveModel | MultiScale | ClassConditional):
            raise InputError(
                f"a model of type {type(model).__name__} can't be walked through pixel by pixel"
            )
        self.model: Model = copy.deepcopy(model).cpu().double().eval()
        self.fingerprint = fingerprint(self.model)

    def encode(self, images: np.ndarray, advance: Advance = tell_nobody) -> bytes:
        """Return the stream of uint8 levels (lanes, c, h, w), lanes >= 1: 32-bit words."""
        coder = constriction.stream.queue.RangeEncoder()

        def code(table: np.ndarray, levels: Tensor) -> Tensor:
            coder.encode(levels.numpy().astype(np.int32), _FAMILY, table)
            return levels

        self._walk(as_levels(images, torch.device("cpu")), code, advance)
        return coder.get_compressed().astype("<u4").tobytes()

    def decode(self, stream: bytes, lanes: int, advance: Advance = tell_nobody) -> np.ndarray:
        """Return the images of a stream: uint8 (lanes, c, h, w).

        A stream of another model gives other images. Raises ValueError for some streams that no
        encoder wrote.
        """
        words = np.frombuffer(stream, "<u4").astype(np.uint32)
        coder = constriction.stream.queue.RangeDecoder(words)

        def code(table: np.ndarray, _: Tensor) -> Tensor:
            return torch.from_numpy(coder.decode(_FAMILY, table).astype(np.int64))

        x = torch.zeros(lanes, *self.model.shape, dtype=torch.long)
        try:
            self._walk(x, code, advance)
        except AssertionError as error:  # so says constriction
            raise ValueError(str(error)) from None
        return x.numpy().astype(np.uint8)

    @torch.no_grad()
    def _walk(self, x: Tensor, code: Code, advance: Advance) -> None:
        """Code the levels of `x` (lanes, c, h, w) in the model's order, in place."""
        nothing = known_pixels(0, *self.model.shape[1:])
        with full_precision(x.device):
            model = self.model
            if isinstance(model, ClassConditional):
                visits = _told(model, x, code).walk(x, nothing)
            else:
                visits = model.walk(x, nothing)
            for head, levels, passes in visits:
                for drawn, features in passes:
                    for color in drawn:
                        log_probs = head.level_log_probs(features, levels, color)
                        levels[:, color] = code(_table(log_probs.exp().numpy()), levels[:, color])
                advance(len(x))


def _told(model: ClassConditional, x: Tensor, code: Code) -> Given:
    """Code a label for each image: the likeliest, which the decoder is told, by its frequency.

    With it an image costs -log p(x, y), which is -log p(x) and what the label leaves open.
    """
    frequency = model.log_frequency.exp().expand(len(x), -1).numpy()
    return model.given(code(_table(frequency), model.classify(x).argmax(1)))


def fingerprint(model: Model) -> bytes:
    """Return 12 bytes that tell the model from others: its weights, their places, sizes and heads.

    They are the same in float32 and float64, and wherever the model lies.
    """
    parts = "".join(f"{part.shape} {part.head};" for part in _parts(model))
    digest = hashlib.sha256(parts.encode())
    for name, values in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(values.shape)};".encode())
        digest.update(values.detach().cpu().double().numpy().astype("<f8").tobytes())
    return digest.digest()[:12]


def _parts(model: Model) -> Iterator[AutoregressiveModel]:
    return (part for part in model.modules() if isinstance(part, AutoregressiveModel))


# All tables of constriction have 2^24 steps. `perfect` would fit the table better to p, for a table
# of whole steps to no end, and takes two hundred times as long.
_FAMILY = constriction.stream.model.Categorical(perfect=False)


def _table(p: np.ndarray) -> np.ndarray:
    """Return what constriction turns into the table of the module's head: (lanes, k) in float64.

    It gives each level one step more than its share of what the levels' own steps leave of 2^24.
    Here the shares are whole numbers that sum to just that, so that nothing is rounded there. What
    rounding here leaves over or lacks goes to the level with the largest count: not with the
    largest p, which may be another one on another machine.
    """
    if not np.isfinite(p).all():
        raise InputError("the model gives probabilities that are no numbers: train it again")
    free = UNITS - p.shape[1]
    units = np.rint(p * free)
    units[np.arange(len(p)), units.argmax(1)] += free - units.sum(1)
    return (units + 1) * STEPS - 1
