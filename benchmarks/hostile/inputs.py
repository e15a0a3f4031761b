"""What is fuzzed on this machine: records of runs, config files, conda files and locks."""

import hashlib
import importlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hostile.draw import MARK, Draw
from hostile.program import Room, errors_shown, hakobune, problems, use_runner

RUN = "demo-run"
_BIG_BYTES = 1 << 36


def sealed(draw: Draw, record: Any) -> bytes:
    """Return the record's bytes with the seal that belongs to them."""
    if not isinstance(record, dict):
        return draw.dump(record)
    unsealed = {key: value for key, value in record.items() if key != "sha256"}
    digest = hashlib.sha256(draw.dump(unsealed)).hexdigest()
    return draw.dump({**unsealed, "sha256": digest})


class Records:
    """`hakobune verify`, and others that read a run, on one whose record or files are made up."""

    def __init__(self, room: Room) -> None:
        made = importlib.import_module("tests.run_samples").make_run(room.project, RUN)
        self.recorder = use_runner(made.runner)
        self.folder: Path = made.folder
        self.allowed: tuple[Path, ...] = (room.temporary,)
        self.files = _files(self.folder)
        self.signed = {**self.files, **_signature(room, self.folder)}
        self.record = json.loads(self.files["record.json"])
        self.words = tuple(str(self.record[key]).encode() for key in ("run_id", "sha256"))
        self.writing = (room.temporary, room.project / "runs", room.project / ".hakobune")
        self.commands = (
            ("compare", RUN, RUN),
            ("record", RUN),
            ("sign", RUN, "--key", str(room.temporary / "key.pem")),
            ("reproduce", "model", RUN),
        )

    def prepare(self, draw: Draw) -> Callable[[], list[str]]:
        """Write the run; return what checks it."""
        files = dict(self.signed if draw.chance(0.2) else self.files)
        must_fail = False
        way = draw.random.randrange(10)
        if way <= 5:
            files["record.json"] = sealed(draw, draw.edited(self.record))
        elif way <= 7:
            name = draw.one(*files)
            files[name] = draw.damaged(files[name], self.words)
            must_fail = files[name] != self.signed[name] and not name.startswith("provenance")
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if way >= 8:
            must_fail = _spoil(draw, self.folder, draw.one(*files))
        self.recorder.seen.clear()
        words, self.allowed = ("verify", RUN), self.writing[:1]
        if draw.chance(0.3):
            words, self.allowed, must_fail = draw.one(*self.commands), self.writing, False
        return lambda: self._check(words, must_fail=must_fail)

    def _check(self, words: tuple[str, ...], *, must_fail: bool) -> list[str]:
        outcome = hakobune(*words)
        found = problems(outcome) + self.recorder.seen
        if must_fail and outcome.code == 0:
            found.append("a changed file was not reported")
        return found


def _files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _signature(room: Room, folder: Path) -> dict[str, bytes]:
    """Return the signature files of the run, made with a new key."""
    ed25519 = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    forms = importlib.import_module("cryptography.hazmat.primitives.serialization")
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
    )
    key = room.temporary / "key.pem"
    key.write_bytes(pem)
    reporter = importlib.import_module("tests.samples").FakeReporter()
    before = _files(folder)
    importlib.import_module("hakobune.stages.sign").sign(folder, key, reporter)
    return {name: data for name, data in _files(folder).items() if name not in before}


def _spoil(draw: Draw, folder: Path, name: str) -> bool:
    """Put something else where a file of the run is; tell whether `verify` must report it."""
    path = folder / name
    content = path.read_bytes()
    way = draw.random.randrange(9)
    if way == 0:
        extra = folder / draw.one(
            "extra.txt", "models/x", ".hidden", "image/more", "provenance.txt"
        )
        extra.parent.mkdir(exist_ok=True)
        extra.write_bytes(b"more")
        return True
    path.unlink()
    if way == 1:
        os.mkfifo(path)
    elif way == 2:
        path.symlink_to(draw.one("/dev/zero", "/dev/stdin", draw.victim, name, "..", "nothing"))
    elif way == 3:
        there = folder.parent / "same"
        there.write_bytes(content)
        path.symlink_to(there)
    elif way == 4:
        path.mkdir()
    elif way == 5:
        with path.open("wb") as file:
            file.truncate(_BIG_BYTES)
    elif way == 6:
        path.write_bytes(b"")
    elif way == 7:
        path.write_bytes(content + b"\n")
    # Without its signature, or without its key, a run may well be what it says.
    return not (name.startswith("provenance") and way == 8)


