"""C files to the libraries beside them, with the bytes that the image's build makes too."""

import hashlib

from hakobune.adapters import compiler, files
from hakobune.adapters.process import Runner
from hakobune.errors import CompilerMissingError
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.project import read_current_lock, require_compiler


def compile_libraries(project: Project, runner: Runner, reporter: Reporter) -> None:
    """Compile each library of the project into its source, for tests outside a container.

    Raises CompilerMissingError unless the compiler is the one that the lock names, or
    CompilationFailedError.
    """
    if not project.libraries:
        return
    lock = read_current_lock(project)
    require_compiler(project, lock)
    for wheel in lock.compilers:
        found = compiler.installed_version(wheel.name)
        if found != wheel.version:
            raise CompilerMissingError(
                f"{wheel.name} {wheel.version}, which {project.lock} names, is not installed here"
                + (f"; {found} is" if found else ""),
                remedy=f"pip install {wheel.name}=={wheel.version}",
            )
    source = project.root / project.source
    for library in project.libraries:
        compiler.compile_library(runner, source, library.path, library.files)
        made = files.read_bytes(source / library.path) or b""
        reporter.done(
            "compile",
            f"{project.source}/{library.path}",
            digest=hashlib.sha256(made).hexdigest(),
        )
