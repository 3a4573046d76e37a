"""Draw at the speed of arithmetic: a network as a program that numba compiles, pixel by pixel.

program.py writes the program, kernels.py runs it; network.py and upsample.py are what others call.
What has no instruction steps in torch, by `RasterLayer.step`: that is the oracle, and the path of
GPUs and of anyone's own layers.
"""
