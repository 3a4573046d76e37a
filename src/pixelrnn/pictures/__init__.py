"""What the project draws, by numpy and Pillow alone: grids of images, and what each pixel of an image costs.

The stages, the comparison page and the trackers get their pictures here; nothing here imports torch.
"""
