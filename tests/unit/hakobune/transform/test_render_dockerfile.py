import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hakobune.model.lock import Lock, LockedDebian, LockedSdist, LockedWheel
from hakobune.model.project import Library, Project
from hakobune.transform.render_dockerfile import (
    Programs,
    Source,
    is_left_out,
    render_dockerfile,
    render_dockerignore,
    rendered_source,
    source_of,
)
from hakobune.transform.render_download import render_download
from hakobune.transform.seal import is_sealed
from tests.samples import DIGEST, LIBRARY, make_lock, make_project

PROJECT = make_project(Path("/nowhere"))
SOURCE = source_of({"__main__.py": b""})
NATIVE = make_project(
    Path("/nowhere"), LIBRARY, Library(path="b.so", files=("inner/b.c", "inner/fast.c"))
)
PROGRAMS = Programs(
    import_packages="print('import')\n",
    finish_packages="print('finish')\n",
    compile_library="print('compile')\n",
    fetch_sdists="print('fetch')\n",
    fetch_debian="print('debian')\n",
    check_libraries="print('check')\n",
    choose_arithmetic="print('choose')\n",
)


def rendered(
    source: str = "f" * 64,
    digest: str | None = None,
    project: Project = PROJECT,
    folders: tuple[str, ...] = (),
    files: tuple[str, ...] = ("__main__.py",),
) -> str:
    lock = make_lock(digest=digest, compiler=bool(project.libraries))
    tree = Source(sha256=source, files=files, folders=folders)
    return render_dockerfile(lock, project, source=tree, programs=PROGRAMS).decode()


def stages(text: str) -> dict[str, str]:
    """Return each stage's text by its name; the last one is the image."""
    parts = text.split("\nFROM ")[1:]
    return {part.split("\n")[0].partition(" AS ")[2] or "image": part for part in parts}


DEBIAN = LockedDebian(
    name="libgomp1",
    version="14.2.0-19",
    architecture="amd64",
    size=1,
    sha256="7" * 64,
    path="pool/main/g/gcc-14/libgomp1_14.2.0-19_amd64.deb",
    suite="trixie",
)


def test_debian_packages_lie_below_all_other_stages() -> None:
    plain = make_lock()
    lock = replace(plain, packages=(*plain.packages, DEBIAN))
    text = render_dockerfile(lock, PROJECT, source=SOURCE, programs=PROGRAMS).decode()
    found = stages(text)
    assert list(found)[-5:] == ["debs", "base", "packages", "source", "image"]
    assert found["base"].startswith("bare AS base\nRUN --network=none ")
    row = f"trixie libgomp1 14.2.0-19 amd64 {'7' * 64} {DEBIAN.path}"
    assert row in found["debs"].splitlines()
    assert all(found[name].startswith("base") for name in ("packages", "source", "image"))
    assert (
        "debs" not in render_dockerfile(plain, PROJECT, source=SOURCE, programs=PROGRAMS).decode()
    )


def test_a_dockerfile_is_sealed_and_says_where_it_comes_from() -> None:
    text = rendered()
    assert is_sealed(text.encode())
    assert "Written by `hakobune render` from environments/demo.yml" in text


def test_every_package_is_installed_by_its_hash() -> None:
    lock = make_lock()
    for wheel in (*lock.packages, *lock.tools):
        line = f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n"
        assert line in rendered()
    assert rendered().count("--require-hashes") == 2


def test_a_package_whose_marker_does_not_apply_here_is_not_imported() -> None:
    lock = make_lock()
    wanted = ("python=3.13", "Six", "tomli<3; python_version < '3.11'")
    lock = replace(lock, requirements=wanted)
    tree = Source(sha256="f" * 64, files=(), folders=())
    text = render_dockerfile(lock, PROJECT, source=tree, programs=PROGRAMS).decode()
    assert "/build/finish_packages.py /venv 315532800 \\\n  six\nEND\n" in text


