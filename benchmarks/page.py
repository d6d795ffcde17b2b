"""What the page costs a browser: `python -m benchmarks.page URL [seconds]` while orders arrive.

It opens the page in the machine's Chromium and prints after how long it shows figures, how often it
paints, how much CPU each kind of the browser's processes takes, and every half minute the size of the
page's heap. For a load, run `coffeert inject --url URL --rate 2000 --duration 60s` beside it.
"""

from __future__ import annotations

import asyncio
import sys
import time

import psutil
from playwright.async_api import CDPSession, async_playwright

from tests.page.conftest import chromium

WATCH = """
addEventListener('DOMContentLoaded', () => {
  window.paints = 0
  const changes = { attributes: true, attributeFilter: ['data-version'] }
  new MutationObserver(() => {
    window.first ??= performance.now()
    window.paints++
  }).observe(document.documentElement, changes)
})
"""


def cpu_seconds() -> dict[str, float]:
    """The CPU of this process's browser so far, by the kind of process."""
    sums: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            kinds = [word[7:] for word in process.cmdline() if word.startswith("--type=")]
            times = process.cpu_times()
        except psutil.Error:  # it has ended
            continue
        name = kinds[0] if kinds else process.name()
        sums[name] = sums.get(name, 0.0) + times.user + times.system
    return sums


async def heap(session: CDPSession) -> str:
    await session.send("HeapProfiler.collectGarbage")
    found = await session.send("Performance.getMetrics")
    metrics = {each["name"]: each["value"] for each in found["metrics"]}
    return f"heap {metrics['JSHeapUsedSize'] / 1e6:.2f} MB, {metrics['Nodes']:.0f} nodes"


async def measure(url: str, seconds: float) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium())
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.add_init_script(WATCH)
        await page.goto(url)
        while not (first := await page.evaluate("window.first ?? 0")):
            await page.wait_for_timeout(20)
        print(f"first figures after {first:.0f} ms", flush=True)
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        began, before = time.monotonic(), cpu_seconds()
        paints = await page.evaluate("window.paints")
        while (passed := time.monotonic() - began) < seconds:
            await asyncio.sleep(min(30.0, seconds - passed))
            print(f"{time.monotonic() - began:5.0f} s  {await heap(session)}", flush=True)
        passed, after = time.monotonic() - began, cpu_seconds()
        paints = await page.evaluate("window.paints") - paints
        print(f"{paints / passed:.2f} paints a second")
        for name, spent in after.items():
            print(f"{100 * (spent - before.get(name, 0.0)) / passed:5.1f} % of a core  {name}")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30.0))
