import pytest
from tests.page.seeds import compare_seeds, write_seeds

from pixelrnn.page.groups import half_widths


def test_intervals_over_seeds_are_wider_than_normal(tmp_path):
    """Fault: 1.96 standard errors of a mean over two runs."""
    comparison = compare_seeds(write_seeds(tmp_path))
    widths = half_widths(comparison) / comparison.differences["nats_se"]
    seeds = comparison.differences["noise"] == "seeds"
    assert widths[~seeds].to_numpy() == pytest.approx(1.959964)
    assert seeds.any()
    assert (widths[seeds] > 2.5).all()