def test_the_platform_and_the_base_by_digest_are_named() -> None:
    assert "ARG HAKOBUNE_BASE=docker.io/library/python:3.13-slim-trixie\n" in rendered()
    pinned = rendered(digest=DIGEST)
    assert f"ARG HAKOBUNE_BASE=docker.io/library/python@{DIGEST}\n" in pinned
    assert "# docker.io/library/python:3.13-slim-trixie, pinned\n" in pinned
    assert "FROM --platform=linux/amd64 ${HAKOBUNE_BASE} AS base\n" in pinned


def test_labels_hold_the_digests_of_conda_file_lock_and_source() -> None:
    lock = make_lock()
    labels = rendered().split("LABEL ")[1]
    assert f'hakobune.environment.sha256="{lock.environment_sha256}"' in labels
    assert f'hakobune.lock.sha256="{lock.sha256}"' in labels
    assert f'hakobune.source.sha256="{"f" * 64}"' in labels


def test_a_change_of_code_changes_only_what_comes_after_the_packages() -> None:
    one, two = rendered("1" * 64), rendered("2" * 64)
    both = [n for n, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    assert both[0] > one.index("FROM base AS source")


def test_the_source_can_be_read_back() -> None:
    for files in ((), ("END", "inner/a b.py", "other/$(x),'\"箱.py")):
        source = Source(sha256="3" * 64, files=files, folders=("inner", "other"))
        text = rendered(source.sha256, folders=source.folders, files=files)
        assert rendered_source(text.encode()) == source
    assert rendered_source(b"FROM scratch\n") is None


def test_each_folder_of_the_source_is_a_layer_before_the_rest() -> None:
    image = stages(rendered(folders=("inner", "other")))["image"]
    copies = [line for line in image.splitlines() if line.startswith("COPY --from=source")]
    assert copies == [
        "COPY --from=source /parts/inner /",
        "COPY --from=source /parts/other /",
        "COPY --from=source /image /",
    ]
    assert "for folder in inner other; do" in stages(rendered(folders=("inner", "other")))["source"]


def test_folders_are_those_at_the_top_whose_names_a_shell_takes_as_they_are() -> None:
    tree = {"b/x.py": b"", "a/in/y.py": b"", "z.py": b"", "odd name/q.py": b"", "$(x)/r": b""}
    assert source_of(tree).folders == ("a", "b")
    assert set(source_of(tree).files) == set(tree)


def test_the_program_runs_as_nobody_special() -> None:
    assert "\nUSER 1000:1000\n" in rendered()


def test_the_image_fixes_its_arithmetic() -> None:
    line = next(line for line in rendered().splitlines() if "OPENBLAS_CORETYPE" in line)
    variables = "OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1"
    assert line.split() == ["ENV", *variables.split(), "PYTHONHASHSEED=0"]


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("2.4.0", "X86_V4 AVX512_ICL AVX512_SPR"),
        ("10.0", "X86_V4 AVX512_ICL AVX512_SPR"),
        ("2.3.5", "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"),
        ("1.26.4", "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"),
    ],
)
def test_numpy_takes_no_loops_beyond_avx2_by_the_names_that_it_knows(
    version: str, names: str
) -> None:
    lock = make_lock()
    numpy = replace(lock.packages[0], name="numpy", version=version)
    lock = replace(lock, packages=(*lock.packages, numpy))
    tree = Source(sha256="f" * 64, files=(), folders=())
    text = render_dockerfile(lock, PROJECT, source=tree, programs=PROGRAMS).decode()
    assert f'PYTHONHASHSEED=0 \\\n    NPY_DISABLE_CPU_FEATURES="{names}"\n' in text


def test_secrets_are_mounted_and_never_copied_or_passed_as_arguments() -> None:
    text = rendered()
    for name in ("ca_bundle", "pip_conf", "extra_index_url"):
        assert f"--mount=type=secret,id={name}" in text
        assert f"COPY {name}" not in text
    assert [line for line in text.splitlines() if line.startswith("ARG")] == [
        "ARG HAKOBUNE_BASE=docker.io/library/python:3.13-slim-trixie",
        "ARG HAKOBUNE_BASE",
    ]


