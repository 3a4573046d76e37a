"""PixelRNN density models of images (van den Oord et al., 2016)."""
