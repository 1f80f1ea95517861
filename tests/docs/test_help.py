"""What `--help` shows as an example can be copied as it stands and is a command with those options."""

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from quant_daemon.cli import quant_engine


def walk(command, words=()):
    """Every command with the words that call it."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*words, name))


COMMANDS = dict(walk(quant_engine))


def help_of(words):
    return CliRunner().invoke(quant_engine, [*words, "--help"], prog_name="quant-engine").output


def examples_of(words):
    text = help_of(words).replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^.*?\b(quant-engine [^\[\n]+)$", text, re.MULTILINE)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_example_is_a_command_that_click_can_read(words):
    examples = [example[1:] for example in examples_of(words) if example[1] != "[OPTIONS]"]
    assert examples
    for example in examples:
        called = max((known for known in COMMANDS if tuple(example[: len(known)]) == known), key=len)
        assert called[: len(words)] == words, example
        # Parsing refuses unknown options and missing arguments, and runs nothing.
        COMMANDS[called].make_context("quant-engine", example[len(called) :])


@pytest.mark.parametrize(
    "words", [words for words, command in COMMANDS.items() if isinstance(command, click.Group)], ids=" ".join
)
def test_a_list_of_commands_says_what_each_does_without_cutting_it_off(words):
    text = help_of(words)
    assert "..." not in text.replace("COMMAND [ARGS]...", "")
    assert not [line for line in text.splitlines() if len(line) > 80]
