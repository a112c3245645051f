"""`python bench/measure.py PROGRAM …`: run it, pass its output on, then say what it took as one JSON line."""

import json
import resource
import subprocess
import sys

done = subprocess.run(sys.argv[1:], check=False)  # noqa: S603 - what the benchmark names
took = resource.getrusage(resource.RUSAGE_CHILDREN)
sys.stdout.write(json.dumps({"processor": took.ru_utime + took.ru_stime, "kibibytes": took.ru_maxrss}) + "\n")
sys.exit(done.returncode)
