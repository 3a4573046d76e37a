"""What runs left behind, read back and put side by side. Files only: nothing here imports torch.

Reading order: `frame` (runs as a table) · `prepared` (the images they were evaluated on) · `per_image` (what runs know
image by image) · `paired` (which is better, and is it noise) · `baselines` and `paper` (figures to set beside them) ·
`rows` and `comparison` (all of it together) · `table` (for a terminal, a paper, a program) · `pictures` (grids of
images) · `page` (for a browser).
"""
