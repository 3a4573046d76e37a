"""Many images on a few threads: in groups, each of which goes through a program together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

# The more images a group has, the more of them share a fetched weight; the fewer, the sooner their
# states share the cache.
GROUP = 8


def share(work: Callable[[slice], None], n: int) -> None:
    """Call `work` for groups of n images, as many at a time as torch has threads.

    The threads end with the call, so that nothing is left for a forked child to miss.
    """
    threads = torch.get_num_threads()
    size = max(1, min(GROUP, -(-n // threads)))
    groups = [slice(first, first + size) for first in range(0, n, size)]
    if threads == 1 or len(groups) == 1:
        for group in groups:
            work(group)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, groups))
