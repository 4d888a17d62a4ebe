"""The verbs of ``mesh bench``: list, run, report, compare, figures, and each scenario by its own name. They alone import the bench."""

import copy
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from nodes.io.cli.options import ConfigOption

Rate = Annotated[float, typer.Option(min=0, help="Messages a second. Default (0): the scenario's own.")]
Seconds = Annotated[float, typer.Option(min=0, help="How long each round sends. Default (0): the scenario's own.")]
Rounds = Annotated[int, typer.Option(min=0, help="Rounds of each variant, by turns; 5 or more to compare. Default (0): its own.")]
Locals = Annotated[int, typer.Option("--locals", min=0, help="How many locals. Default (0): the scenario's own.")]
Idle = Annotated[Literal["wait", "yield", "spin"], typer.Option(help="What our processes do while there is nothing to do.")]
Smoke = Annotated[bool, typer.Option("--smoke", help="A few messages of each: does it work? Its times tell nothing.")]
State = Annotated[Path | None, typer.Option(help="A folder for what nodes keep while measured. Default: a temporary one.")]
Account = Annotated[str, typer.Option(help="Of venue: send real orders, the smallest lot, on this demo account of the configuration.")]
Symbol = Annotated[str, typer.Option(help="Of venue with --account: a symbol of the configuration. Default: the first one.")]
Json = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the run as JSON here, to compare and report later.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the run as a page here; it opens offline.")]
Log = Annotated[Path | None, typer.Option(metavar="DIR", help="Write an HdrHistogram interval log (V2) for each stage in this folder.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Scenarios, as `mesh bench list` has them.")]


class ScenarioGroup(TyperGroup):
    """``mesh bench flow`` is ``mesh bench run flow``: each scenario is a verb with its own line of help. Their names and helps are read
    when the bench is asked for, never by the other verbs.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs, then the scenarios."""
        from bench.catalogue import NAMES

        return [*super().list_commands(ctx), *NAMES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A verb, or a scenario as one."""
        from bench.catalogue import NAMES, help_of

        if cmd_name in self.commands or cmd_name not in NAMES:
            return super().get_command(ctx, cmd_name)
        verb: Any = copy.copy(self.commands["run"])
        verb.name, verb.help = cmd_name, help_of(cmd_name)
        verb.params = [option for option in verb.params if option.name != "names"]
        verb.callback = partial(verb.callback, names=[cmd_name])
        verb.rich_help_panel = "Scenarios"
        return verb


bench_app = typer.Typer(
    cls=ScenarioGroup,
    help="Measure the mesh on this machine, beside others, and compare. Start with: mesh bench hop. How to read it: bench/README.md",
    no_args_is_help=True,
)


@bench_app.command("list")
def list_() -> None:
    """The scenarios and what each measures."""
    from bench.command import list_scenarios

    raise typer.Exit(list_scenarios())


@bench_app.command()
def run(
    names: Names,
    rate: Rate = 0,
    seconds: Seconds = 0,
    rounds: Rounds = 0,
    locals_: Locals = 0,
    idle: Idle = "wait",
    smoke: Smoke = False,
    state: State = None,
    account: Account = "",
    symbol: Symbol = "",
    config: ConfigOption = None,
    json: Json = None,
    html: Html = None,
    log: Log = None,
) -> None:
    """Measure scenarios, one after the other, and show what was found."""
    from bench.command import Outputs, run_scenarios
    from bench.scenario import Options

    options = Options(rate, seconds, rounds, locals_, idle, smoke, str(state or ""), account, symbol, str(config or ""))
    raise typer.Exit(run_scenarios(names, options, Outputs(json, html, log)))


@bench_app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN.json...", help="What --json wrote.")],
    html: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")],
) -> None:
    """Make a page of one or several runs, side by side, each compared with the first."""
    from bench.command import report_runs

    raise typer.Exit(report_runs(runs, html))


@bench_app.command()
def compare(runs: Annotated[list[Path], typer.Argument(metavar="A B [A B]...", help="Runs; of several, A and B by turns.")]) -> None:
    """Hold run B against run A: ratios, and a verdict only beyond the noise."""
    from bench.command import compare_runs

    raise typer.Exit(compare_runs(runs))


@bench_app.command()
def figures(
    rate: Rate = 0,
    seconds: Seconds = 0,
    rounds: Rounds = 0,
    locals_: Locals = 0,
    smoke: Smoke = False,
    state: State = None,
    json: Json = None,
    html: Html = None,
) -> None:
    """Measure the figures the project promises, each against its limit."""
    from bench.command import Outputs, measure_figures
    from bench.scenario import Options

    options = Options(rate, seconds, rounds, locals_, is_smoke=smoke, state=str(state or ""))
    raise typer.Exit(measure_figures(options, Outputs(json, html)))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(bench_app, name="bench")
