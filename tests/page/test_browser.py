"""The page in headless Chromium: what a reader does with it, and that it asks for nothing else."""

import re
import shutil
from importlib.resources import files

import numpy as np
import pytest
from tests.page.seeds import compare_seeds, write_seeds
from tests.support.runs import write_data, write_run

from pixelrnn.page.build import build
from pixelrnn.page.vega import bundling
from pixelrnn.stages.compare import compare

CURVES = files("pixelrnn.page") / "curves.js"

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the package playwright is not installed"
)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def _job(name):
    """As a sweep calls it; the page calls it `name`."""
    return f"data=digits,model={name}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A comparison of runs that are best, middling, worst, and of one that has its first epoch behind it."""
    folder = tmp_path_factory.mktemp("comparison")
    write_data(folder / "digits")
    random = np.random.default_rng(0)
    nats = 5 + random.normal(size=40)
    for i, (name, variant) in enumerate(
        {"best": "row_lstm", "middling": "pixel_cnn", "worst": "pixel_cnn"}.items()
    ):
        model = {"layers": [10, 9, 2][i]} | ({"kernel": 5} if name == "worst" else {})
        config = {"variant": variant, "model": model, "optimizer": {"lr": [0.5, 0.25, 0.1][i]}}
        write_run(
            folder / "runs" / _job(name),
            config,
            nats=nats + 0.5 * i + 0.1 * random.normal(size=40),
            drawn=True,
        )
    write_run(
        folder / "runs" / _job("cut_off"),
        {"model": {"kernel": 3}},
        without=("training", "metrics", "sampling"),
    )
    compare(folder / "runs", out=folder / "out")
    return folder


@pytest.fixture
def page(browser, folder):
    """The page of `folder`, drawn; see `_watched`."""
    yield from _watched(browser, folder / "out" / "comparison.html")


@pytest.fixture(scope="module")
def seeds_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    comparison = compare_seeds(write_seeds(folder))
    with bundling() as vega:
        (folder / "page.html").write_text(build(comparison, vega()), encoding="utf-8")
    return folder / "page.html"


@pytest.fixture
def seeds_page(browser, seeds_file):
    """The page of two groups over seeds and a single run."""
    yield from _watched(browser, seeds_file)


