"""Raw files to images: one function a data set, or a kind of files.

    raw                 there, whole, and the file that was meant: what is asked of every file
    rows                the rows of arrays in npz and npy files, a chunk at a time
    walk                which files of a folder are pictures
    pictures            image files to arrays
    digits, photos      the embedded data
    torchvision_sets    torchvision's data sets by name; torchvision_files: the forms of their files
    drawn               gray images in two levels, drawn at random
    ising           spins, drawn here, whose likelihood is known exactly
    binarized_mnist, imagenet    what torchvision has not
    folder, own_arrays  anybody's images

Each gives the splits in one of the two forms of `pixelrnn.data.splits`. The splits are fixed here
and only here. A new data set of torchvision's, or one's own, is one more `conf/data/*.yaml`; any
other is one more function as well.
"""
