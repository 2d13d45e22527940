"""The command as a whole: light help, one table of commands, exit codes that scripts can rely on."""

import json
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dagmesh import cli
from dagmesh.cli import EXIT_CODES, INTERRUPTED, MISTAKE, main
from dagmesh.cli.commands import COMMANDS
from dagmesh.errors import (
    AccessRefused,
    AddressError,
    AuditRefused,
    BudgetSpent,
    ChainBroken,
    ContractBroken,
    DagmeshError,
    DefinitionError,
    EventRefused,
    FeedbackRefused,
    IdentityRefused,
    MeshError,
    NotPublished,
    PolicyViolated,
    PreconditionFailed,
    Problem,
    PublishConflict,
    QueryRefused,
    ReceiptRefused,
    ServiceBusy,
    UntrustedSnapshot,
)

ROOT = Path(__file__).parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs" / "cli.md"
HEAVY = {
    "dagster",
    "dagster_shared",
    "pandas",
    "numpy",
    "duckdb",
    "deltalake",
    "pyarrow",
    "pandera",
    "polars",
    "rich",
    "jinja2",
    "joserfc",
    "mcp",
    "starlette",
    "uvicorn",
}

ERRORS = [
    (AddressError("not an address"), 2),
    (DefinitionError([Problem("domains/returns", "", "name", "is wrong")]), 2),
    (MeshError("no workspace.yaml"), 2),
    (QueryRefused("not a SELECT"), 2),
    (PublishConflict("others kept winning"), 2),
    (AccessRefused("marketing may not read", reader="marketing", address="orders.payments@1"), 3),
    (NotPublished("no snapshot yet", address="orders.payments@1"), 4),
    (UntrustedSnapshot("unsigned", address="orders.payments@1", version=3, last_good=2), 5),
    (AuditRefused("one rule broken"), 6),
    (ContractBroken("removes a column", address="orders.payments@1", needed="2.0.0"), 7),
    (EventRefused("event e7: unknown type 'OrderLost'"), 2),
    (PreconditionFailed("nothing was appended"), 2),
    (ChainBroken("event 3 was changed", position=3), 5),
    (PolicyViolated("no owner", policies=["owner_reachable"]), 7),
    (IdentityRefused("who asks is not said"), 3),
    (BudgetSpent("assistant has taken today's 500 queries"), 3),
    (ServiceBusy("every worker is taken", retry_after=2), 2),
    (FeedbackRefused("a rating has stars"), 2),
    (ReceiptRefused("receipt r1 was changed"), 5),
]


