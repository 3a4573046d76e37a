"""Is loading ever the bottleneck? The time of a batch beside that of a training step, on prepared
data.

    python benchmarks/loading.py artifacts/data/mnist artifacts/data/cifar10

A batch is shuffled, and flipped or drawn where the data can be; the step is that of the fastest
variant, a PixelCNN of h = 16 and 7 layers: all that is really trained takes longer.
"""

import sys
import time
from itertools import islice
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from pixelrnn.data import ImageData, read_description
from pixelrnn.heads import Bernoulli, Softmax
from pixelrnn.models import pixel_cnn

BATCH, BATCHES, STEPS = 16, 1000, 10
CHANGES = {"flipped": "flip", "drawn anew": "resample"}


def milliseconds_a_batch(loader: DataLoader) -> float:
    """Time a batch after the first: that one takes the shuffle of the whole epoch."""
    batches = iter(loader)
    next(batches)
    start = time.perf_counter()
    n = sum(1 for _ in islice(batches, BATCHES))
    return 1e3 * (time.perf_counter() - start) / n


def milliseconds_a_step(data: ImageData) -> float:
    """Time a training step: the least of several."""
    head = Bernoulli() if data.levels == 2 else Softmax(data.levels)
    model = pixel_cnn(data.shape, head, hidden=16, layers=7, output_hidden=32)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    times = []
    for x in islice(data.train_dataloader(), STEPS):
        start = time.perf_counter()
        optimizer.zero_grad()
        (-model.log_prob(x).mean()).backward()
        optimizer.step()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times)


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        about = read_description(path)
        drawn = (path / "train_gray.npy").exists()
        data = ImageData(
            path,
            about["shape"],
            about["levels"],
            BATCH,
            flip=about["shape"][0] == 3,
            resample=drawn,
        )
        batch, step = milliseconds_a_batch(data.train_dataloader()), milliseconds_a_step(data)
        changes = [word for word, on in CHANGES.items() if getattr(data, on)]
        print(
            f"{', '.join([path.name, *changes])}: {batch:.3f} ms a batch of {BATCH}, "
            f"{step:.1f} ms a step: {100 * batch / step:.2g}%"
        )


if __name__ == "__main__":
    main()
