"""usage: check_report.py (REPORT TRACE WORKERS)...   pages are well-formed and whole, traces have all phases"""
import json
import sys
import xml.etree.ElementTree as tree

XHTML = "{http://www.w3.org/1999/xhtml}"


def text(element):
    return "".join(element.itertext())


def check_report(path, workers):
    page = tree.parse(path).getroot()  # XML: every element ends, every name is escaped
    assert page.tag == XHTML + "html", page.tag
    headings = [text(heading) for heading in page.iter(XHTML + "h2")]
    for wanted in "Roofline", "Phases, by time lost", "Decode by context", "Workers", "One token, by worker", "roofs":
        assert any(wanted in heading for heading in headings), (wanted, headings)
    for element in page.iter():
        assert element.tag not in (XHTML + "script", XHTML + "link", XHTML + "img"), element.tag
        assert not {"src", "href"} & set(element.attrib), element.attrib
    drawings = list(page.iter(XHTML + "svg"))
    dots = [e for d in drawings for e in d.iter() if e.get("class", "").startswith("dot ")]
    assert {dot.get("class") for dot in dots} == {"dot decode", "dot prefill"}, dots
    assert all("% of its limit" in text(dot) for dot in dots)
    slices = [e for d in drawings for e in d.iter(XHTML + "rect") if e.get("class", "").startswith("slice")]
    assert len(slices) > 10 * workers and all("then waits" in text(slice) for slice in slices), len(slices)
    seen = {text(e) for d in drawings for e in d.iter(XHTML + "text") if text(e).startswith("worker ")}
    assert seen == {f"worker {i}" for i in range(workers)}, seen
    # Numbers that a drawing could not place would be "nan" or "inf".
    for drawing in drawings:
        for element in drawing.iter():
            for name, value in element.attrib.items():
                numbers = () if name in ("aria-label", "class") else value.replace(",", " ").split()
                assert not {"nan", "inf", "-nan", "-inf"} & set(numbers), element.attrib
    phases = [t for t in page.iter(XHTML + "table") if t.get("class") == "phases"]
    assert len(phases) == 2 and all(len(list(t.iter(XHTML + "tr"))) > 8 for t in phases), len(phases)
    return page


def check_trace(path, workers):
    events = json.load(open(path))["traceEvents"]
    slices = [e for e in events if e["ph"] == "X"]
    for process in {e["pid"] for e in slices}:
        for worker in range(workers):
            mine = sorted((e for e in slices if (e["pid"], e["tid"]) == (process, worker)), key=lambda e: e["ts"])
            assert {e["cat"] for e in mine} == {"phase", "wait"}, (process, worker)
            for one, other in zip(mine, mine[1:]):  # a worker does one thing at a time
                assert other["ts"] >= one["ts"] + one["dur"] - 1e-3, (one, other)
            names = [e["name"] for e in mine if e["cat"] == "phase"]
            assert "layers.0.mlp.down" in names and "logits" in names, names
    return len({e["pid"] for e in slices})


arguments = sys.argv[1:]
for i in range(0, len(arguments), 3):
    report, trace, workers = arguments[i], arguments[i + 1], int(arguments[i + 2])
    page = check_report(report, workers)
    two = "/two" in report
    assert check_trace(trace, workers) == (4 if two else 2)
    assert ("a<b&c" in text(page)) == two
    assert ("B over A" in text(page)) == two
