"""Where the configuration lies: at PIXELRNN_CONF if it is set, else beside this module.

DVC runs an experiment in a copy of the repository, with the installed code: `dvc.yaml` sets the
variable, so that the copy's configuration is the one that counts.
"""

import os
from pathlib import Path


def find_conf() -> Path:
    """Return the folder of configurations, absolute. A wheel carries it inside the package."""
    package = Path(__file__).parent
    places = [package / "conf", package.parents[1] / "conf"]
    if told := os.environ.get("PIXELRNN_CONF"):
        places.insert(0, Path(told).absolute())
    return next((place for place in places if place.is_dir()), places[-1])


CONF = find_conf()
