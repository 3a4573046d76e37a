"""The run directory, the project's real interface: what a run leaves behind.

All of it is read without torch and without Hydra. Reading order: `directory` (the files and their
names) · `identity` (which keys decide a result) · `origin` (where a run comes from) · `record`
(what the files of one run say) · `frame` (runs as a table, their curves) · `scores` (their NLL
image by image, what they drew) · `same_images` (which images they were evaluated on).
"""
