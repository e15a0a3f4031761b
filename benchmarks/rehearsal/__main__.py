"""`python -m rehearsal`: rehearsals against drydock, in one run, on a drydock of their own.

The exit code is 1 where a bound is missed or a cell of the table of faults is wrong.
"""

import argparse
import sys

from measure import report_head
from rehearsal import faults, jobs, kills, modes, times
from rehearsal.stand import stand

GROUPS = ("times", "modes", "jobs", "faults", "kills")


def main() -> None:
    """Print the groups that were asked for; all without an option."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100, help="jobs in a row (default 100)")
    parser.add_argument("--only", action="append", choices=GROUPS, help="may be given again")
    parser.add_argument("--rows", default="*", help='steps of the table of faults: "watch: *"')
    parser.add_argument("--kills", type=int, default=50, help="killed submits (default 50)")
    parser.add_argument("--seed", type=int, default=None, help="of the moments of the kills")
    parser.add_argument("--output-mode", choices=("upload", "rw_mount"), help="of all jobs")
    options = parser.parse_args()
    wanted = options.only or GROUPS
    are_met = True
    with stand(options.output_mode) as there:
        print(f"starting drydock took {there.start_s:.1f} s, once for all that follows")
        if "times" in wanted:
            report_head()
            are_met &= times.shown(options.output_mode)
        if "modes" in wanted:
            report_head()
            are_met &= modes.shown(there)
        if "jobs" in wanted:
            report_head()
            are_met &= jobs.many(there, options.jobs)
        if "faults" in wanted:
            are_met &= faults.table(there, options.rows)
        if "kills" in wanted:
            are_met &= kills.one_job_each(there, options.kills, options.seed)
    sys.exit(not are_met)


if __name__ == "__main__":
    main()