def test_the_build_sees_the_source_and_nothing_else() -> None:
    lines = render_dockerignore(PROJECT, SOURCE).decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "*",
        "!src/demo",
        "**/__pycache__",
        "**/.DS_Store",
        "src/demo/hatch_build.py",
        "src/demo/pyproject.toml",
    ]


def test_the_build_does_not_see_libraries_that_were_compiled_here() -> None:
    lines = render_dockerignore(NATIVE, SOURCE).decode().splitlines()
    assert lines[-2:] == ["src/demo/inner/fast.so", "src/demo/b.so"]
    assert all(is_left_out(NATIVE, path) for path in ("inner/fast.so", "b.so"))


def test_a_project_without_libraries_has_no_stage_that_compiles() -> None:
    assert list(stages(rendered())) == ["vendor", "base", "packages", "source", "image"]
    assert "from=libraries" not in rendered()
    assert "print('compile')" not in rendered()


def test_libraries_are_compiled_from_the_c_files_and_headers_alone() -> None:
    stage = stages(rendered(project=NATIVE))["libraries"]
    copied = [line for line in stage.splitlines() if line.startswith("COPY ") and "<<" not in line]
    assert copied == [
        "COPY src/demo/more.c src/demo/*.h /build/source/",
        "COPY src/demo/inner/b.c src/demo/inner/fast.c src/demo/inner/*.h /build/source/inner/",
    ]
    assert (
        "\ncompile inner/fast.so inner/fast.c more.c\ncompile b.so inner/b.c inner/fast.c\n"
        in stage
    )
    assert " /image/app/demo " in stage


def test_the_compiler_is_installed_by_its_hash_and_only_where_it_compiles() -> None:
    found = stages(rendered(project=NATIVE))
    pin = f"ziglang==0.17 --hash=sha256:{'9' * 64}\n"
    assert [name for name, text in found.items() if pin in text] == ["libraries"]
    assert [name for name, text in found.items() if "uv==0.9" in text] == ["packages"]
    assert found["libraries"].count("--require-hashes") == 1


def test_a_change_of_code_compiles_nothing_again() -> None:
    one, two = (stages(rendered(digit * 64, project=NATIVE)) for digit in "12")
    assert [name for name in one if one[name] != two[name]] == ["source", "image"]


def test_c_files_are_in_the_digest_and_not_in_the_image() -> None:
    lines = stages(rendered(project=NATIVE))["source"].splitlines()
    drop = "rm -f more.c *.h inner/b.c inner/fast.c inner/*.h"
    assert lines.index(drop) > next(n for n, text in enumerate(lines) if "sha256sum" in text)
    assert "rm -f" not in stages(rendered())["source"]


def test_libraries_come_before_the_code_so_that_its_layer_stays_small() -> None:
    image = stages(rendered(project=NATIVE))["image"]
    places = [image.index(f"COPY --from={name} ") for name in ("packages", "libraries", "source")]
    assert places == sorted(places)


def test_every_step_that_asks_the_index_can_take_its_wheels_from_the_vendored_folder() -> None:
    text = rendered(project=NATIVE)
    assert "\nFROM scratch AS vendor\nFROM " in text, "the stage is empty"
    asking = [
        line
        for line in text.splitlines()
        if re.search(r"\bpip (install|download)\b", line) and not line.startswith("#")
    ]
    assert len(asking) == 3
    assert all(" $from " in line for line in asking)
    assert text.count("--mount=type=bind,from=vendor,target=/build/vendor") == 2


def test_what_is_fetched_for_a_folder_is_wheels_by_their_hash_and_nothing_else() -> None:
    lock = make_lock()
    (wheel,) = lock.tools
    text = render_download(lock, (wheel,), fetch_program="FETCH").decode()
    assert f"\n{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\nEND" in text
    assert "--require-hashes" in text
    assert text.endswith("FROM scratch\nCOPY --from=fetched /wheels /\n")
    assert lock.packages[0].sha256 not in text
    assert "FETCH" not in text


