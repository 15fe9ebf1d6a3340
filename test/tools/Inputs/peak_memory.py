"""usage: peak_memory.py COMMAND...   runs it and prints the most memory that it held, in MB (getrusage's ru_maxrss)."""
import resource
import subprocess
import sys

done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(done.returncode)
