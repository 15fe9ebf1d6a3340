"""usage: interrupt.py SIGNAL CACHE COMMAND...   sends SIGNAL when the first kernel is in CACHE, so that others are under way; prints how COMMAND ended"""
import pathlib
import shutil
import signal
import subprocess
import sys
import time

name, cache, command = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
while process.poll() is None and not any(cache.glob("*")):
    time.sleep(0.002)
process.send_signal(getattr(signal, "SIG" + name))
print("exit", process.wait(), flush=True)
left = [str(path) for path in cache.glob("*.partial*")]
shutil.rmtree(cache, ignore_errors=True)
sys.exit(f"left: {left}" if left else 0)
