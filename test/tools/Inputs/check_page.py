"""usage: check_page.py PAGE FOLDER   Chromium draws PAGE: a picture, a copy on paper, and what its elements measure

The page has no script, so a copy of it gets one, which writes what it finds into the title; Chromium prints the page as
it is then. The picture stays in FOLDER for people to look at.
"""
import pathlib
import re
import struct
import subprocess
import sys

page, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
PROBE = """<script>
addEventListener("load", () => {
  const wide = [...document.querySelectorAll("main > *")].filter(e => e.scrollWidth > e.clientWidth + 1).length;
  const drawings = [...document.querySelectorAll("svg")].map(e => e.getBoundingClientRect());
  const flat = drawings.filter(r => r.width < 10 || r.height < 10).length;
  const text = document.querySelectorAll("svg text").length;
  const dots = [...document.querySelectorAll(".dot")].filter(e => getComputedStyle(e).fill === "rgb(0, 0, 0)").length;
  document.title = `probe wide=${wide} drawings=${drawings.length} flat=${flat} text=${text} black=${dots} ` +
                   `over=${document.documentElement.scrollWidth > innerWidth}`;
});
</script>"""


def chromium(*arguments):
    return subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
         f"--user-data-dir={folder / 'profile'}", *arguments],
        check=True, capture_output=True, text=True, timeout=240).stdout


probed = folder / "probed.html"
probed.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
dumped = chromium("--window-size=1280,900", "--dump-dom", probed.resolve().as_uri())
found = re.search(r"<title>probe (.*?)</title>", dumped)
assert found, "the page was not loaded"
values = dict(part.split("=") for part in found[1].split())
print(values)
assert values["over"] == "false" and values["wide"] == "0", "wider than the window"
assert int(values["drawings"]) > 10 and values["flat"] == "0" and int(values["text"]) > 50, "something is not drawn"
assert values["black"] == "0", "a dot without its colour"

picture, paper = folder / "page.png", folder / "page.pdf"
chromium("--window-size=1280,2400", f"--screenshot={picture}", page.as_uri())
width, height = struct.unpack(">II", picture.read_bytes()[16:24])
assert (width, height) == (1280, 2400), (width, height)
chromium(f"--print-to-pdf={paper}", "--no-pdf-header-footer", page.as_uri())
assert paper.read_bytes().startswith(b"%PDF") and paper.stat().st_size > 20000
