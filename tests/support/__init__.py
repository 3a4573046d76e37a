"""What several tests need: the zoo of variants, the laws, tiny runs, raw files, strange networks."""
