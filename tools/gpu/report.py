"""What the checks found, kept as REPORT.json and shown as REPORT.txt. Written after every step, so that a run that is cut
off leaves what it had.

A step is {"status": "passed" | "failed" | "measured" | "skipped" | "cut off", "said": one line, "seconds": ..., more}. What
was cut off is tried again by a run that finds the report.
"""
import json
import os
import pathlib
import statistics
import threading
import time

AGAIN = ("cut off", "skipped")


class Report:
    def __init__(self, path, plan):
        self.json, self.text = pathlib.Path(f"{path}.json"), pathlib.Path(f"{path}.txt")
        self.plan, self.lock, self.start = plan, threading.Lock(), time.monotonic()
        self.steps = {}
        if self.json.exists():
            before = json.loads(self.json.read_text())
            if before.get("stamp") == plan["stamp"]:  # of the same folder
                self.steps = before["steps"]

    def has(self, name):
        return name in self.steps and self.steps[name]["status"] not in AGAIN

    def put(self, name, status, said, seconds=0.0, **more):
        with self.lock:
            self.steps[name] = {"status": status, "said": said, "seconds": round(seconds, 2), **more}
            print(f"[{time.monotonic() - self.start:5.0f} s] {name}: {status}, {said}", flush=True)
            self.write()

    def write(self):
        for path, text in ((self.json, json.dumps({"lathe": self.plan["lathe"], "stamp": self.plan["stamp"], "steps": self.steps}, indent=1)),
                           (self.text, self.words())):
            new = path.with_name(path.name + ".new")
            new.write_text(text)
            os.replace(new, path)

    def failures(self):
        return [name for name, step in self.steps.items() if step["status"] in ("failed", "cut off")]

    # As text.

    def words(self):
        lines = [self.plan["lathe"], *self.steps.get("machine", {}).get("lines", []), ""]
        count = {status: sum(s["status"] == status for s in self.steps.values())
                 for status in ("passed", "failed", "measured", "skipped", "cut off")}
        lines.append(", ".join(f"{number} {status}" for status, number in count.items()))
        lines += [f"  {s['status']}: {name}: {s['said']}" for name, s in self.steps.items()
                  if s["status"] in ("failed", "cut off", "skipped")]
        lines += [f"  not packed: {why}" for why in self.plan["unpacked"]]
        lines += self.speed() + self.peer() + self.phases()
        lines += ["", "Everything that passed"] + [f"  {name}: {s['said']}" for name, s in self.steps.items()
                                                    if s["status"] == "passed"]
        return "\n".join(lines) + "\n"

    def limits(self):
        return self.steps.get("limits", {}).get("limits", {})

    def speed(self):
        """A line for each run of a shape."""
        rows = [("shape", "run", "tokens/s", "us a step", "MB", "GB/s", "of read", "goal", "")]
        for shape in self.plan["shapes"]:
            base = self.steps.get(f"{shape['name']}: decode 128", {}).get("seconds_a_step")
            for run in shape["runs"]:
                step = self.steps.get(f"{shape['name']}: {run['name']}")
                if step and step["status"] == "measured":
                    rows.append((shape["name"], run["name"], *self.speed_of(run, step, base)))
        return ["", *(f"{name}: {value}" for name, value in self.limits().get("words", {}).items()), *table(rows)]

    def speed_of(self, run, step, base):
        if run["p"] > 1:
            rate = step["prefill_rate"]
            return (f"{rate:.0f}", f"{1e6 * run['p'] / rate:.0f}", "", "", f"{step['prefill_operations'] * rate / run['p'] / 1e12:.0f} TOP/s",
                    "", "")
        seconds, read = step["seconds_a_step"], self.limits().get("read_bytes_per_s", 0)
        got, goal, met = "", "", ""
        if read:
            part = step["bytes"] / seconds / read
            got = f"{100 * part:.1f} %"
            if run["goal"]:
                goal, met = f"{100 * run['goal']:.0f} %", "met" if part >= run["goal"] else "missed"
        if run["at_most"] and base:
            goal, met = f"{seconds / base:.2f} x, at most {run['at_most']:.2f}", "met" if seconds <= run["at_most"] * base else "missed"
        return (f"{step['decode_rate']:.1f}", f"{1e6 * seconds:.0f}", f"{step['bytes'] / 1e6:.0f}",
                f"{step['bytes'] / seconds / 1e9:.0f}", got, goal, met)

    def peer(self):
        rows = self.steps.get("peer", {}).get("rows", [])
        return ["", "PyTorch on this card"] + [f"  {row['words']}" for row in rows] if rows else []

    def phases(self):
        """Of each run the phases that lose most against the card's limits, or take most where those are not known."""
        lines = []
        for name, step in self.steps.items():
            if not step.get("phases"):
                continue
            lines += ["", f"{name}: {step['schedules']}"]
            lines += table([("phase", "times", "us", "share", "lost us", "GB/s", "TOP/s", "bound", "of limit")] + [
                (p["name"], f"{p['count']:.0f}", f"{p['seconds'] * 1e6:.1f}", f"{100 * p['seconds'] / step['phase_seconds']:.1f} %",
                 f"{(p['seconds'] - p.get('limit_seconds', 0)) * 1e6:.1f}" if "limit_seconds" in p else "",
                 f"{p['bytes'] / p['seconds'] / 1e9:.0f}", f"{p['operations'] / p['seconds'] / 1e12:.1f}", p.get("bound", ""),
                 f"{100 * p['of_limit']:.0f} %" if "of_limit" in p else "") for p in step["phases"] if p["seconds"] > 0])
        return lines


def table(rows):
    if len(rows) < 2:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                             for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def median(values):
    return statistics.median(values) if values else 0.0
