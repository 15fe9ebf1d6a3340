"""usage: tune_interrupt.py COMMAND...   sends SIGINT when the journal of COMMAND's --out has a measurement; prints how it ended"""
import pathlib
import signal
import subprocess
import sys
import time

command = sys.argv[1:]
journal = pathlib.Path(command[command.index("--out") + 1] + ".journal")


def measurements():
    return journal.read_text().count('"key"') if journal.exists() else 0


process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while process.poll() is None and not measurements():
    time.sleep(0.01)
process.send_signal(signal.SIGINT)
code = process.wait()
print(f"exit {code},", "measurements on disk" if measurements() else "nothing on disk")
