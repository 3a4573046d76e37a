"""The report: values, sentence, JSON, text, picture."""

import json

import numpy as np
import pytest
import torch
from PIL import ImageColor
from tests.support import strangers
from tests.support.zoo import build

from pixelrnn.causality import audit, brief_audit, draw_audit
from pixelrnn.causality.picture import COLORS, LINE, draw_panel
from pixelrnn.causality.report import sketch, title


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_blind_spot_of_the_pixel_cnn():
    """Three layers of 3x3, no vertical stack: what is right of the diagonal is out of reach."""
    network = torch.nn.Sequential(
        strangers.MaskedConv2d("A", 1, 6, 3, padding=1),
        strangers.MaskedConv2d("B", 6, 6, 3, padding=1),
        strangers.MaskedConv2d("B", 6, 4, 3, padding=1),
    )
    part = audit(network, (1, 6, 9), pixels=54).parts[0]
    at = part.probes.tolist().index([0, 4, 4])
    assert "\n".join(sketch(part, at)) == "\n".join(
        [
            ",,,,,,,,,",
            ",xxxxxxx,",
            ",xxxxxx,,",
            ",xxxxx,,,",
            ",xxxo....",
            ".........",
        ]
    )
    assert part.coverage.nearest == (-1, 2)
    assert part.coverage.unseen[-1, 2] == 0
    assert (-1, 1) not in part.coverage.unseen
    assert 0 < part.coverage.share == part.coverage.seen / part.coverage.legal < 1
    assert "never sees (i-1, j+2)" in str(audit(network, (1, 6, 9), pixels=54))


def test_what_only_some_outputs_see_is_counted():
    """The Diagonal BiLSTM's missing pixel is the last of the row above: seldom the same place."""
    part = audit(build("diagonal_bilstm", "softmax", (1, 5, 12), layers=1), pixels=60).parts[0]
    assert set(part.coverage.unseen) == {(-1, j) for j in range(4, 12)}
    assert part.coverage.unseen[-1, 11] == 0
    assert part.coverage.unseen[-1, 4] == pytest.approx(
        1 - 1 / 8
    )  # of 8 columns that have it, one misses it


def test_one_place_is_one_place():
    """Faults: "1 places"; marks separated by a comma, which is a mark."""
    lines = str(audit(build("diagonal_bilstm", "softmax", (1, 5, 12), layers=1))).splitlines()
    assert any(line.startswith("  unseen      1 place, the nearest: ") for line in lines)
    assert lines[-1].endswith(": o its own pixel; x seen; , legal, not seen; . rightly unseen")


def test_a_pixel_seen_in_some_colors():
    """All but B of the last pixel of the row above: the features of a pixel don't see its own B."""
    part = audit(
        build("diagonal_bilstm", "softmax", (3, 5, 12), layers=1, hidden=11, output_hidden=16)
    ).parts[0]
    assert title(part, 0) == "R at (2, 6)"
    assert sketch(part, 0)[:3] == ["xxxxxxxxxxxx", "xxxxxxxxxxx+", "xxxxxxo....."]


def test_text_of_a_leak():
    report = audit(strangers.unshifted(), (1, 5, 7))
    lines = str(report).splitlines()
    assert lines[0] == report.sentence
    assert lines[0].startswith(
        "LEAK: the output at a pixel depends on pixels that come later and on what it is to"
    )
    assert lines[1].startswith(
        "  future      (i, j+1), (i, j+2), (i, j+3); at 28 of 28 outputs, such as that at ("
    )
    assert any("!" in line for line in lines)
    assert max(map(len, lines[1:])) <= 120


def test_json_reads_back():
    report = audit(strangers.unshifted(), (1, 5, 7))
    values = json.loads(json.dumps(report.to_dict()))
    assert (values["verdict"], values["sentence"]) == ("leak", report.sentence)
    leak = next(leak for leak in values["parts"][0]["leaks"] if leak["offset"] == [0, 3])
    assert leak["kind"] == "future"
    assert leak["found"] == leak["possible"]
    assert values["parts"][0]["coverage"]["unseen"]["(i-4, j-3)"] == 0
    assert values["parts"][0]["pixels"][0] == [2, 3]
    assert len(values["parts"][0]["pixels"]) == 32