def test_two_versions_of_a_package_are_fetched_one_after_the_other() -> None:
    lock = make_lock()
    (wheel,) = lock.tools
    newer = replace(wheel, version="99", file="n.whl")
    text = render_download(lock, (wheel, newer, wheel), fetch_program="FETCH").decode()
    first, second = re.findall(r"(?s)COPY <<'END' /build/lists/\d.txt\n(.*?)\nEND", text)[:2]
    assert (first.count("=="), second.count("==")) == (1, 1)
    assert "==99 " in second


def test_source_distributions_are_fetched_for_a_folder_too() -> None:
    lock = with_sdist()
    text = render_download(lock, lock.sdists, fetch_program="FETCH").decode()
    assert f"COPY <<'END' /build/sdists.txt\nold==1.0 {'8' * 64} old-1.0.tar.gz\nEND" in text
    assert "\nFETCH\nEND" in text


def with_sdist(wheel_sha256: str = "") -> Lock:
    """Return a lock with a source distribution."""
    setuptools = LockedWheel(
        name="setuptools", version="75.3", file="s.whl", size=1, sha256="7" * 64
    )
    old = LockedSdist(
        name="old",
        version="1.0",
        file="old-1.0.tar.gz",
        size=1,
        sha256="8" * 64,
        builders=("setuptools==75.3",),
        wheel_sha256=wheel_sha256,
    )
    lock = make_lock()
    return replace(lock, packages=(*lock.packages, old), builders=(setuptools,))


