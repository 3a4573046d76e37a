"""What there is to tell of runs that stand side by side. Nothing here imports torch.

Reading order: `paired` (which is better, and is it noise) · `baselines` and `paper` (figures to set
beside them) · `rows` and `comparison` (all of it together) · `table` (for a terminal, for a paper,
for a program). Runs are read in `pixelrnn.runs`; the page for a browser is made in `pixelrnn.page`.
"""
