"""What the last features mean: a distribution over one pixel."""

from pixelrnn.heads.bernoulli import Bernoulli
from pixelrnn.heads.gaussian_mixture import GaussianMixture
from pixelrnn.heads.head import Head
from pixelrnn.heads.logistic_mixture import LogisticMixture
from pixelrnn.heads.softmax import Softmax

__all__ = ["Bernoulli", "GaussianMixture", "Head", "LogisticMixture", "Softmax"]
