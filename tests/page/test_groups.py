import pytest
from tests.page.seeds import compare_seeds, write_seeds

from pixelrnn.page.groups import half_widths, student


@pytest.mark.parametrize(
    ("freedom", "end"), [(1, 12.7062), (2, 4.3027), (5.5, 2.5040), (30, 2.0423), (1e6, 1.95996)]
)
def test_student_is_that_of_the_tables(freedom, end):
    """Faults: one side of 97.5 % taken for two; a normal's 1.96 for three runs."""
    assert student(freedom) == pytest.approx(end, rel=2e-3)


def test_intervals_over_seeds_are_wider_than_normal(tmp_path):
    """Fault: 1.96 standard errors of a mean over two runs."""
    comparison = compare_seeds(write_seeds(tmp_path))
    widths = half_widths(comparison) / comparison.differences["nats_se"]
    seeds = comparison.differences["noise"] == "seeds"
    assert widths[~seeds].to_numpy() == pytest.approx(1.96)
    assert seeds.any()
    assert (widths[seeds] > 2.5).all()
