"""How long a rehearsal takes beside the training it rehearses, and a submit beside the SDK."""

import statistics
import sys
import time

from measure import report, run, timed

ROUNDS = 3
REHEARSAL_S = 20.0
SUBMIT_S = 6.0
HAKOBUNE = (sys.executable, "-m", "hakobune")
IMPORT = (sys.executable, "-c", "import azure.ai.ml, azure.identity")
SUBMIT = (*HAKOBUNE, "submit", "--again", "--create-compute")


def shown(output_mode: str | None) -> bool:
    """Print both rows for this project, whose image is built; tell whether both bounds hold.

    The variables of this process lead to a drydock that holds nothing of this project yet.
    """
    run([*HAKOBUNE, "build"])
    run([*HAKOBUNE, "smoke"])
    run(IMPORT)  # from the disk into memory, for both sides
    trained = timed([*HAKOBUNE, "train"])[0]
    mode = ("--output-mode", output_mode) if output_mode else ()
    rehearsed = timed([*SUBMIT, *mode, "--register"])[0]
    name = "built image to registered model, training"
    report(name, f"{rehearsed:.1f} s", f"{trained:.1f} s", rehearsed / trained, "+20 s")
    print(f"  the rehearsal adds {rehearsed - trained:+.1f} s, the push of the image included")
    submits, imports = [], []
    for _ in range(ROUNDS):
        imports.append(timed(IMPORT)[0])
        began = time.monotonic()
        job = run([*SUBMIT, *mode]).split()[0]
        submits.append(time.monotonic() - began)
        run([*HAKOBUNE, "watch", job])  # its end, or it would be in the next one's way
    mine, theirs = statistics.median(submits), statistics.median(imports)
    name = "submit with all there, the SDK's import"
    report(name, f"{mine:.2f} s", f"{theirs:.2f} s", mine / theirs, "6 s")
    return rehearsed - trained <= REHEARSAL_S and mine <= SUBMIT_S
