"""`tune.html`: history, importances, slices and parallel coordinates of a study in one file."""

import html

import optuna
import plotly.graph_objects as go
from optuna import visualization
from optuna.trial import FrozenTrial, TrialState

from sirna.tuning.study import finished_trials

HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="icon" href="data:,">
<style>body {{ font-family: sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }} td, th {{ padding: .2rem .8rem; text-align: left }}
.wide {{ overflow-x: auto }}</style>
</head><body><h1>{title}</h1>"""

FEWEST_TRIALS = 10
"""Least number of completed trials for which importances are computed."""
SCORE = "score"


def plain(value: object) -> str:
    """Write a parameter's value with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def importances(study: optuna.Study) -> dict[str, float]:
    """Return each parameter's share of the score's variance; empty if too few trials completed."""
    complete = [trial for trial in finished_trials(study) if trial.state == TrialState.COMPLETE]
    if len(complete) < FEWEST_TRIALS or len({trial.value for trial in complete}) < 2:
        return {}
    return optuna.importance.get_param_importances(study)


def study_page(study: optuna.Study, best: FrozenTrial, default: float | None) -> str:
    """Return the page; it needs no other file and no internet connection."""
    title = f"sirna tune: {study.study_name}"
    rows = "".join(
        f"<tr><td>{html.escape(key)}</td><td>{html.escape(plain(value))}</td></tr>"
        for key, value in best.params.items()
    )
    of_default = "" if default is None else f" The default configuration scored {default:.4f}."
    parts = [
        HEAD.format(title=html.escape(title)),
        f"<p>{len(finished_trials(study))} trials; the best, trial {best.number}, scored "
        f"{best.value:.4f}.{of_default}</p><table>{rows}</table>",
    ]
    for index, (name, figure) in enumerate(_figures(study).items()):
        figure.update_layout(title=None, margin={"t": 40})
        plot = figure.to_html(full_html=False, include_plotlyjs=index == 0)
        parts.append(f'<h2>{html.escape(name)}</h2><div class="wide">{plot}</div>')
    return "\n".join([*parts, "</body></html>"])


def _figures(study: optuna.Study) -> dict[str, go.Figure]:
    figures = {"History": visualization.plot_optimization_history(study, target_name=SCORE)}
    if importances(study):
        figures["Importances"] = visualization.plot_param_importances(study, target_name=SCORE)
    complete = [trial for trial in finished_trials(study) if trial.state == TrialState.COMPLETE]
    varied = sorted({key for trial in complete for key in trial.params})
    if len(complete) > 1 and varied:
        slices = visualization.plot_slice(study, params=varied, target_name=SCORE)
        figures["Slices"] = slices.update_layout(width=max(260 * len(varied), 800))
        shared = [key for key in varied if all(key in trial.params for trial in complete)]
        figures["Parallel coordinates"] = visualization.plot_parallel_coordinate(
            study, params=shared or None, target_name=SCORE
        )
    return figures
