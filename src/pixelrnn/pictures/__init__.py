"""What the project draws: grids of images, and what each pixel of an image costs.

The stages, the comparison page and the trackers get their pictures here, by numpy and Pillow alone;
nothing here imports torch.
"""
