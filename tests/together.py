"""Which tests share a process when pytest runs several (`-n 2`).

What a module's tests go on from is made once, so a module is never divided. The unit tests of the
training program share a process, and those of everything else another: each half imports large
libraries (statsmodels, Azure ML's SDK) that the other does without.

pytest-xdist's own marker for this, `xdist_group`, has no effect with pytest 9.2
(https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

from xdist.scheduler import LoadScopeScheduling

# The first start of a test's path that fits decides its group.
GROUPS = (
    ("tests/unit/trainer/", "the training program"),
    ("tests/unit/", "the tool and drydock"),
    # Both work in one rehearsal.
    ("tests/e2e/test_cloud.py", "cloud"),
    ("tests/e2e/test_bad_input.py", "cloud"),
)


def group_of(nodeid: str) -> str:
    """Return what all tests of one process have in common."""
    path = nodeid.partition("::")[0]
    return next((group for start, group in GROUPS if path.startswith(start)), path)


class Together(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives each process whole groups of tests, the largest group first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
