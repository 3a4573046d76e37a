"""Raw files to images: one function a data set, one file a family.

    raw              there, whole, and the file that was meant: what every reader below asks of a file
    download         from its home, resumed where it stopped
    rows             the rows of arrays in npz and npy files, a chunk at a time
    pictures         image files to arrays
    digits, photos   the embedded data
    mnist, binarized_mnist, cifar, imagenet, celeba    what the paper and its successors used
    folder, own_arrays   anybody's images

Each gives the splits in one of the two forms of `pixelrnn.data.splits`. The splits are fixed here and only here. A new
data set is one more function and one more `conf/data/*.yaml`.
"""
