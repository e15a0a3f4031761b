"""The inputs of shared/hostile, each by the real commands; its README says what is right."""

import csv
import re
import shlex
import shutil
from pathlib import Path

from hostile.bench import ROOT, Bench, Done, newest_run
from hostile.rows import Row

_BUG = 70
_ENDED_BY_SIGTERM = 143
_HANG_S = 60
_OPTION = re.compile(r"--(decimal|date|value|columns|frequency|target)")


def evil_run(bench: Bench) -> Row:
    """Verify a run whose commit is an option of git."""
    script = bench.inputs / "make_evil_run.sh"
    bench.run("sh", script, bench.good, bench.project, cwd=bench.scratch)
    done = bench.hakobune("verify", "evil", cwd=bench.project)
    shutil.rmtree(bench.project / "runs/evil", ignore_errors=True)
    ran = (bench.scratch / "ran-by-verify").exists()
    return Row(
        name="make_evil_run.sh",
        expected="verify refuses, and runs nothing",
        found=f"{done.end}{'; A COMMAND OF THE RUN WAS RUN' if ran else ''}",
        is_right=_is_refused(done) and not ran,
    )


def overwrite(bench: Bench) -> Row:
    """Verify a run whose commit names a file to write."""
    victim = bench.scratch / "victim"
    victim.write_text("untouched\n", encoding="utf-8")
    script = bench.inputs / "overwrite_by_verify.sh"
    bench.run("sh", script, bench.good, bench.project, victim, cwd=bench.scratch)
    done = bench.hakobune("verify", "over", cwd=bench.project)
    shutil.rmtree(bench.project / "runs/over", ignore_errors=True)
    is_kept = victim.read_bytes() == b"untouched\n"
    return Row(
        name="overwrite_by_verify.sh",
        expected="verify refuses, and the file stays",
        found=f"{done.end}; the file {'stays' if is_kept else 'WAS REPLACED'}",
        is_right=_is_refused(done) and is_kept,
    )


def pickle(bench: Bench) -> Row:
    """Predict from a pickle that writes into the runs."""
    runs = bench.project / "runs"
    bench.run("sh", bench.inputs / "evil_pickle.sh", bench.good, bench.project, cwd=bench.scratch)
    model = "runs/evilpkl/models/arima_model.pkl"
    words = ("docker", "compose", "run", "--rm", "predict", "--model", model, "--horizon", "3")
    done = bench.run(*words, cwd=bench.project)
    ran = (runs / "PWNED").exists()
    (runs / "PWNED").unlink(missing_ok=True)
    shutil.rmtree(runs / "evilpkl", ignore_errors=True)
    return Row(
        name="evil_pickle.sh",
        expected="the pickle is not opened",
        found=f"{done.end}; {'IT RAN' if ran else 'it did not run'}",
        is_right=not ran and "Traceback" not in done.text,
    )


def planted_lock(bench: Bench) -> Row:
    """Reproduce a model where a link stands in the lock's place."""
    victim = bench.scratch / "host-file"
    victim.write_text("untouched\n", encoding="utf-8")
    script = bench.inputs / "planted_lock.sh"
    done = bench.run("sh", script, bench.project, bench.good.name, victim, cwd=bench.scratch)
    (bench.project / "runs/.reproduce.lock").unlink(missing_ok=True)
    is_kept = victim.read_bytes() == b"untouched\n"
    return Row(
        name="planted_lock.sh",
        expected="the link is not followed",
        found=f"the file {'stays' if is_kept else 'WAS EMPTIED'}; {done.end}",
        is_right=is_kept,
    )


def rehearsal(bench: Bench) -> Row:
    """Rehearse with a stand-in that dies: the next command must not go to Azure."""
    folder = bench.inputs / "rehearse_bin"
    for path in folder.iterdir():
        path.chmod(0o755)
    words = ("make", "-s", f"BIN={folder}", "-o", "image", "-o", "engine", "rehearse")
    done = bench.run(*words, cwd=ROOT)
    talks = "WOULD TALK TO" in done.text
    return Row(
        name="rehearse_bin",
        expected="stops, and no command is run",
        found=f"code {done.code}; {'hakobune WAS RUN' if talks else 'no command was run'}",
        is_right=done.code != 0 and not talks,
    )


