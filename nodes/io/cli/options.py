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
