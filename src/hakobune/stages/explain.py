"""Explains the lock as it is; it is not resolved again, and no index is asked."""

from collections.abc import Callable, Mapping, Sequence

from hakobune.adapters import resolver
from hakobune.adapters.process import Runner
from hakobune.adapters.resolver import KnownSdist, Question
from hakobune.model.project import Project
from hakobune.model.spec import Index
from hakobune.stages.project import read_environment, read_fresh_lock
from hakobune.transform.explain_lock import Explained, explain_lock

# Older releases of Debian have an older glibc, but what is locked is pinned all the same.
_ANY_GLIBC = 41


def explain(
    project: Project,
    runner: Runner,
    index: Callable[[Sequence[Index]], Mapping[str, str]],
) -> list[Explained]:
    """Return where each package comes from, and who asked for it.

    Which packages need which is taken from uv's cache: on the machine that locked, it is there.
    Raises LockStaleError, or what reading the files raises.
    """
    lock = read_fresh_lock(project)
    spec = read_environment(project)
    question = Question(
        requirements=tuple(
            wanted.name if wanted.others or " @ " in wanted.text else wanted.text
            for wanted in spec.requirements
        ),
        python=lock.python,
        glibc=_ANY_GLIBC,
        file=project.environment,
        constraints=tuple(f"{p.name}=={p.version}" for p in lock.python_packages),
        overrides=lock.overrides,
        takes_prereleases=True,
        known=tuple(KnownSdist(name=p.name, version=p.version, requires=()) for p in lock.sdists),
    )
    needed_by = resolver.needed_by(runner, question, env=index(lock.indexes))
    return explain_lock(spec, lock, file=project.environment, needed_by=needed_by)
