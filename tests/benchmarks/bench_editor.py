"""How fast the editor is: ``python -m tests.benchmarks.bench_editor``.

A bill of 120 lines in real Chromium; one line after the other gets a word more, a key every 200 ms. Measured in the
browser: from each key to the frame that shows it, and from each finished edit to the server's acknowledgement. Beside
it, in the same run, the same keys in a bare text box, since other work on the machine slows both; and the processor
time that the page's main thread takes for a key. In the end the store is asked whether all of it arrived.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import CDPSession, Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.long_bill import long_bill, read_long_bill
from tests.browser.workplace import run_workplace
from tests.waiting import until

# Two animation frames after a key was handled, what it changed has been painted.
MEASURE = """() => {
  window.paints = []; window.sent = []; window.answered = []
  addEventListener("keydown", (event) => {
    const began = event.timeStamp
    requestAnimationFrame(() => { const channel = new MessageChannel()
      channel.port1.onmessage = () => paints.push(performance.now() - began)
      channel.port2.postMessage(0) })
  }, true)
  const fetched = window.fetch
  window.fetch = async (url, options) => {
    if (!String(url).endsWith("/operations")) return fetched(url, options)
    const began = performance.now(), count = JSON.parse(options.body).operations.length
    const answer = await fetched(url, options)
    for (let edit = 0; edit < count; edit += 1) answered.push(performance.now() - began)
    return answer
  }
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lines", type=int, default=120)
    parser.add_argument("--edits", type=int, default=20)
    parser.add_argument("--pause", type=int, default=200, help="milliseconds between two keys")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, run_workplace(Path(home)) as workplace, sync_playwright() as playwright:
        bill = long_bill(options.lines)
        bill_id = read_long_bill(workplace.store, workplace.user, bill).id
        keys = options.edits * 3
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(base_url=workplace.url, viewport={"width": 1280, "height": 800})
        bare = measure_bare(page, keys, options.pause)
        page.goto(f"/bill?id={bill_id}")
        expect(page.locator(".line textarea")).to_have_count(options.lines)
        page.evaluate(MEASURE)
        before, thread = workplace.lines(bill_id), page.context.new_cdp_session(page)
        thread.send("Performance.enable", {"timeDomain": "threadTicks"})
        began = task_seconds(thread)
        page.locator(".line textarea").first.focus()
        for number in range(options.edits):
            page.keyboard.press("End")
            page.keyboard.type(f" x{number}", delay=options.pause)
            page.keyboard.press("Enter", delay=options.pause)
        spent = task_seconds(thread) - began
        wanted = [f"{text} x{n}" if n < options.edits else text for n, text in enumerate(before)]
        until(lambda: workplace.lines(bill_id) == wanted, "all edits to be saved")
        expect(page.locator(".editor .status")).to_have_text("Saved")
        paints, answered = page.evaluate("paints"), page.evaluate("answered")
        browser.close()
    print(f"{options.lines} lines, {options.edits} edits, a key every {options.pause} ms: all saved")
    print(f"main thread: {1000 * spent / len(paints):.1f} ms of processor time a key, saving and all included")
    figures = {"key to paint": paints, "the same in a bare text box": bare, "edit to acknowledged": answered}
    for name, values in figures.items():
        high = statistics.quantiles(values, n=20)[-1]
        print(f"{name}: median {statistics.median(values):.0f} ms, p95 {high:.0f} ms, {len(values)} measured")


def measure_bare(page: Page, keys: int, pause: int) -> list[float]:
    page.set_content("<textarea></textarea>")
    page.evaluate(MEASURE)
    page.locator("textarea").press_sequentially("x" * keys, delay=pause)
    return page.evaluate("paints")


def task_seconds(thread: CDPSession) -> float:
    metrics = thread.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


if __name__ == "__main__":
    main()