class Settings:
    """A config.json above the project, a pyproject.toml, and pip's configuration."""

    def __init__(self, room: Room) -> None:
        importlib.import_module("tests.samples").write_project(room.project)
        self.room = room
        self.recorder = use_runner(None)
        self.allowed: tuple[Path, ...] = (room.temporary,)
        self.pyproject = (room.project / "pyproject.toml").read_bytes()
        self.pip = room.temporary / "pip.conf"
        self.config = {
            "subscription_id": "00000000-0000-0000-0000-000000000000",
            "resource_group": "rg",
            "workspace_name": "ws",
        }
        scope = "/subscriptions/S/resourceGroups/R/providers/Microsoft.X/workspaces/W"
        self.forms: tuple[Mapping[str, object], ...] = (self.config, {"Scope": scope})

    def prepare(self, draw: Draw) -> Callable[[], list[str]]:
        """Write one of the three files; return what reads it."""
        way = draw.random.randrange(10)
        project = self.room.project
        place = project / draw.one("config.json", ".azureml/config.json", "aml_config/project.json")
        for other in ("config.json", ".azureml", "aml_config"):
            _remove(project / other)
        self.room.put(project / "pyproject.toml", self.pyproject)
        if way <= 5:
            tree = draw.one(*self.forms)
            content = draw.dump(draw.edited(tree)) if draw.chance(0.7) else b""
            self.room.put(place, content or draw.damaged(draw.dump(tree)))
            return self._destination
        if way <= 8:
            self.room.put(project / "pyproject.toml", _toml(draw, self.pyproject))
            return self._project
        lines = (
            b"[global]\nindex-url = https://example.org/simple\nextra-index-url = https://u:p@e/s\n"
        )
        self.room.put(self.pip, draw.damaged(lines, (b"[global", b"%(x)s", b"\n  ", b"= \n")))
        return self._pip

    def _destination(self) -> list[str]:
        settings = importlib.import_module("hakobune.settings")
        read: list[Any] = []
        outcome = errors_shown(
            lambda: read.append(settings.read_destination({}, self.room.project, {}))
        )
        found = problems(outcome)
        for to in read:
            for name in ("subscription", "resource_group", "workspace"):
                found += _unsafe(f"{name} of config.json", str(getattr(to, name)))
        return found

    def _project(self) -> list[str]:
        return problems(hakobune("lock", "--check"))

    def _pip(self) -> list[str]:
        settings = importlib.import_module("hakobune.settings")
        return problems(
            errors_shown(
                lambda: settings.read_settings({"PIP_CONFIG_FILE": str(self.pip)}).build_secrets()
            )
        )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _unsafe(what: str, text: str) -> list[str]:
    """Return why a text from outside must not become an argument or part of an address."""
    if text.startswith("-") or not text.isprintable() or "/" in text or len(text) > 1024:
        return [f"{what} is accepted although no name looks like that"]
    return []


def _toml(draw: Draw, content: bytes) -> bytes:
    """Return a pyproject.toml with hostile values, or damaged."""
    if draw.chance(0.4):
        deep = draw.one(500, 5000, 100_000)
        words = (b"[" * deep, b"a." * deep + b"x = 1\n", b"{a=" * deep, b"9" * 5000, b"[[tool]]\n")
        return draw.damaged(content, words)
    lines = content.decode().splitlines()
    for _ in range(draw.random.randint(1, 3)):
        number = draw.random.randrange(len(lines))
        key = lines[number].partition("=")[0].strip()
        value = draw.one(
            json.dumps(draw.text()),
            json.dumps([draw.text(), draw.text()]),
            draw.one("1e400", "nan", "1979-05-27", "[]", "{}", "[[]]", "true", "-1", "0x10"),
        )
        lines[number] = f"{key if '[' not in key else draw.one('smoke', 'model', 'x')} = {value}"
    return "\n".join(lines).encode("utf-8", "surrogatepass")


