"""What `pixelrnn` does, a module and a function of the same name for each verb: they compute, write and return.

`conf/<verb>.yaml` is the call. They take objects and paths, so that tests and notebooks call them plainly.
"""
