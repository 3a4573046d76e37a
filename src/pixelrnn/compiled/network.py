"""A network and its head, compiled: they draw images on the CPU."""

import numpy as np

from pixelrnn.compiled.groups import share
from pixelrnn.compiled.program import NoInstructionError, Program, write
from pixelrnn.heads import Bernoulli, Head, LogisticMixture, Softmax
from pixelrnn.heads.head import above_zero
from pixelrnn.layers import ExtraColumn, MaskedConv, RasterLayer


class CompiledNetwork:
    """Draw levels `(c h w)` by a network and a head; float32, whatever the network computes in.

    The weights are those of this moment. Raises NoInstructionError for layers and heads that
    cannot be compiled.
    """

    def __init__(self, network: RasterLayer, head: Head, shape: tuple[int, int, int]):
        check_types(network)
        colors, h, w = shape
        extra = isinstance(network, ExtraColumn)
        inner = network.layer if isinstance(network, ExtraColumn) else network
        program = Program(w + extra, colors, _shared(network))
        output = write(inner, program, program.pixel)
        self.packed = program.pack(h)
        self.registers = (program.pixel.first, output.first, program.context.first, int(extra))
        self.shared, self.n_features = program.shared, output.size
        components = head.components if isinstance(head, LogisticMixture) else 0
        self.head = (_kind(head), head.levels, components, self.n_features)

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
        self._run(
            x, known, chance, context, temperature, np.empty((0, *x.shape[2:], 1), np.float32)
        )

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

        if context is None:
            context = np.empty((len(x), *x.shape[2:], 0), np.float32)
        limit = np.float32(above_zero(temperature))
        p = self.packed

        def run(group: slice) -> None:
            state = np.repeat(p.state[None], len(x[group]), axis=0)
            kernels.fill(
                p.code, p.phases, p.places, p.steps, p.weights, state, self.registers, self.head,
                x[group], known, chance[group], context[group], limit, features[group],
            )  # fmt: skip

        share(run, len(x))


def check_types(network: RasterLayer) -> None:
    """Raise NoInstructionError for a layer derived from one of ours: it may step otherwise."""
    known = {*write.registry, ExtraColumn}
    for layer in network.modules():
        if isinstance(layer, RasterLayer) and type(layer) not in known:
            raise NoInstructionError(type(layer).__name__)


def _shared(network: RasterLayer) -> int:
    """Return how many features the context has that the network reads."""
    projects = [part.project for part in network.modules() if isinstance(part, MaskedConv)]
    return max((project.in_channels for project in projects if project is not None), default=0)


def _kind(head: Head) -> int:
    kinds = [Bernoulli, Softmax, LogisticMixture]  # as kernels.py numbers them
    if type(head) not in kinds:
        raise NoInstructionError(type(head).__name__)
    return kinds.index(type(head))
