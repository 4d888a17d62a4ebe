"""Options that many verbs share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Configuration file. Else $MESH_CONFIG, ./mesh.toml, or what `mesh up` last started.",
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="State directory. Default: that of the running mesh, ./.trademesh (demo) or /var/lib/trademesh."),
]
SINCE = "30s, 10m, 2h, 3d ago, or 2026-01-05T10:00 (UTC)"
"""What every ``--since`` takes (``nodes.io.cli.sincewords``)."""
SinceOption = Annotated[str, typer.Option("--since", metavar="TIME", help=f"From then on: {SINCE}.")]