def stages_of(lock: Lock) -> dict[str, str]:
    """Return the text of each stage by its name."""
    tree = Source(sha256="f" * 64, files=("a.py",), folders=())
    text = render_dockerfile(lock, PROJECT, source=tree, programs=PROGRAMS).decode()
    found = re.split(r"^FROM .*AS ([\w-]+)$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_the_code_of_a_source_distribution_runs_without_a_network_and_without_a_secret() -> None:
    found = stages_of(with_sdist())
    assert "RUN --network=none" in found["built"]
    assert "--mount" not in found["built"]
    assert found["built"].count("RUN") == found["built-again"].count("RUN") == 1
    assert "--mount" not in found["built-again"]
    assert "RUN --network=none" in found["built-again"]
    (listed,) = re.findall(
        r"(?s)^COPY <<'END' /build/build_wheels.sh$.*?^END$", found["sdists"], re.MULTILINE
    )
    assert "uv build" not in found["sdists"].replace(listed, "")
    assert "--mount=type=secret" in found["sdists"]
    assert f"old==1.0 {'8' * 64} old-1.0.tar.gz" in found["sdists"]
    assert f"setuptools==75.3 --hash=sha256:{'7' * 64}" in found["sdists"]
    assert "COPY --from=built /wheels /build/wheels" in found["packages"]


def test_the_built_wheel_is_compared_with_the_lock_s_and_the_build_stays_the_same() -> None:
    first, later = stages_of(with_sdist()), stages_of(with_sdist(wheel_sha256="9" * 64))
    assert "\ncheck " not in first["packages"]
    assert f"\ncheck old {'9' * 64}\n" in later["packages"]
    # So that the engine's cache has what the comparison built.
    for stage in ("sdists", "built"):
        assert first[stage] == later[stage]


def with_compiled(**changes: Any) -> Lock:
    """Return a lock with a source distribution that is compiled, and headers for it."""
    lock = with_sdist()
    assert lock.debian_base is not None
    zig = LockedWheel(name="ziglang", version="0.17", file="z.whl", size=1, sha256="6" * 64)
    old = replace(lock.sdists[0], builders=("setuptools==75.3", "ziglang==0.17"), **changes)
    header = replace(lock.debian_base.packages[0], name="libpython3.13-dev", sha256="5" * 64)
    return replace(
        lock,
        packages=(lock.packages[0], old),
        builders=(*lock.builders, zig),
        debian_base=replace(lock.debian_base, headers=(header,)),
    )


def test_c_sources_are_compiled_by_the_locked_compiler_where_no_package_s_code_was_run() -> None:
    found = stages_of(with_compiled())
    assert f"\nziglang==0.17 --hash=sha256:{'6' * 64}\nEND" in found["sdists"]
    assert f"unpack libpython3.13-dev.deb {'5' * 64}" in found["sdists"]
    assert "build old 1.0 old-1.0.tar.gz compiled" in found["sdists"]
    assert "COPY --from=fetched / /sdists/" in found["sdists"]
    (venv,) = re.findall(r"(?s)/build/builders/old.txt\n(.*?)\nEND", found["sdists"])
    assert "ziglang" not in venv, "100 MB, for all of them once"
    assert "/build/include/crypt.h" in found["sdists"], "Python.h of 3.10 includes it"
    # Nothing of it is in the image.
    assert all("ziglang" not in found[stage] for stage in found if stage != "sdists")
    assert "compiler" not in stages_of(with_sdist())["sdists"]


def test_a_kept_wheel_is_taken_and_not_built() -> None:
    found = stages_of(with_compiled(is_accepted=True, wheel_sha256="9" * 64))["sdists"]
    assert f"keep old {'9' * 64}" in found
    assert f"old {'9' * 64} *.whl" in found
    assert "\nbuild old" not in found


def test_a_wheel_of_an_address_is_no_index_s() -> None:
    lock = make_lock()
    (wheel,) = lock.python_packages
    named = replace(wheel, address="https://files.example/a.whl")
    found = stages_of(replace(lock, packages=(named,)))
    assert f"{named.name} {named.sha256} {named.file}" in found["sdists"]
    assert f"take {named.name} /sdists/{named.file}" in found["sdists"]
    assert named.sha256 not in found["packages"]
    assert "COPY --from=built /wheels /build/wheels" in found["packages"]


def test_without_source_distributions_there_is_no_stage_for_them() -> None:
    assert {"sdists", "built"}.isdisjoint(stages_of(make_lock()))


def test_the_conda_file_s_variables_are_the_image_s() -> None:
    lock = replace(make_lock(), variables=(("A", 'say "hi" for $5 \\o/'), ("OMP_NUM_THREADS", "4")))
    tree = Source(sha256="f" * 64, files=("a.py",), folders=())
    text = render_dockerfile(lock, PROJECT, source=tree, programs=PROGRAMS).decode()
    assert 'ENV A="say \\"hi\\" for \\$5 \\\\o/" \\\n    OMP_NUM_THREADS="4"\n' in text
    assert text.index('OMP_NUM_THREADS="4"') > text.index("OMP_NUM_THREADS=1")


FLAT = replace(PROJECT, source=".", command=("python", "scripts/train.py", "--depth", "3"))


def test_the_files_of_a_whole_project_are_in_app_itself_and_its_script_is_found_there() -> None:
    source = source_of({"scripts/train.py": b"", "odd name.py": b"", "b.py": b""})
    text = render_dockerfile(make_lock(), FLAT, source=source, programs=PROGRAMS).decode()
    assert "\nCOPY . /build/source\n" in text
    assert "| xargs -0 -r cp --parents -t /image/app\n" in text
    assert 'mv "/image/app/$folder" "/parts/$folder/app"\n' in text
    assert 'CMD ["python", "/app/scripts/train.py", "--depth", "3"]\n' in text
    assert "echo \"the project's code changed after" in text


def test_the_build_of_a_whole_project_sees_what_has_code() -> None:
    source = source_of({"scripts/a.py": b"", "scripts/b.py": b"", "odd [n].py": b""})
    lines = render_dockerignore(FLAT, source).decode().splitlines()
    assert lines[1:4] == ["*", "!odd??n?.py", "!scripts"]
    assert lines[-2:] == ["hatch_build.py", "pyproject.toml"]


def test_what_hakobune_writes_and_hidden_files_are_no_code_of_a_whole_project() -> None:
    out = ["runs/a", "data/a.csv", "docker/Dockerfile", ".git/HEAD", ".env", "vendor/a.whl"]
    out += ["environments/demo.yml", "environments/demo.lock", "docker-compose.yml"]
    assert [path for path in out if not is_left_out(FLAT, path)] == []
    assert not any(is_left_out(FLAT, path) for path in ("train.py", "a/data/b.py", "a/.keep"))
    assert not is_left_out(PROJECT, "data/words.txt")
