"""The page in a real browser, served by a process of its own."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip(f"no Chromium at {CHROMIUM}", allow_module_level=True)
expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(files):
    """Start a server of all there is, and stop it as Ctrl-C does."""
    script = Path(__file__).with_name("server_process.py")
    command = [sys.executable, str(script), *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        first = server.stdout.readline().decode().strip()
        assert first.startswith("http://127.0.0.1:"), server.stderr.read().decode()
        yield first
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=20)[1].decode()
    assert server.returncode == 0 and said == "", said


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, address):
    """Return a function that opens the page; nothing may be complained of, or asked elsewhere."""
    complaints, requests, contexts = [], [], []

    def open_page(width=1000, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        expect(page.get_by_role("tab", name="Your picture")).to_be_visible()
        page.complaints = complaints
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(url.startswith((address, f"blob:{address}")) for url in requests), requests


@pytest.fixture
def query(pictures):
    return pictures / "query 8.png"


def transfer(page, path, event):
    """Drop or paste a file, as the browser hands it over."""
    page.evaluate(
        """([text, name, type, event]) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type }));
            const bubbles = { bubbles: true, cancelable: true };
            const made = event === "paste"
                ? new ClipboardEvent("paste", { clipboardData: data, ...bubbles })
                : new DragEvent(event, { dataTransfer: data, ...bubbles });
            document.body.dispatchEvent(made);
        }""",
        [base64.b64encode(path.read_bytes()).decode(), path.name, "image/png", event],
    )


def expect_verdict(page):
    expect(page.locator("#answer")).to_have_text("digit 8")
    expect(page.locator("#shares li")).to_have_count(10)
    expect(page.locator("#shares li.chosen")).to_contain_text("digit 8")
    expect(page.locator("#hits li")).to_have_count(12)
    expect(page.get_by_role("status").first).to_contain_text("digit 8")


def test_a_file_too_large_puts_off_the_look_before_it(opened, tmp_path, query):
    page = opened()
    page.route("**/api/look*", lambda route: None)  # which keeps it waiting
    page.set_input_files("#file", query)
    status = page.locator("#looking-status")
    expect(status).to_have_text("Looking …")
    (tmp_path / "large.png").write_bytes(bytes(21 << 20))
    page.set_input_files("#file", tmp_path / "large.png")
    expect(status).to_contain_text("large.png has 22.0 MB")
    page.wait_for_timeout(300)
    expect(status).to_contain_text("large.png has 22.0 MB")
    expect(page.locator("#looking")).not_to_have_attribute("aria-busy", "true")


@pytest.mark.parametrize("way", ["choose", "drop", "paste"])
def test_a_picture_is_looked_at(opened, query, way):
    page = opened()
    if way == "choose":
        page.set_input_files("#file", query)
    else:
        transfer(page, query, way)
    expect_verdict(page)
    assert page.locator("#shown").evaluate("image => image.decode().then(() => image.naturalWidth)")
    loaded = (
        "images => Promise.all(images.map((image) => image.decode())).then(() => images.length)"
    )
    assert page.locator("#hits img").evaluate_all(loaded) == 12
    bar = page.locator("#shares li.chosen .bar")
    share = page.locator("#shares li.chosen .share").inner_text()
    ratio = bar.evaluate("bar => bar.firstChild.offsetWidth / bar.offsetWidth")
    assert 100 * ratio == pytest.approx(float(share.removesuffix(" %")), abs=1)
    kernel = float(page.locator("#hits .kernel").first.inner_text())
    assert 0.5 < kernel <= np.tanh(2)


def test_a_hit_is_looked_at_in_turn(opened, query):
    page = opened()
    page.set_input_files("#file", query)
    hit = page.locator("#hits button").nth(2)
    name = hit.locator(".name").inner_text()
    hit.click()
    expect(page.locator("#shown-name")).to_have_text(name)
    expect(page.locator("#hits button .name").first).to_have_text(name)
    expect(page.locator("#hits .kernel").first).to_have_text(f"{np.tanh(2):.4f}")


def test_what_is_refused_is_told(opened, tmp_path, query):
    page = opened()
    (tmp_path / "notes.png").write_bytes(b"no picture")
    page.set_input_files("#file", query)
    expect_verdict(page)
    page.set_input_files("#file", tmp_path / "notes.png")
    status = page.get_by_role("status").first
    expect(status).to_contain_text("no picture that can be read")
    expect(page.locator("#answer")).to_be_hidden()
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(21 << 20)
    page.set_input_files("#file", tmp_path / "huge.png")
    expect(status).to_contain_text("huge.png has 22.0 MB; 21.0 MB are the most")
    (failed,) = page.complaints  # the browser itself tells of the answer 422
    assert "422" in failed
    page.complaints.clear()


def test_pictures_are_made_and_downloaded(opened):
    page = opened()
    page.get_by_role("tab", name="New pictures").click()
    page.get_by_label("Class").select_option("rough <sea>")
    page.get_by_label("Pictures", exact=True).fill("5")
    page.get_by_label("Steps").fill("3")
    page.get_by_label("Seed").fill("7")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_alt_text("5 pictures of rough <sea>")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "rough-sea-seed-7.png"
    with Image.open(download.value.path()) as sheet:
        first = np.asarray(sheet)
    page.get_by_role("button", name="With the next seed").click()
    expect(page.locator("#generating-status")).to_contain_text("seed 8, 3 steps")
    assert page.get_by_label("Seed").input_value() == "8"
    assert first.shape == (196, 248, 4)


def test_the_form_knows_the_bounds(opened):
    page = opened()
    page.get_by_role("tab", name="New pictures").click()
    usual = [
        page.get_by_label(name, exact=True).input_value() for name in ("Pictures", "Steps", "Seed")
    ]
    assert usual == ["16", "20", "0"]
    page.get_by_label("Steps").fill("101")
    page.get_by_role("button", name="Generate").click()
    assert page.get_by_label("Steps").evaluate("field => !field.validity.valid")
    expect(page.locator("#generating-status")).to_be_empty()


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def test_the_keyboard_is_enough(opened, query):
    page = opened()
    page.on("filechooser", lambda chooser: None)  # from now on, not only once a key is pressed
    page.keyboard.press("Tab")
    assert focused(page) == "looking-tab"
    page.keyboard.press("Tab")
    assert focused(page) == "file"
    ring = "getComputedStyle(document.getElementById('drop')).outlineStyle"
    assert page.evaluate(ring) == "solid"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(query)
    expect_verdict(page)
    page.keyboard.press("Tab")
    assert "digit 8" in focused(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#hits .kernel").first).to_have_text(f"{np.tanh(2):.4f}")
    assert focused(page) == "file"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    assert focused(page) == "generating-tab"
    expect(page.locator("#looking")).to_be_hidden()
    page.keyboard.press("Tab")
    assert focused(page) == "class"
    page.keyboard.press("Tab")
    page.keyboard.type("4")  # what is there is selected, as browsers do
    page.keyboard.press("Enter")
    expect(page.locator("#made img")).to_be_visible()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.get_by_role("tab", name="New pictures").focus()
    page.keyboard.press("Home")
    assert focused(page) == "looking-tab"
    expect(page.locator("#answer")).to_be_visible()


def overflowing(page):
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_a_phone_is_wide_enough(opened, query):
    page = opened(width=360, height=740)
    assert not overflowing(page)
    page.set_input_files("#file", query)
    expect_verdict(page)
    assert not overflowing(page)
    page.evaluate("document.querySelector('#answer').textContent = 'incomprehensible'.repeat(9)")
    assert not overflowing(page)
    page.get_by_role("tab", name="New pictures").click()
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#made img")).to_be_visible()
    assert not overflowing(page)


def brightness(page):
    """Return the sums of red, green and blue of the ink and of the paper."""
    style = "getComputedStyle(document.body)"
    colours = page.evaluate(f"[{style}.color, {style}.backgroundColor]")
    return [sum(map(int, colour[4:-1].split(","))) for colour in colours]


def test_dark_and_light(opened, query, tmp_path):
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        page.set_input_files("#file", query)
        expect_verdict(page)
        ink, paper = brightness(page)
        assert (ink < paper) == (scheme == "light") and abs(ink - paper) > 500
        page.screenshot(path=tmp_path / f"{scheme}.png")
        with Image.open(tmp_path / f"{scheme}.png") as shot:
            corner = sum(shot.convert("RGB").getpixel((2, 2)))
        assert corner == paper


def test_a_server_that_is_gone_is_told(opened, query):
    page = opened()
    page.context.set_offline(True)
    page.set_input_files("#file", query)
    expect(page.get_by_role("status").first).to_contain_text("is ogive serve still running?")
    page.complaints.clear()


def test_everything_has_a_name(opened, query):
    page = opened()
    page.set_input_files("#file", query)
    expect_verdict(page)
    page.get_by_role("tab", name="New pictures").click()
    nameless = page.evaluate(
        """[...document.querySelectorAll("input, select")]
            .filter((field) => !field.labels?.length).map((field) => field.id)"""
    )
    assert nameless == []
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("html").get_attribute("lang") == "en"
