"""Runs inside the image, at the start of each Python: OpenBLAS's code for an older processor.

The image asks OpenBLAS for its code for Haswell, which gives the same digits on every processor
with AVX2 and FMA. A processor without them would stop at its first such instruction, so it gets
Nehalem's code instead. Uses only the standard library, and only the modules that are built in or
that NumPy loads anyway. A value that a user gave is left alone.
"""

from __future__ import annotations

import os

VARIABLE, COMMON, OLDER = "OPENBLAS_CORETYPE", "Haswell", "Nehalem"
# glibc's numbers of CPUID's leaves 1 and 7, and the bits for FMA (ECX) and AVX2 (EBX) in them.
_LEAF_1, _LEAF_7, _EBX, _ECX, _FMA, _AVX2 = 0, 1, 1, 2, 12, 5


def has_avx2_and_fma() -> bool:
    """Tell whether a program may use both.

    glibc is asked (sys/platform/x86.h, since 2.33), and the kernel for one that does not tell:
    /proc/cpuinfo describes the host even if another processor is emulated.
    """
    import ctypes  # noqa: PLC0415 - only where it is asked

    try:
        leaf = ctypes.CDLL(None)["__x86_get_cpuid_feature_leaf"]
    except (AttributeError, OSError, TypeError):
        return _is_listed()
    # Each leaf has four registers as the processor gives them, then the same as far as usable.
    leaf.restype = ctypes.POINTER(ctypes.c_uint32 * 8)
    leaf.argtypes = [ctypes.c_uint]
    first, seventh = (leaf(number).contents for number in (_LEAF_1, _LEAF_7))
    return bool(first[4 + _ECX] >> _FMA & 1 and seventh[4 + _EBX] >> _AVX2 & 1)


def _is_listed() -> bool:
    """Tell whether Linux lists both; where it lists nothing, nothing is changed."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - pathlib loads much
            flags = next((line.split() for line in file if line.startswith("flags")), None)
    except OSError:
        return True
    return flags is None or {"avx2", "fma"} <= set(flags)


if os.environ.get(VARIABLE) == COMMON and not has_avx2_and_fma():
    os.environ[VARIABLE] = OLDER
