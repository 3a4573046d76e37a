"""What runs left behind, read back and put side by side. Files only: nothing here imports torch.

Reading order: `frame` (runs as a table) · `prepared` (the images they were evaluated on) · `baselines` (two figures
that put a run's bits/dim in context) · `table` (the comparison and its three renderings) · `pictures` (sample grids).
"""
