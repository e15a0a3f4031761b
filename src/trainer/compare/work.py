"""Two runs and new data to a verdict: the story, top to bottom."""

from contextlib import suppress

from trainer.compare.answer import Answer
from trainer.compare.contender import read_contender
from trainer.compare.contest import hold_contest
from trainer.compare.data import read_data
from trainer.compare.entrant import enter
from trainer.compare.options import Options
from trainer.compare.verdict import Verdict, decide, table_of, write_refusal, write_verdict
from trainer.compare.window import plan_new_window
from trainer.console import show_notes, show_result, stage
from trainer.errors import MemoryExhaustedError, TrainerError


def work(options: Options) -> int:
    """Show and write the verdict; return the exit code. Raises TrainerError after saying no."""
    answer = Answer(options.json)
    answer.begin(write_refusal(None))
    try:
        verdict = compare(options)
    except TrainerError as exc:
        with suppress(TrainerError):
            answer.give(write_refusal(exc))
        raise
    if not answer.is_standard:
        show_result(table_of(verdict))
    answer.give(write_verdict(verdict))
    return verdict.exit_code


def compare(options: Options) -> Verdict:
    """Return the verdict on champion and challenger."""
    try:
        return _compare(options)
    except MemoryError as exc:
        raise MemoryExhaustedError(
            "not enough memory to compare these models",
            remedy="give the program more memory, or --data that begins later",
        ) from exc


def _compare(options: Options) -> Verdict:
    with stage("read") as current:
        champion = read_contender(options.champion, "champion", options.trust_pickle)
        challenger = read_contender(options.challenger, "challenger", options.trust_pickle)
        contenders = champion, challenger
        loaded = read_data(options, contenders)
        series = loaded.series
        current.outcome = f"{series.source}: {len(series.values)} rows, {series.calendar.name}"
    entrants = (enter(champion, loaded), enter(challenger, loaded))
    told = (*series.notes, *(n for one in (*contenders, *entrants) for n in one.notes))
    notes = tuple(dict.fromkeys(told))
    show_notes(notes)
    with stage("compare") as current:
        window = plan_new_window(series, (champion, challenger), options)
        contest = hold_contest(
            series,
            entrants,
            window,
            options.loss,
            lambda done, total, name: current.progress(f"windows of {name}", done, total),
        )
        promote, reason = decide(contest, options.significance)
        current.outcome = reason
    return Verdict(
        promote=promote,
        reason=reason,
        champion=champion,
        challenger=challenger,
        series=series,
        window=window,
        contest=contest,
        options=options,
        notes=notes,
    )
