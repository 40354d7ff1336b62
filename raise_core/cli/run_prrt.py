"""`run prrt`: PET, CT and laboratory values before treatment, fused; in this terminal or handed to the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from raise_core.cli import context as call
from raise_core.cli.context import StudyOption
from raise_core.cli.output import print_json, say, terminal_progress
from raise_core.domain.errors import BadUsageError
from raise_core.jobs import desk, prrt_job
from raise_core.jobs.accelerator import graphics_card
from raise_core.store.home import Home
from raise_core.studies import prrt_protocol
from raise_core.studies.prrt_settings import PrrtSettings


def run_prrt_(
    context: typer.Context,
    study: StudyOption,
    models: Annotated[
        str,
        typer.Option(
            help="Models, separated by commas: inputs (pet, ct, ct-pretrained, lab) joined by '+'; 'cox:' before them "
            "for the censoring-aware head."
        ),
    ] = ",".join(prrt_protocol.DEFAULT_MODELS),
    endpoint: Annotated[str, typer.Option(help="Outcome to predict.")] = prrt_protocol.ENDPOINT,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Folds of each repeat.")] = prrt_protocol.FOLDS,
    lab_repeats: Annotated[
        int, typer.Option(min=1, help="Repeats for models of laboratory values alone.")
    ] = prrt_protocol.LAB_REPEATS,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats for models with images.")] = (
        prrt_protocol.NETWORK_REPEATS
    ),
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same result.")] = 0,
    side: Annotated[int, typer.Option(min=16, max=256, help="Voxels along each side of what the networks see.")] = 48,
    weights: Annotated[Path | None, typer.Option(help="File with the weights of the CT backbone.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Your own weights for the pretrained CT branch (.safetensors or .pt), trained further."),
    ] = None,
    ct_form: Annotated[
        Literal["auto", "slices", "volume"],
        typer.Option(help="How the pretrained network reads CT: 2-D slices, or 3-D (on a graphics card; auto there)."),
    ] = "auto",
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Train the pretrained CT network further (on a graphics card only).")
    ] = False,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to compute.")] = "auto",
    queue: Annotated[
        bool, typer.Option("--queue", help="Hand the work to the background worker and return at once.")
    ] = False,
) -> None:
    """PRRT: random forest on labs, 3-D networks on PET and CT, and their fusion, cross-validated."""
    options = call.of(context)
    settings = PrrtSettings(
        models=tuple(filter(None, (model.strip() for model in models.split(",")))),
        endpoint=endpoint,
        folds=folds,
        lab_repeats=lab_repeats,
        network_repeats=repeats,
        seed=seed,
        side_voxels=side,
        ct_form=_form(ct_form, device),
        fine_tune=fine_tune,
    )
    if queue:
        if weights is not None or checkpoint is not None:
            raise BadUsageError("--queue takes no --weights or --checkpoint; run in this terminal instead.")
        _hand_over(options.home, study, settings, device=device, as_json=options.json)
        return
    from raise_core.studies.prrt_run import run_prrt  # torch with it: seconds that no other verb needs

    with terminal_progress() as progress:
        finished = run_prrt(
            options.home,
            study,
            settings,
            device=device,
            weights_file=weights,
            checkpoint_file=checkpoint,
            progress=progress,
        )
    if options.json:
        print_json(finished)
        return
    took = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in finished.seconds.items())
    say(f"PRRT run {finished.run_id[:8]} on {finished.n_patients} patients is in the store ({took}).")
    say(f"Look at it with: python -m raise_core show prrt --study {study}")


def _form(asked: str, device: str) -> str:
    """The 3-D form where there is a graphics card to run it on, unless somebody chose."""
    if asked != "auto":
        return asked
    return "volume" if device != "cpu" and graphics_card() is not None else "slices"


def _hand_over(home: Home, study: str, settings: PrrtSettings, *, device: str, as_json: bool) -> None:
    found = desk.submit(
        home,
        kind=prrt_job.NAME,
        study_id=study,
        settings=settings.to_document(),
        device=device,
        requested_by="the command line",
    )
    if as_json:
        print_json({"job": found.job.job_id if found.job else None, "run_id": found.result_id})
    elif found.job is None:
        say(f"PRRT run {(found.result_id or '')[:8]} with these settings is finished already.")
    else:
        say(f"Job {found.job.job_id} goes on in the background; watch it with: python -m raise_core jobs list")
