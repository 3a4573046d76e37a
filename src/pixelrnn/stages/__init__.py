"""What `pixelrnn` does: for each verb a module, and a function of the same name in it.


`conf/<verb>.yaml` is the call. They take objects and paths, so that tests and notebooks call them
plainly.
"""
