"""CPU time of `guiyi --help`, user and system: at most 0.5 seconds.

.venv/bin/python benchmarks/bench_cli_start.py
"""

import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "cli_start.json"
LIMIT_CPU_SECONDS = 0.5
RUNS = 5


def main() -> None:
    """Measure, write the result file, and fail above the limit."""
    guiyi = Path(sys.executable).with_name("guiyi")
    seconds: list[float] = []
    for _ in range(RUNS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([guiyi, "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    warm = sorted(seconds[1:])  # the first run may compile
    result = {
        "cpu_seconds": [round(value, 3) for value in warm],
        "median_cpu_seconds": round(warm[RUNS // 2], 3),
        "limit_cpu_seconds": LIMIT_CPU_SECONDS,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    if warm[RUNS // 2] > LIMIT_CPU_SECONDS:
        raise SystemExit(f"the command line took {warm[RUNS // 2]:.3f} s of CPU, {LIMIT_CPU_SECONDS} s are allowed")


if __name__ == "__main__":
    main()
