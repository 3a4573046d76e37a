"""What the last features mean: a distribution over one pixel."""

from pixelrnn.heads.bernoulli import Bernoulli
from pixelrnn.heads.head import Head
from pixelrnn.heads.logistic_mixture import LogisticMixture
from pixelrnn.heads.softmax import Softmax

__all__ = ["Bernoulli", "Head", "LogisticMixture", "Softmax"]
