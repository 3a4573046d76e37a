"""A model of the Ising model beside exact values: what RESULTS.md says of spins.

    pixelrnn prepare data=ising
    pixelrnn train data=ising model=diagonal_bilstm head=bernoulli run=artifacts/runs/ising ...
    python benchmarks/ising.py artifacts/runs/ising

± is one standard error over the images.
"""

import sys

import numpy as np
import torch

import pixelrnn
from pixelrnn.data.sources.ising import energy, log_partition, mean_energy
from pixelrnn.models.in_batches import nll_maps

DRAWN, BATCH = 2000, 200


def main(path: str) -> None:
    run = pixelrnn.Run.load(path)
    temperature = run.config["data"]["source"]["temperature"]
    size = run.config["data"]["shape"][1]
    spins, log_z = size**2, log_partition(size, temperature)
    exact_energy = mean_energy(size, temperature)
    entropy = log_z + exact_energy / temperature
    print(f"exact: energy {exact_energy / spins:.4f} of a spin, entropy {entropy:.2f} nats,")
    print(f"free energy {-temperature * log_z / spins:.4f} of a spin, log Z {log_z:.2f}")

    test = np.asarray(run.split("test"))
    log_q = -np.concatenate([nats.sum((1, 2)) for nats in nll_maps(run.model, test, BATCH)])
    log_p = -energy(test) / temperature - log_z
    show("test images: energy of a spin", energy(test) / spins)
    show("|magnetisation|", magnetisation(test))
    show("NLL, nats", -log_q)
    show("exact NLL, nats", -log_p)
    show("KL(Boltzmann, model), nats", log_p - log_q)

    random = torch.Generator().manual_seed(1)
    pieces = [run.model.sample_and_log_prob(BATCH, random) for _ in range(DRAWN // BATCH)]
    drawn = torch.cat([images for images, _ in pieces]).numpy()
    log_q = torch.cat([nats for _, nats in pieces]).double().numpy()
    show(f"{DRAWN} drawn: energy of a spin", energy(drawn) / spins)
    show("|magnetisation|", magnetisation(drawn))
    show("entropy, nats", -log_q)
    show("free energy of a spin", (energy(drawn) + temperature * log_q) / spins)
    show("KL(model, Boltzmann), nats", log_q + energy(drawn) / temperature + log_z)
    weights = -energy(drawn) / temperature - log_q
    scaled = np.exp(weights - weights.max())
    error = scaled.std(ddof=1) / len(scaled) ** 0.5 / scaled.mean()
    print(f"log Z, by importance: {np.log(scaled.mean()) + weights.max():.3f} ± {error:.3f}")


def magnetisation(images: np.ndarray) -> np.ndarray:
    return np.abs(2 * images.reshape(len(images), -1).mean(1) - 1)


def show(name: str, values: np.ndarray) -> None:
    print(f"{name}: {values.mean():.4f} ± {values.std(ddof=1) / len(values) ** 0.5:.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
