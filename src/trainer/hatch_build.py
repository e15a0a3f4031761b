"""Compiles the kernel for the wheel, with the program and the list of files that the image has."""

import platform
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Kernel(BuildHookInterface[Any]):
    """Adds the libraries of the checkout's `pyproject.toml` to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile each library and name it; the wheel is of no Python version but of a machine."""
        del version
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise RuntimeError("the wheel is one of Linux on x86-64 and is made there")
        source = Path(self.root)
        checkout = source.parents[1]
        program = checkout / "src" / "hakobune" / "data" / "compile_library.py"
        settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
        folders = [str(Path.home() / ".cache/hakobune/zig"), str(source), str(source)]
        for library, files in settings["tool"]["hakobune"]["libraries"].items():
            subprocess.run([sys.executable, str(program), *folders, library, *files], check=True)
            build_data["artifacts"].append(library)
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-manylinux_2_28_x86_64"
