import subprocess
import sys

from benchmarks.watching import Watched

MEGABYTE = 1 << 20
# Starts a process like itself, as deep as it is told; each holds some memory until all do.
NEST = """
import subprocess, sys
kept = b"x" * (64 << 20)
depth = int(sys.argv[2])
if depth:
    subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[1], str(depth - 1)], check=True)
else:
    import time
    time.sleep(0.5)
"""


def most(depth):
    process = subprocess.Popen([sys.executable, "-c", NEST, NEST, str(depth)])
    with Watched(process.pid) as watched:
        assert process.wait() == 0
    return watched.most


def test_memory_of_all_that_a_process_starts_is_counted():
    one, three = most(0), most(2)
    assert 64 * MEGABYTE < one.private < one.resident
    assert three.private > one.private + 2 * 64 * MEGABYTE
    assert three.resident > one.resident + 2 * 64 * MEGABYTE