def _watched(browser, file):
    """Yield the page, drawn. In the end: nothing stood on the console, and nothing left the page."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    page = context.new_page()
    console, asked = [], []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.route(
        "**/*",
        lambda route: route.continue_() if route.request.url == file.as_uri() else route.abort(),
    )
    page.goto(file.as_uri())
    _drawn(page, "#chart")
    yield page
    _scroll_through(page)
    assert console == []
    assert [
        url for url in asked if url != file.as_uri() and not url.startswith(("data:", "blob:"))
    ] == []
    context.close()


def _drawn(page, chart):
    page.wait_for_function(f"document.querySelector('{chart}').view")


def _scroll_through(page):
    for section in page.locator("section").all():
        section.scroll_into_view_if_needed()
        page.wait_for_timeout(50)


def _names(page):
    return [name.split("\n")[0] for name in page.locator("#table tbody th").all_inner_texts()]


def _scale(page, chart, scale, what):
    return page.evaluate(f"document.querySelector('{chart}').view.scale('{scale}').{what}")


def test_the_table_is_sorted_and_filtered(page):
    """Faults: 0.5 before 0.25, as texts are; missing values first; the unfinished run hidden."""
    assert page.title() == "digits: NLL of the 40 test images (1×2×2, 17 levels)"
    runs = ["best", "middling", "worst", "cut_off"]
    shown = [name for name in _names(page) if name in runs]
    assert shown == runs
    assert "unfinished" in page.locator("#table tr", has_text="cut_off").inner_text()
    page.get_by_role("button", name="Sort by kernel").click()
    assert [name for name in _names(page) if name in runs] == [
        "cut_off",
        "worst",
        "best",
        "middling",
    ]
    page.get_by_role("button", name="Sort by lr").press("Enter")
    assert [name for name in _names(page) if name in runs] == [
        "worst",
        "middling",
        "best",
        "cut_off",
    ]
    assert page.locator("#table th[aria-sort=ascending]").inner_text().strip() == "lr"
    page.keyboard.press("Enter")  # the heading keeps the focus
    assert [name for name in _names(page) if name in runs] == [
        "best",
        "middling",
        "worst",
        "cut_off",
    ]
    kept = {
        "pixel_cnn": runs[1:3],
        "layers<9.5 pixel_cnn": runs[1:3],
        "layers=2": ["worst"],
        "layers=2,9": runs[1:3],
        "variant!=pixel_cnn": ["best", "cut_off"],
        "nothing": [],
    }
    for text, left in kept.items():
        page.get_by_label("Filter").fill(text)
        assert [name for name in _names(page) if name in runs] == left
        assert "independent pixels" in _names(page)
    assert page.locator("#count").inner_text() == "0 of 4 runs"
    problem = page.locator("#filter-problem")
    assert problem.inner_text() == ""
    page.get_by_label("Filter").fill("layer5=3 best")
    assert problem.inner_text().startswith("No column is called layer5: there is run, ")
    page.get_by_label("Filter").fill("model=best")  # it stands in a run's name
    assert problem.inner_text() == ""


def test_curves_follow_axes_filter_and_selection(page):
    """Faults: an axis that only changes its title; lines without a color; a selection ignored."""

    def runs():
        page.wait_for_timeout(400)
        return set(
            page.evaluate(
                "document.querySelector('#chart').view.data('source_0').map(point => point.by)"
            )
        )

    assert (
        runs()
        == set(_scale(page, "#chart", "color", "domain()"))
        == {"best", "middling", "worst", "cut_off"}
    )
    for axis, last in {"images": 160, "step": 20, "seconds": 3, "epoch": 2}.items():
        page.locator("#x-axis").select_option(axis)
        page.wait_for_timeout(200)
        assert _scale(page, "#chart", "x", "domain()[1]") == last
    assert _scale(page, "#chart", "y", "type") == "linear"
    in_bits = _scale(page, "#chart", "y", "domain()[1]")
    page.get_by_label("log y").check()
    page.locator("#y-axis").select_option("nats")
    page.wait_for_timeout(200)
    assert _scale(page, "#chart", "y", "type") == "log"
    assert _scale(page, "#chart", "y", "domain()[1]") > 2 * in_bits
    page.get_by_label(f"Select {_job('worst')}").check()
    assert runs() == {"worst"}
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_label("Filter").fill("best")
    assert runs() == {"best"}


def test_hovering_tells_the_run(page):
    """Vega-Lite's own tooltip of a nearest point says undefined for texts."""
    canvas = page.locator("#chart canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert any(name in tip.inner_text() for name in ("best", "middling", "worst", "cut_off"))
    assert "undefined" not in tip.inner_text()


def test_differences_say_who_is_better(page):
    """Fault: the sign turned when the reference is the worse one."""
    page.locator("#differences").scroll_into_view_if_needed()
    _drawn(page, "#forest")
    verdicts = dict(
        row.split("\t")[:2] for row in page.locator("#verdicts tbody tr").all_inner_texts()
    )
    assert {verdicts["middling"], verdicts["worst"]} == {"worse"}
    page.locator("#reference").select_option("worst")
    verdicts = dict(
        row.split("\t")[:2] for row in page.locator("#verdicts tbody tr").all_inner_texts()
    )
    assert {verdicts["best"], verdicts["middling"]} == {"better"}


def test_a_picture_opens_and_closes_by_keyboard_with_sharp_pixels(page):
    picture = page.locator("#gallery .picture").first
    picture.scroll_into_view_if_needed()
    assert (
        picture.locator("img").evaluate("image => getComputedStyle(image).imageRendering")
        == "pixelated"
    )
    picture.press("Enter")
    viewer = page.get_by_role("dialog")
    assert viewer.get_by_role("heading").inner_text() == "Test images"
    page.keyboard.press("ArrowRight")
    assert viewer.get_by_role("heading").inner_text() == "best"
    shown, natural = viewer.locator("img").evaluate("image => [image.width, image.naturalWidth]")
    assert shown % natural == 0
    assert shown > 10 * natural
    page.keyboard.press("ArrowRight")
    assert viewer.get_by_role("heading").inner_text() == "middling"
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert picture.evaluate("button => button === document.activeElement")
    epoch = page.locator("#epoch")
    assert (epoch.input_value(), page.locator("#epoch-name").inner_text()) == (
        "2",
        "the best epoch",
    )
    source = page.locator("#gallery .picture").nth(1).locator("img").get_attribute("src")
    epoch.press("ArrowLeft")
    assert page.locator("#epoch-name").inner_text() == "epoch 3"
    assert "after epoch 3" in page.locator("#gallery li").nth(1).inner_text()
    earlier = page.locator("#gallery .picture").nth(1).locator("img").get_attribute("src")
    assert earlier != source
    page.locator("#kind").select_option("completions")
    assert not epoch.is_visible()
    page.locator("#gallery .picture").nth(2).press("Enter")
    assert "Left: the original. Above the line: what was given." in viewer.inner_text()
    assert "6 test images, each followed by 2 ways" in viewer.inner_text()
    page.keyboard.press("Escape")


def test_image_by_image_the_largest_differences_come_first(page, folder):
    """Faults: images of the wrong direction or order; a difference that isn't the files'."""
    page.locator("#images").scroll_into_view_if_needed()
    first = page.locator("#cards .picture").first
    first.wait_for()
    page.locator("#run-b").select_option("worst")
    a, b = (np.load(folder / "runs" / _job(name) / "test_nll.npy") for name in ("best", "worst"))
    image = int((b - a).argmax())
    text = page.locator("#cards figure").first.inner_text()
    assert f"Test image {image}" in text
    assert f"A − B −{b[image] - a[image]:.1f} nats" in text
    assert first.locator("img").count() == 4  # the image, two maps, their difference
    first.click()
    assert page.get_by_role("dialog").locator("img").count() == 4
    page.get_by_role("button", name="Close").click()


def test_dark_and_light(page):
    """Fault: a theme that stops at the chart."""

    def colors():
        page.wait_for_timeout(400)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return paper, page.evaluate(
            "document.querySelector('#chart').view._renderer && "
            "document.querySelector('#chart').view.scale('color').range()[0]"
        )

    light = colors()
    page.get_by_role("button", name="Dark theme").click()
    dark = colors()
    assert light[0] == "rgb(255, 255, 255)"
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    page.emulate_media(color_scheme="light")
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Light theme").wait_for()


def test_a_command_is_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("command", exact=True).check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Copy the command of {_job('best')}").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "pixelrnn train model=row_lstm"


def test_the_start_of_the_curves_comes_on_request(page):
    """Faults: the first epochs rule the axis; an axis that a run far away rules."""
    late = _scale(page, "#chart", "y", "domain()")
    page.locator("#range").select_option("all")
    page.wait_for_timeout(300)
    whole = _scale(page, "#chart", "y", "domain()")
    assert whole[1] - whole[0] > late[1] - late[0]
    page.locator("#range").select_option("late")
    diverged = [[99, 5.0, 5.1, 5.2, 5.3], [99, 5.2, 5.3, 5.2, 900.0]]
    for curves in (diverged, [[5.0]], [[99, None, 5.0, None, None]]):
        source = re.search(r"function robustRange.*?\n}", CURVES.read_text(), re.DOTALL)[0]
        low, high = page.evaluate(f"curves => {{ {source}; return robustRange(curves) }}", curves)
        assert 4 < low < 5 < high < 10


def test_zoom_by_ctrl_and_wheel(page):
    """Faults: a wheel that zooms where a reader scrolls; a chart that does not zoom at all."""
    canvas = page.locator("#chart canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    before = _scale(page, "#chart", "x", "domain()")
    page.mouse.wheel(0, 1)
    page.wait_for_timeout(200)
    assert _scale(page, "#chart", "x", "domain()") == before
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    low, high = _scale(page, "#chart", "x", "domain()")
    assert high - low < before[1] - before[0]


def test_a_group_opens_to_its_runs(seeds_page):
    """Faults: runs beside their group; a selection of a group that selects none of its runs."""
    page = seeds_page
    assert [name.split(" ")[0] for name in _names(page)][:3] == ["row_lstm▸", "cnn▸", "alone"]
    page.get_by_role("button", name="Seeds of row_lstm").press("Enter")
    inside = [name for name in _names(page) if "_seed-" in name]
    assert inside == [f"row_lstm_seed-{seed}" for seed in range(3)]
    assert page.get_by_role("button", name="Seeds of row_lstm").evaluate(
        "it => it === document.activeElement && it.ariaExpanded === 'true'"
    )
    page.get_by_label("Select row_lstm", exact=True).check()
    assert page.locator("#count").inner_text() == "6 runs, 3 selected"
    assert "0.0123" in page.locator("#table tbody tr").first.inner_text()  # of 0.012345


def test_a_group_is_a_band_among_the_curves(seeds_page):
    """Faults: a line a run beside the band; a deviation over other epochs than one."""
    page = seeds_page
    band = "document.querySelector('#chart').view.data('data_0')"
    assert {point["line"]: point["seeds"] for point in page.evaluate(band)} == {
        "row_lstm": 3,
        "cnn": 2,
        "alone": 1,
    }
    page.locator("#seeds").select_option("each")
    page.wait_for_timeout(300)
    assert len({point["line"] for point in page.evaluate(band)}) == 6


def test_differences_of_groups_say_of_which_noise_they_are(seeds_page):
    """Fault: an error over images under a verdict on groups."""
    page = seeds_page
    page.locator("#differences").scroll_into_view_if_needed()
    _drawn(page, "#forest")
    rows = [row.split("\t") for row in page.locator("#verdicts tbody tr").all_inner_texts()]
    assert {row[0]: row[-1] for row in rows} == {
        "cnn": "2 and 3 seeds",
        "alone": "40 images",
        "independent pixels": "40 images",
    }
    note = page.locator("#differences-note").inner_text()
    assert "Welch" in note
    assert "the luck of the seed is not in it" in note


def test_the_view_is_in_the_address(page, folder, browser):
    """Faults: a link that shows another view; a link within the page that loses the view."""
    page.get_by_label("Filter").fill("pixel_cnn")
    page.get_by_role("button", name="Sort by lr").click()
    page.get_by_label(f"Select {_job('worst')}").check()
    page.locator("#x-axis").select_option("step")
    page.wait_for_function("location.hash.includes('x-axis=step')")
    page.get_by_role("link", name="Differences").click()
    page.wait_for_timeout(300)
    assert "x-axis=step" in page.url
    again = browser.new_page()
    again.goto(page.url)
    assert _names(again)[:2] == ["worst", "middling"]
    assert again.locator("#count").inner_text() == "2 of 4 runs, 1 selected"
    assert again.locator("#x-axis").input_value() == "step"
    again.close()


def _saved(page, kind):
    with page.expect_download() as download:
        page.get_by_role("button", name=kind, exact=True).click()
    return download.value.path().read_text(encoding="utf-8").splitlines()


def test_the_table_is_saved_for_papers_and_programs(page):
    """Faults: figures cut for a program; an underscore that LaTeX reads as an index; rows hidden."""
    page.get_by_label("Filter").fill("variant=row_lstm,pixel_cnn layers>2")
    names = _names(page)
    head, *lines = (line.split(",") for line in _saved(page, "CSV"))
    assert head[:4] == ["run", "variant", "bits", "bits_se"]
    assert len(lines) == len(names)
    assert float(lines[0][-1 - head[::-1].index("bits")]) > 0
    assert len(_saved(page, "CSV")[1].split(",")[3]) > 8 or '"data' in _saved(page, "CSV")[1]
    head, rule, *lines = _saved(page, "Markdown")
    assert head.startswith("| run | variant | bits/dim ± s.e. |")
    assert rule.startswith("| :-- | :-- | --: |")
    assert lines[0].startswith("| best | row_lstm | 1.79")
    tex = _saved(page, "LaTeX")
    assert tex[0].startswith("\\begin{tabular}{llr")
    assert tex[1] == "\\toprule"
    assert tex[4].startswith("best & row\\_lstm & 1.7924 $\\pm$ 0.0625 & ")
    assert tex[-2:] == ["\\bottomrule", "\\end{tabular}"]


def test_two_configurations_side_by_side(page):
    """Faults: what differs among what agrees; an origin that nobody sees."""
    page.locator("#configs").scroll_into_view_if_needed()
    page.locator("#config-b").select_option(label="worst")
    table = page.locator("#configs-table")
    rows = {row.split("\t")[0]: row for row in table.locator("tr").all_inner_texts()}
    assert rows["model.layers"] == "model.layers\t10\t2"
    assert rows["model.kernel"] == "model.kernel\t–\t5"
    assert "data.levels" not in rows
    assert "revision" not in rows
    page.get_by_label("also what agrees").check()
    last = [row.split("\t")[0] for row in table.locator("tr:not(.differs)").all_inner_texts()]
    assert {"data.levels", "revision", "command"} < set(last)


def test_results_against_a_key_with_their_front(page):
    """Faults: a front through every run; an axis of numbers for words; all keys without lines."""
    page.locator("#results").scroll_into_view_if_needed()
    _drawn(page, "#results-chart")
    page.locator("#result-key").select_option("optimizer.lr")
    page.wait_for_timeout(300)
    assert _scale(page, "#results-chart", "x", "type") == "linear"
    page.locator("#result-key").select_option("variant")
    page.wait_for_timeout(300)
    assert _scale(page, "#results-chart", "x", "domain()") == ["pixel_cnn", "row_lstm"]
    page.locator("#result-key").select_option(label="all keys at once")
    page.wait_for_timeout(300)
    assert _scale(page, "#results-chart", "y", "domain()") == [0, 1]


def test_one_run_of_one_epoch(browser, tmp_path):
    """Faults: an empty chart; a run compared with itself where there is a baseline."""
    write_data(tmp_path / "digits")
    run = write_run(tmp_path / "runs" / "only", nats=5 + np.arange(40) / 40, drawn=True)
    lines = (run / "history.csv").read_text().splitlines(keepends=True)
    (run / "history.csv").write_text("".join(lines[:2]))
    compare(tmp_path / "runs", out=tmp_path / "out")
    for page in _watched(browser, tmp_path / "out" / "comparison.html"):
        chart = page.locator("#chart canvas")
        chart.scroll_into_view_if_needed()
        data = "context => context.getImageData(0, 0, 1e4, 1e4).data"
        line = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--c0')")
        wanted = [int(line.strip()[i : i + 2], 16) for i in (1, 3, 5)]
        count = f"""canvas => {{
          const bytes = ({data})(canvas.getContext("2d"));
          let found = 0;
          for (let i = 0; i < bytes.length; i += 4)
            found += {wanted}.every((value, k) => value === bytes[i + k]) && bytes[i + 3] === 255;
          return found; }}"""
        assert chart.evaluate(count) > 60
        page.locator("#images").scroll_into_view_if_needed()
        assert page.locator("#run-b option:checked").inner_text() == "independent pixels"
        page.locator("#cards figure").first.wait_for()


def test_printed(page):
    """Faults: controls on paper; a table cut at the window's edge; a chart that nobody saw yet."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    page.wait_for_timeout(2200)  # until what is below the window has been drawn, too
    assert not page.get_by_label("Filter").is_visible()
    assert not page.get_by_role("navigation").is_visible()
    for name in ("#table", "#verdicts", "#configs-table"):
        box = page.locator(name).bounding_box()
        assert box["x"] + box["width"] <= 722
    for region in page.locator(".scroll").all():
        style = region.evaluate(
            "it => [getComputedStyle(it).overflow, getComputedStyle(it).maxHeight]"
        )
        assert style == ["visible", "none"]
    assert page.locator("#forest canvas").count() == 1
    assert page.locator("#cards figure").count() > 0
    for canvas in page.locator("canvas").all():
        assert canvas.bounding_box()["width"] <= 722