def test_parts_of_multi_scale_have_names():
    report = audit(build("multi_scale", "softmax", (3, 8, 8)))
    small, large = report.parts
    assert (small.shape, large.shape) == ((3, 4, 4), (3, 8, 8))
    assert small.sentence.startswith("4x4 image: causal: no leak; ")
    assert large.sentence.startswith("8x8 image, given the 4x4 one: causal: no leak; ")
    assert f"\n\n{large.sentence}\n" in str(report)
    assert report.coverage == (small.coverage.seen + large.coverage.seen) / (
        small.coverage.legal + large.coverage.legal
    )


def test_panel_shows_what_is_so():
    """Every square's middle says what the characters say. Fault: rows and columns exchanged."""
    part = audit(strangers.unshifted(), (1, 5, 7)).parts[0]
    for probe in (0, 5):
        rows, image = sketch(part, probe), draw_panel(part, probe)
        side = (image.width - 1) // 7
        meanings = {
            "x": "seen",
            ",": "legal, not seen",
            "!": "LEAK",
            "O": "LEAK",
            ".": "rightly unseen",
        }
        for k, m in np.ndindex(5, 7):
            color = image.getpixel((m * side + side // 2, LINE + k * side + side // 2))
            assert color == ImageColor.getrgb(COLORS[meanings[rows[k][m]]]), (k, m)


def test_panel_of_three_colors_has_stripes():
    """G of a pixel sees R of it, and not G and B."""
    part = audit(build("pixel_cnn", "softmax", (3, 4, 4), hidden=11)).parts[0]
    assert title(part, 1) == "G at (2, 2)"
    image = draw_panel(part, 1)
    stripe = ((image.width - 1) // 4 - 1) // 3
    left, top = 2 * (3 * stripe + 1), LINE + 2 * (3 * stripe + 1) + stripe
    colors = [image.getpixel((left + 1 + stripe * color + stripe // 2, top)) for color in range(3)]
    assert colors == [
        ImageColor.getrgb(COLORS[meaning])
        for meaning in ("seen", "rightly unseen", "rightly unseen")
    ]


def test_picture_holds_every_part():
    one = draw_audit(audit(build("pixel_cnn", "softmax", (3, 4, 4))))
    two = draw_audit(audit(build("multi_scale", "softmax", (3, 8, 8))))
    assert two.height > 1.9 * one.height
    red = np.array(ImageColor.getrgb(COLORS["LEAK"]))
    assert not (np.asarray(one)[100:] == red).all(2).any()
    leaking = draw_audit(audit(torch.nn.Conv2d(1, 2, 3, padding=1), (1, 8, 8)))
    assert (np.asarray(leaking)[100:] == red).all(2).any()


def test_brief_audit_says_the_same_in_less():
    model = build("row_lstm", "softmax", (3, 6, 6))
    values = brief_audit(model)
    assert values["verdict"] == "causal"
    assert values["pixels"] == 9
    assert 0.5 < values["coverage"] <= 1
    json.dumps(values)


def test_brief_audit_keeps_to_its_budget(monkeypatch):
    model = build("pixel_cnn", "softmax", (3, 6, 6))
    monkeypatch.setattr("pixelrnn.causality.auditor.BRIEF_OPERATIONS", 1e7)
    assert 2 <= brief_audit(model)["pixels"] < 9
    monkeypatch.setattr("pixelrnn.causality.auditor.BRIEF_OPERATIONS", 1e3)
    assert brief_audit(model) == {
        "verdict": "not audited",
        "reason": "too large for evaluate: run pixelrnn audit",
    }


def test_brief_audit_never_fails():
    model = build("pixel_cnn", "softmax", (1, 4, 4))
    for parameter in model.parameters():
        parameter.data.fill_(float("nan"))
    assert brief_audit(model)["verdict"] == "not audited"


def test_public_name_is_the_function():
    import pixelrnn.stages.audit

    assert pixelrnn.audit is audit
    assert pixelrnn.stages.audit.audit is not audit
