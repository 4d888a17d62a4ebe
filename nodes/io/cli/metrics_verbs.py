"""``mesh metrics``: what Prometheus and Grafana need to know of a mesh, made from the same catalogue as its nodes' numbers."""

import typer

from nodes.io.cli.options import ConfigOption

metrics_app = typer.Typer(
    help="Files for Prometheus and Grafana; the section `metrics` of mesh.toml serves the numbers.", no_args_is_help=True
)


@metrics_app.command()
def dashboard(config: ConfigOption = None) -> None:
    """Print a Grafana dashboard, to be imported there."""
    from nodes.io.cli.metricsfiles import print_dashboard

    raise typer.Exit(print_dashboard(config))


@metrics_app.command()
def rules() -> None:
    """Print alerting rules, for rule_files of Prometheus."""
    from nodes.io.cli.metricsfiles import print_rules

    raise typer.Exit(print_rules())


@metrics_app.command()
def targets(config: ConfigOption = None) -> None:
    """Print where the nodes' numbers are, for file_sd_configs of a job named trademesh."""
    from nodes.io.cli.metricsfiles import print_targets

    raise typer.Exit(print_targets(config))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(metrics_app, name="metrics")
