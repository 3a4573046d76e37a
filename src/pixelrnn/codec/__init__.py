"""A lossless codec: a trained model's likelihood, spent as bits.

coder       one stream: images side by side, coded by the model's own probabilities
container   the file round the streams, and its checksums
contents    what the images in it are called
"""

from pixelrnn.codec.memory import compress, decompress

__all__ = ["compress", "decompress"]
