"""Draw at the speed of arithmetic: a network as a program that numba compiles, pixel by pixel.

program.py writes the program, kernels.py runs it, network.py packs both for who draws. Whatever has
no instruction steps in torch, by `RasterLayer.step`, which is also what the tests hold this against.
"""
