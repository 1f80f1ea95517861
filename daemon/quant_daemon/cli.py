"""The `quant-engine` command: subcommands by entry point, errors as one line, exit codes that mean something.

Commands are loaded when they are named, so that `--help` and a mistyped name answer at once.
"""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""What a shell expects of a program stopped by Ctrl-C."""

try:
    # Nearly all of the time until `main` is called goes into these, so that Ctrl-C may well come here.
    import os
    import traceback

    import click

    from quant_contracts.errors import ConfigError, Fatal, QuantError, StorageError, nearest, then
    from quant_daemon.registry import installed
except KeyboardInterrupt:
    sys.stderr.write("stopped\n")
    sys.exit(INTERRUPTED)


class _Commands(click.Group):
    """Finds its commands among the installed entry points, ours and a stranger's alike."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(installed("commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        points = installed("commands")
        if cmd_name not in points:
            ctx.fail(f"no command {cmd_name!r}; {nearest(cmd_name, points)}")
        try:
            command = points[cmd_name].load()
        except (ImportError, AttributeError) as error:
            # A package that is half installed must not take `--help` and all other commands with it.
            return _broken(cmd_name, f"{points[cmd_name].value} cannot be loaded: {error}")
        assert isinstance(command, click.Command)
        return command


def _broken(name: str, reason: str) -> click.Command:
    def refuse() -> None:
        raise ConfigError(f"the command {name!r} is not usable: {reason}")

    return click.Command(name, callback=refuse, help=f"Not usable: {reason}")


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: quant-engine demo",
)
@click.version_option(package_name="quant-engine", message="quant-engine %(version)s")
def quant_engine() -> None:
    """A contract-driven trading runtime: one engine for backtest, paper and live."""


def main() -> None:
    """Run the command line and leave with the exit code of what happened.

    0 done, 1 a check found something, 2 bad command line, 65 data damaged or missing, 70 our own fault,
    74 the disk refused, 78 configuration invalid, 130 stopped by Ctrl-C.
    """
    try:
        # Click's own `main` prints a blank line at Ctrl-C and turns exit codes into return values.
        with quant_engine.make_context("quant-engine", sys.argv[1:]) as ctx:
            quant_engine.invoke(ctx)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _leave("stopped", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
    except click.UsageError as error:
        said = error.format_message().rstrip(".")
        if error.ctx:
            said = then(said, f"try '{error.ctx.command_path} --help'")
        _leave(f"error: {said}", error.exit_code)
    except click.ClickException as error:
        _leave(f"error: {error.format_message()}", error.exit_code)
    except QuantError as error:
        _leave(f"error: {error}", error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); there is nobody left to tell.
        _drop_output()
    except OSError as error:
        _drop_output()
        _leave(f"error: {error.filename or 'output'}: {error.strerror or error}", StorageError.exit_code)
    except Exception as error:  # noqa: BLE001 - not swallowed: it ends the program, with the code that says so
        _leave(f"error: {_fault(error)}", Fatal.exit_code)


def _leave(message: str, code: int) -> None:
    click.echo(" ".join(message.splitlines()), err=True)
    sys.exit(code)


def _fault(error: Exception) -> str:
    """What happened where, for whoever wrote the code."""
    *_, frame = traceback.extract_tb(error.__traceback__)
    return (
        f"{type(error).__name__}: {error} (in {frame.name}, {frame.filename}, line {frame.lineno}); "
        "this is a fault of the program or of a part of it, not of what you gave it: please report it"
    )


def _drop_output() -> None:
    """Send what is still in the buffer nowhere: Python writes it at exit and would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
