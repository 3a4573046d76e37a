"""Can a model tell its own kind of images from others? The table of RESULTS.md, trainings included.

    python benchmarks/outliers.py

Two kinds of images (1, 8, 8) of 17 levels: the digits 0 to 4 of the embedded set, and gray patches of
its two photographs. For each, a PixelCNN and a background model of the same (`+data.mutate=0.1`) are
trained in artifacts/outliers, some minutes in all. Each scores its own test images and those of
another kind: AUROC, the chance that one of the others has the larger score, and in brackets the 95 %
interval of a bootstrap over the images, not over trainings. 0.5 is no better than chance.
"""

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

import pixelrnn
from pixelrnn.data.quantize import quantize
from pixelrnn.results.outliers import auroc, auroc_interval

HOME = Path("artifacts/outliers")
SIZE, LEVELS = 8, 17
PHOTOGRAPHS = ["data/patches/china.jpg", "data/patches/flower.jpg"]


def main() -> None:
    """Train what isn't trained yet, and print a row a pair and score."""
    low, high = digits()
    photos = patches()
    runs = {name: train(name, images) for name, images in {"low": low, "photos": photos}.items()}
    tests = {
        "digits 0–4": low["x_test"],
        "digits 5–9": high["x_test"],
        "photographs": photos["x_test"],
    }
    pairs = [
        ("low", "digits 0–4", "digits 5–9"),
        ("low", "digits 0–4", "photographs"),
        ("photos", "photographs", "digits 0–4"),
    ]
    print("| model of | against | NLL | ratio | complexity | typicality |\n|---|---|" + 4 * "---|")
    for name, own, others in pairs:
        run, background = runs[name]
        frames = [
            pixelrnn.out_of_distribution(run, tests[kind], background) for kind in (own, others)
        ]
        cells = []
        for score, sign in SCORES.items():
            inside, outside = (sign * frame[score].to_numpy() for frame in frames)
            low_end, high_end = auroc_interval(inside, outside)
            cells.append(f"{auroc(inside, outside):.3f} ({low_end:.3f}–{high_end:.3f})")
        print(f"| {own} | {others} | " + " | ".join(cells) + " |", flush=True)


# The columns of `out_of_distribution`; -1 where small is unusual.
SCORES = {"nll_nats": 1, "ratio": 1, "complexity": 1, "typical_p": -1}


def digits() -> list[dict[str, np.ndarray]]:
    """Return the embedded digits 0 to 4 and 5 to 9, split at random."""
    with np.load(Path(pixelrnn.__file__).parent / "data/digits.npz") as archive:
        images, labels = archive["images"][:, None], archive["labels"]
    return [split(images[kind]) for kind in (labels < 5, labels >= 5)]


def patches() -> dict[str, np.ndarray]:
    """Return gray patches that don't overlap; the test ones from the right end of a photograph."""
    columns = [squares(np.asarray(Image.open(file).convert("L"))) for file in PHOTOGRAPHS]
    parts = {
        "x_train": [column[: int(0.6 * len(column))] for column in columns],
        "x_val": [column[int(0.6 * len(column)) : int(0.75 * len(column))] for column in columns],
        "x_test": [column[int(0.75 * len(column)) :] for column in columns],
    }
    return {name: np.concatenate(part) for name, part in parts.items()}


def squares(gray: np.ndarray) -> np.ndarray:
    """Cut uint8 (rows, columns) into levels (n, 1, 8, 8), one column of patches after the other."""
    down, across = gray.shape[0] // SIZE, gray.shape[1] // SIZE
    cut = gray[: down * SIZE, : across * SIZE].reshape(down, SIZE, across, SIZE)
    return quantize(cut.transpose(2, 0, 1, 3).reshape(-1, 1, SIZE, SIZE), LEVELS)


def split(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return 200 test images, 100 for validation, and the rest."""
    images = images[np.random.RandomState(0).permutation(len(images))]
    return {"x_test": images[:200], "x_val": images[200:300], "x_train": images[300:]}


def train(name: str, images: dict[str, np.ndarray]) -> tuple[Path, Path]:
    """Return the run of these images, and its background."""
    raw = HOME / "raw" / name
    raw.mkdir(parents=True, exist_ok=True)
    for file, part in images.items():
        np.save(raw / f"{file}.npy", part)
    data = ["data=npy", f"data.name={name}", f"data.source.folder={raw}"]
    data += [f"data.shape=[1,{SIZE},{SIZE}]", f"data.levels={LEVELS}"]
    data += [f"data.path={HOME / 'data' / name}"]
    pixelrnn_command("prepare", *data)
    runs = HOME / "runs" / name, HOME / "runs" / f"{name}_background"
    for run, more in zip(runs, ([], ["+data.mutate=0.1"]), strict=True):
        more = [*more, "model=pixel_cnn", "trainer.max_epochs=20", "logger=none", f"run={run}"]
        pixelrnn_command("train", *data, *more)
    return runs


def pixelrnn_command(*words: str) -> None:
    """Run a command; it leaves alone what is done."""
    subprocess.run(["pixelrnn", *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
