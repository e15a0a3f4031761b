"""Runs inside the container: imports what each named package installed.

    python - PACKAGE... < import_packages.py

Prints how many modules it imported, or ends with 1 and the first import that failed. Uses only the
standard library, and knows nothing of the packages.
"""

import importlib
import importlib.metadata
import sys


def modules(name: str) -> list[str]:
    """Return the outermost packages and modules that a distribution installed."""
    files = [file for file in importlib.metadata.files(name) or [] if file.suffix == ".py"]
    packages = [file.parent for file in files if file.name == "__init__.py"]
    outer = [p for p in packages if not any(other in p.parents for other in packages)]
    alone = {file.stem for file in files if len(file.parts) == 1}
    return sorted({".".join(path.parts) for path in outer if str(path).isascii()} | alone)


def main() -> None:
    """Import them all."""
    count = 0
    for name in sys.argv[1:]:
        for module in modules(name):
            try:
                importlib.import_module(module)
            except Exception as exc:  # noqa: BLE001 - whatever an import may raise
                sys.exit(f"import {module} (of {name}): {type(exc).__name__}: {exc}")
            count += 1
    print(f"{count} modules of {len(sys.argv) - 1} packages import")


if __name__ == "__main__":
    main()