def table(bench: Bench, name: str, *, least: float, most: float) -> Row:
    """Train on a table that can be misread: forecasts must be of the right size."""
    shutil.copy(bench.inputs / name, bench.project / "data" / name)
    options = ("--input", f"data/{name}", "--order", "0,1,0", "--backtest_windows", "0")
    done = bench.hakobune("train", *options, cwd=bench.project)
    if done.code == 0:
        values = _forecasts(newest_run(bench.project))
        is_right = all(least <= value <= most for value in values)
        found = f"trained; forecasts from {min(values):g} to {max(values):g}"
    else:
        is_right = bool(_OPTION.search(done.text)) and "Traceback" not in done.text
        found = f"refused: {_last_error(done)}"
    return Row(
        name=name,
        expected=f"read (forecasts {least:g} to {most:g}), or refused with the option",
        found=found,
        is_right=is_right,
    )


def _forecasts(run: Path) -> list[float]:
    with (run / "forecast.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    name = next(key for key in rows[0] if re.search("forecast|mean|predict", key))
    return [float(row[name]) for row in rows]


def _last_error(done: Done) -> str:
    lines = [line for line in done.text.splitlines() if "error[" in line or "fix" in line]
    return ascii(" ".join(lines[-2:]))[1:-1][:200]


def lost_signal(bench: Bench, where: str) -> Row:
    """Send SIGTERM in the N-th weak reference callback of imports, for some N."""
    script = bench.inputs / "lost_sigterm.py"
    bad, count, last = [], 0, 0
    for number in (1, 2, 3, 5, 8, 13, 21, 34, 40, 55, 89, 144, 233, 377, 610):
        folder = Path(bench.copy(bench.inputs / "rehearse_bin", "cwd"))
        if where == "host":
            done = bench.run("python", script, str(number), cwd=folder)
        else:
            image = next((name for name in bench.images if "arima" in name), "arima-env:local")
            mounts = ("-v", f"{script}:/tmp/lost.py:ro", "--network", "none", "-w", "/tmp")
            inner = f"python /tmp/lost.py {number}"
            command = ("docker", "run", "--rm", *mounts, "--entrypoint", "/bin/sh", image, "-c")
            done = bench.run(*command, inner, cwd=folder)
        if "SIGTERM sent" not in done.text:
            break
        count, last = count + 1, number
        left = "no output" not in done.text and "[]" not in done.text
        # In the image the words of one line are written one by one, and stderr may come between.
        if f"{_ENDED_BY_SIGTERM} (right: {_ENDED_BY_SIGTERM})" not in done.text or left:
            bad.append(f"N={number}: {done.end}")
    return Row(
        name=f"lost_sigterm.py, {where}",
        expected="exit code 143, nothing written",
        found="; ".join(bad[:2]) or f"right {count} times, up to callback {last}",
        is_right=not bad and count > 0,
    )


def secrets(bench: Bench) -> Row:
    """Kill builds, and look for the password."""
    found = []
    for pause in ("0.7", "1.0", "1.4", "1.8", "2.5"):
        words = ("sh", bench.inputs / "secrets_left.sh", bench.project, pause)
        done = bench.run(*words, cwd=bench.scratch, env={"TMPDIR": str(bench.scratch)})
        found += [line for line in done.text.splitlines() if Path(line).is_file()]
    return Row(
        name="secrets_left.sh",
        expected="no file holds the password",
        found=f"it is in {', '.join(found)}" if found else "none, after 5 kills",
        is_right=not found,
    )


def broken_records(bench: Bench) -> list[Row]:
    """Verify records that caused tracebacks, hangs and a forged line."""
    out = bench.scratch / "broken"
    bench.run("sh", bench.inputs / "broken_records.sh", bench.good, out, cwd=bench.scratch)
    rows = []
    for run in sorted(out.glob("*/r")):
        done = bench.hakobune("verify", str(run), cwd=bench.project, timeout_s=_HANG_S)
        forged = any(line.startswith("ok  signed") for line in done.text.splitlines())
        rows.append(
            Row(
                name=f"broken_records.sh, {run.parent.name}",
                expected="refused; its text is escaped",
                found=f"{'A FORGED LINE; ' if forged else ''}{done.end}",
                is_right=(_is_refused(done) or run.parent.name == "ansi") and not forged,
            )
        )
    return rows


def folder_names(bench: Bench) -> list[Row]:
    """Train in folders whose names an engine does not take."""
    project = bench.field("06-folder-with-a-space")
    script = "hakobune lock && hakobune build"
    bench.run("sh", "-c", script, cwd=project)
    rows = []
    for name in ("sp ace", "箱舟", "My(Project)", "a:b", "a,b", "-x", "it's", "a$b"):
        folder = bench.scratch / "names" / name
        shutil.copytree(project, folder)
        (folder / "in.csv").write_text("S\n", encoding="utf-8")
        done = bench.hakobune("train", "--data", "in.csv", cwd=folder)
        rows.append(
            Row(
                name=f"folder {shlex.quote(name)}",
                expected="trains",
                found=done.end if done.code else "trained",
                is_right=done.code == 0,
            )
        )
    return rows


def submit_twice(bench: Bench) -> Row:
    """Kill a submit and run it again: one job."""
    project = bench.copy(ROOT / "tests/cases/word-count", "words")
    for path in ("conda.yml", "docker-compose.yml"):
        text = (project / path).read_text(encoding="utf-8")
        text = text.replace("word-count", f"{bench.mark}-words")
        (project / path).write_text(text, encoding="utf-8")
    (project / "text.txt").write_text("a b a\n", encoding="utf-8")
    bench.note_image(project)
    state = bench.scratch / "drydock"
    steps = f"""
set -e
export HAKOBUNE_COMPUTE=cpu-cluster
hakobune lock; hakobune build
python -m drydock start --state {state} >&2
trap 'python -m drydock stop --state {state} >&2' EXIT
eval "$(python -m drydock env --state {state})"
hakobune smoke --text text.txt
hakobune push
for pause in 2 5 9 15 24; do
  hakobune submit --create-compute --fetch --text text.txt & p=$!
  sleep $pause; kill -9 $p || true; wait $p || true
done
hakobune submit --create-compute --fetch --text text.txt
echo "JOBS $(find {state}/resources/jobs -name '*.json' | wc -l)"
"""
    done = bench.run("sh", "-c", steps, cwd=project)
    jobs = re.search(r"^JOBS (\d+)$", done.text, re.MULTILINE)
    return Row(
        name="submit_twice.sh, 5 kills",
        expected="one job",
        found=f"{jobs[1]} jobs" if jobs else done.end,
        is_right=jobs is not None and jobs[1] == "1" and done.code == 0,
    )


def job_tag(bench: Bench) -> Row:
    """Fetch a job whose tag `git.commit` is an option of git."""
    program = "from hostile.tagged import main; main()"
    env = {"PYTHONPATH": f"{ROOT / 'benchmarks'}:{ROOT / 'src'}:{ROOT}"}
    folder = bench.scratch / "tagged"
    folder.mkdir()
    done = bench.run("python", "-c", program, cwd=folder, env=env)
    return Row(
        name="the same by a job's tag",
        expected="fetch refuses the tag; nothing reaches git",
        found=done.end,
        is_right=done.code == 0,
    )


def threats_page(_: Bench) -> Row:
    """Look for each test that the page of threats names."""
    text = (ROOT / "docs/explanation/threats.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`((?:tests/|test_)[\w/.]+)`", text))
    tests = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    missing = [
        word
        for word in sorted(words)
        if not (ROOT / word).exists()
        and not any(word == path.name or f"def {word}(" in tests[path] for path in tests)
    ]
    return Row(
        name="threats.md",
        expected="each test that it names exists",
        found=f"missing: {', '.join(missing)}" if missing else f"all {len(words)} exist",
        is_right=not missing,
    )


def _is_refused(done: Done) -> bool:
    """Tell whether a command ended with an error of ours, and not by a bug or the time limit."""
    return done.code not in (0, _BUG, 124) and "Traceback" not in done.text