class CondaFiles:
    """A conda file, a lock or a Dockerfile that somebody else committed."""

    def __init__(self, room: Room) -> None:
        samples = importlib.import_module("tests.samples")
        self.project = samples.write_project(room.project)
        self.room = room
        self.recorder = use_runner(None)
        self.conda: bytes = self.project.environment_path.read_bytes()
        self.lock: bytes = self.project.lock_path.read_bytes()
        self.allowed: tuple[Path, ...] = (room.temporary, room.project / "docker")

    def prepare(self, draw: Draw) -> Callable[[], list[str]]:
        """Write the conda file or the lock; return what reads it."""
        way = draw.random.randrange(10)
        conda, lock = self.conda, self.lock
        if way <= 4:
            conda = _conda(draw)
        elif way <= 6:
            conda = draw.damaged(conda, _YAML)
        else:
            lock = _lock(draw, lock)
        self.room.put(self.project.environment_path, conda)
        self.room.put(self.project.lock_path, lock)
        return self._render if lock != self.lock else self._check

    def _check(self) -> list[str]:
        stage = importlib.import_module("hakobune.stages.project")
        read: list[Any] = []
        found = problems(errors_shown(lambda: read.append(stage.read_environment(self.project))))
        for spec in read:
            for wanted in spec.requirements:
                if not wanted.text.isprintable() or wanted.text.startswith("-"):
                    found.append(f"accepted as a requirement: {wanted.text[:50]!r}")
        return found + problems(hakobune("lock", "--check"))

    def _render(self) -> list[str]:
        outcome = hakobune("render")
        found = problems(outcome)
        if outcome.code == 0:
            text = self.project.dockerfile_path.read_text(encoding="utf-8")
            if any(MARK in line for line in text.splitlines() if not line.startswith("#")):
                found.append("a text of the lock reached the Dockerfile")
        return found


_YAML = (
    *(b"&a [*a]", b"<<: *a", b"!!python/object/apply:os.system ['touch FUZZ']", b"? ", b"|\n"),
    *(b"\t", b"---\n", b"...\n", b"%YAML 9.9\n", b"!!binary x", b"'", b'"', b"{", b"[" * 5000),
    *(b"- " * 5000, b"a: " * 50, b"1e400", b"0o7", b"2026-13-45", b"&a" * 3000, b"~"),
)
_VERSIONS = (
    *("", "=1.17", "==1.17.0", ">=1,<2", "=1.*", "~=1.0", "!=1", ">=1|<2", "=1=py_0", "===x"),
    *("= 1.2 . 3", "=1!2.0", "=" * 3000, "=1" + ".1" * 3000, "=1.*.*.*", "<" + "9" * 5000),
    *("[version='1']", " # comment", '; python_version < "3.11"', "@ https://x/y.whl", "=٣"),
    *("; " + "(" * 500 + 'os_name=="a"' + ")" * 500, '; os_name == "' + "a" * 9000 + '"'),
)


def _conda(draw: Draw) -> bytes:
    """Return a conda file of hostile parts."""

    def word() -> str:
        name = draw.one("six", "python", "pip", "pandas", "-r", "-e .", draw.text(), draw.text())
        found = f"{name}{draw.one(*_VERSIONS)}"
        return str(draw.one(found, json.dumps(found), json.dumps(draw.text()), f"'{found}'"))

    lines = [f"name: {draw.one('demo', json.dumps(draw.text()), draw.text())}"]
    lines.append(
        f"{draw.one('channels', 'channels', 'chanels')}: {draw.one('[conda-forge]', word())}"
    )
    lines += ["dependencies:", f"  - {draw.one('python=3.13', 'python=3.13', word())}"]
    lines += [f"  - {word()}" for _ in range(draw.random.randint(0, 4))]
    if draw.chance(0.5):
        lines += ["  - pip:", *(f"    - {word()}" for _ in range(draw.random.randint(0, 4)))]
    if draw.chance(0.1):
        lines.append(draw.text())
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _lock(draw: Draw, content: bytes) -> bytes:
    """Return a lock with edited values and a fresh seal, or damaged."""
    if draw.chance(0.3):
        return draw.damaged(content, (b"[" * 5000, b"[[packages]]\n", b"[base.debian]\n"))
    lines = content.decode().splitlines()[:-1]
    for _ in range(draw.random.randint(1, 2)):
        number = draw.random.randrange(len(lines))
        head, sign, _ = lines[number].partition(" = ")
        if sign:
            value = draw.one(json.dumps(draw.text()), "1", "[]", "{}", "true", "9" * 400)
            lines[number] = f"{head} = {value}"
        else:
            lines[number] = draw.text()
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(body).hexdigest().encode()
    return body + content.rpartition(b": ")[0].rpartition(b"\n")[2] + b": " + digest + b"\n"
