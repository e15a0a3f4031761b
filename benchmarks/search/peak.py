"""Run a program, or import modules, and leave behind the peak memory and the modules loaded.

    python -m search.peak REPORT run MODULE ARGUMENT...
    python -m search.peak REPORT import FILE

The kernel's own figure of this process is read at the end: the one that a parent is told counts
the parent's memory, too.
"""

import contextlib
import importlib
import json
import runpy
import sys
import warnings
from pathlib import Path


def main() -> None:
    """Do as the arguments say; the exit code is the program's."""
    report, what, *rest = sys.argv[1:]
    code: object = 0
    if what == "run":
        sys.argv = rest
        try:
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            code = ended.code
    else:
        warnings.simplefilter("ignore")
        for name in json.loads(Path(rest[0]).read_text(encoding="utf-8")):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    found = {"peak_kb": _peak_kb(), "modules": sorted(sys.modules)}
    Path(report).write_text(json.dumps(found), encoding="utf-8")
    sys.exit(0 if code is None else code)  # type: ignore[arg-type]  # what the program gave


def _peak_kb() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


if __name__ == "__main__":
    main()
