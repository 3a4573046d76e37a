"""The run directory, the project's real interface: what a run leaves behind, read without torch or Hydra.

Reading order: `directory` (the files and their names) · `identity` (which keys decide a result) · `origin` (where a run
comes from) · `frame` (runs as a table, their curves) · `scores` (what they know image by image) · `same_images` (which
images they were evaluated on).
"""