def modules_after(*arguments: str) -> set[str]:
    """The top-level modules a fresh process has loaded after a command, and those of the commands themselves."""
    code = f"""
import json, sys
from dagmesh.cli import main
main({list(arguments)!r}, standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = json.loads(done.stderr)
    return {name.split(".")[0] for name in names} | {name for name in names if name.startswith("dagmesh.")}


def every_command() -> Iterator[tuple[list[str], click.Command]]:
    """Each command of the table and each command below it, with the words that lead there."""
    context = click.Context(main)
    waiting = [([name], command) for name in COMMANDS if (command := main.get_command(context, name))]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        if isinstance(command, click.Group):
            waiting += [([*words, name], below) for name, below in command.commands.items()]


def raised_by(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> click.testing.Result:
    """What `dagmesh fail` gives when its command, registered as any other is, raises the error."""

    @click.command()
    def fail() -> None:
        raise error

    module = types.ModuleType("failing_command")
    vars(module)["fail"] = fail
    monkeypatch.setitem(sys.modules, "failing_command", module)
    monkeypatch.setitem(COMMANDS, "fail", ("failing_command", "fail", "Fail."))
    return CliRunner().invoke(main, ["fail"])


def test_help_lists_every_command_with_its_summary() -> None:
    printed = CliRunner().invoke(main, ["--help"], terminal_width=200).output

    for name, (_, _, summary) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", printed, re.MULTILINE)


def test_help_imports_no_command_and_nothing_heavy() -> None:
    loaded = modules_after("--help")

    assert not loaded & HEAVY
    assert not loaded & {module for module, _, _ in COMMANDS.values()}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_nothing_heavy(name: str) -> None:
    loaded = modules_after(name, "--help")

    assert not loaded & HEAVY


def test_the_heavy_modules_are_seen_when_they_are_loaded() -> None:
    code = "import json, sys; import duckdb; print(json.dumps(sorted(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "duckdb" in json.loads(done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_repeats_the_first_line_of_a_commands_own_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.get_short_help_str(limit=1000) == COMMANDS[name][2]


@pytest.mark.parametrize(("words", "command"), list(every_command()), ids=lambda value: "-".join(value) if isinstance(value, list) else "")
def test_the_help_of_a_command_ends_with_examples_that_it_understands(words: list[str], command: click.Command) -> None:
    printed = CliRunner().invoke(main, [*words, "--help"]).output

    examples = printed.partition("\n  Example:\n")[2].splitlines()

    assert examples
    for example in examples:
        first, *arguments = shlex.split(example)
        assert [first, *arguments[: len(words)]] == ["dagmesh", *words]
        understood: click.Command = command
        rest = arguments[len(words) :]
        while isinstance(understood, click.Group):
            understood, rest = understood.commands[rest[0]], rest[1:]
        understood.make_context(first, rest)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented_in_the_readme_or_the_command_page(name: str) -> None:
    documented = README.read_text(encoding="utf-8") + DOCS.read_text(encoding="utf-8")

    assert re.search(rf"\bdagmesh {name}\b", documented)


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value))
def test_a_dagmesh_error_goes_to_stderr_and_chooses_the_exit_code(error: DagmeshError, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    result = raised_by(error, monkeypatch)

    assert (result.exit_code, result.stderr, result.stdout) == (code, f"{error}\n", "")


def test_every_class_of_error_has_been_given_an_exit_code_on_purpose() -> None:
    assert {type(error) for error, _ in ERRORS} == set(DagmeshError.__subclasses__())


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    result = raised_by(KeyboardInterrupt(), monkeypatch)

    assert (result.exit_code, result.stderr) == (130, "stopped by Ctrl-C.\n")


def test_anything_unexpected_ends_with_1_and_a_traceback() -> None:
    code = """
import click, sys, types
from dagmesh.cli import main
from dagmesh.cli.commands import COMMANDS
module = types.ModuleType("failing_command")
module.fail = click.Command("fail", callback=lambda: 1 / 0)
sys.modules["failing_command"] = module
COMMANDS["fail"] = ("failing_command", "fail", "Fail.")
main(["fail"])
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_an_unknown_command_names_the_nearest_and_ends_with_2() -> None:
    result = CliRunner().invoke(main, ["nwe"])

    assert result.exit_code == MISTAKE
    assert "no command 'nwe'; choose " in result.stderr
    assert result.stderr.endswith("Did you mean 'new'?\n")


def test_the_exit_codes_are_documented_in_the_module_the_help_and_the_documentation() -> None:
    documented = re.findall(r"^ +(\d+)  (.+)$", cli.__doc__ or "", re.MULTILINE)
    printed = CliRunner().invoke(main, ["--help"]).output

    assert {int(code) for code, _ in documented} == {0, 1, MISTAKE, INTERRUPTED, *EXIT_CODES.values()}
    for code, meaning in documented:
        assert re.search(rf"^ +{code}  {re.escape(meaning)}$", printed, re.MULTILINE)
        assert f"| {code} | {meaning} |" in DOCS.read_text(encoding="utf-8")


def test_the_version_is_the_distributions() -> None:
    result = CliRunner().invoke(main, ["--version"], prog_name="dagmesh")

    assert re.fullmatch(r"dagmesh \d+\.\d+\.\d+\n", result.output)
