"""A network and its head, compiled: they draw images on the CPU."""

import numpy as np

from pixelrnn.compiled.groups import share
from pixelrnn.compiled.program import NoInstructionError, Program
from pixelrnn.compiled.writing import write
from pixelrnn.errors import InputError
from pixelrnn.heads import Bernoulli, Head, LogisticMixture, Softmax
from pixelrnn.heads.head import above_zero
from pixelrnn.layers import ExtraColumn, GatedConv, MaskedConv, RasterLayer


class CompiledNetwork:
    """Draw levels `(c h w)` by a network and a head; float32, whatever the network computes in.

    The weights are those of this moment. Raises NoInstructionError for layers and heads that
    cannot be compiled.
    """

    def __init__(self, network: RasterLayer, head: Head, shape: tuple[int, int, int]):
        _check_types(network, head)
        colors, h, w = shape
        extra = isinstance(network, ExtraColumn)
        inner = network.layer if isinstance(network, ExtraColumn) else network
        program = Program(w + extra, colors, _shared(network))
        output = write(inner, program, program.pixel)
        self.packed = program.pack(h)
        self.head, self.shared, self.n_features = head, program.shared, output.size
        # As `kernels.fill` takes them.
        self.registers = (
            *(program.pixel.first, output.first, output.size),
            *(head.levels, program.context.first, int(extra)),
        )

    def fill(
        self,
        x: np.ndarray,
        known: np.ndarray,
        chance: np.ndarray,
        context: np.ndarray | None = None,
        temperature: float = 1.0,
    ) -> None:
        """Draw the levels of int64 images (n c h w) that are not `known` (h w), in place.

        `chance` are uniform numbers (n c h w); `context` is float32 (n h w e), of a conditional
        network.
        """
        unasked = np.empty((0, *x.shape[2:], 1), np.float32)
        self._run(x, known, chance, context, temperature, unasked)

    def features(self, x: np.ndarray, context: np.ndarray | None = None) -> np.ndarray:
        """Return the network's output for given images: float32 (n h w g)."""
        y = np.empty((len(x), *x.shape[2:], self.n_features), np.float32)
        known = np.ones(x.shape[2:], np.bool_)
        self._run(x.copy(), known, np.empty(x.shape), context, 1.0, y)
        return y

    def _run(
        self,
        x: np.ndarray,
        known: np.ndarray,
        chance: np.ndarray,
        context: np.ndarray | None,
        temperature: float,
        features: np.ndarray,
    ) -> None:
        # numba takes a fifth of a second to import, and is needed only here.
        from pixelrnn.compiled import kernels

        if context is None or not self.shared:
            context = np.empty((len(x), *x.shape[2:], 0), np.float32)
        if context.shape[3] != self.shared:
            raise InputError(
                f"the network is conditional: its context has {self.shared} features, "
                f"not {context.shape[3]}"
            )
        limit = np.float32(above_zero(temperature))
        p, head = self.packed, self.head

        def run(group: slice) -> None:
            state = np.repeat(p.state[None], len(x[group]), axis=0)
            table = np.empty(0 if isinstance(head, Bernoulli) else head.levels, np.float32)
            mixture = None
            if isinstance(head, LogisticMixture):
                mixture = np.empty((4, head.components), np.float32)
            kernels.fill(
                p.code, p.phases, p.places, p.steps, p.weights, state, self.registers, table,
                mixture, x[group], known, chance[group], context[group], limit, features[group],
            )  # fmt: skip

        share(run, len(x))


def _check_types(network: RasterLayer, head: Head) -> None:
    """Raise NoInstructionError for what is derived from a layer or head of ours: it may differ."""
    known = {*write.registry, ExtraColumn, GatedConv, Bernoulli, Softmax, LogisticMixture}
    layers = [one for one in network.modules() if isinstance(one, RasterLayer | GatedConv)]
    for part in (*layers, head):
        if type(part) not in known:
            raise NoInstructionError(type(part).__name__)


def _shared(network: RasterLayer) -> int:
    """Return how many features the context has that the network reads."""
    projects = [part.project for part in network.modules() if isinstance(part, MaskedConv)]
    return max((project.in_channels for project in projects if project is not None), default=0)
