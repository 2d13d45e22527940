"""README and docs are true: their commands run on a small demo and print what they show, their snippets run, their files are the files."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import click
import pytest
from tests.consume.service.conftest import serving

from dagmesh.cli import main
from dagmesh.consume.service.limits import Limits
from dagmesh.model.mesh import Mesh

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONG = {"cli.md"}  # every command there is
PRODUCT = "domains/orders/orders/products/purchase_patterns.py"
DAYS = ["--days", "3", "--to", "2026-11-19"]

NOT_RUN = {
    "make demo": "what it does is run here by its parts; .ci/run runs it",
    "make test": "runs this test",
    "make bench": "takes a quarter of an hour; benchmarks/ keeps what it found",
    "dagmesh serve": "serves until it is stopped; tests/consume/service runs it",
    "dagmesh serve --host 0.0.0.0 --port 443 --tls-cert chain.pem --tls-key key.pem": "the same",
    "dagmesh up": "serves until it is stopped; tests/orchestrate/test_up.py runs it",
}

pytestmark = pytest.mark.xdist_group("demo")  # one worker builds it

BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<fenced>.*?)^```$|(?<=\n\n)(?P<indented>(?:    [^\n]*\n)+)", re.MULTILINE | re.DOTALL)
EXIT_CODE = re.compile(r"\s+# exit code (\d+)$")


@dataclass(frozen=True)
class Block:
    """A piece of a document that is no prose: commands, Python, or what the commands before it print."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def commands(self) -> list[str]:
        """The command lines, without comments and those that are not run."""
        lines = [line.strip() for line in self.text.replace("\\\n", "").splitlines()]
        return [line for line in lines if line and not line.startswith("#") and line.split("  ")[0] not in NOT_RUN]


def blocks(text: str) -> Iterator[Block]:
    """The blocks in order; indented ones are commands."""
    for match in BLOCK.finditer(text):
        body = "fenced" if match["indented"] is None else "indented"
        yield Block(match["kind"] if body == "fenced" else "sh", match[body], match.start(body), match.end(body))


@dataclass(frozen=True)
class Demo:
    """A built mesh, and how people use it."""

    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, *command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command's end, what it printed on both streams together."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGMESH_", "DAGSTER_", "PYTEST_"))}
        env = {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "error::DeprecationWarning:dagmesh"}
        env |= self.settings
        return subprocess.run(
            command, cwd=self.root, env=env, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    def prints(self, line: str) -> str:
        """What one line of a document prints; it ends as it says."""
        code = EXIT_CODE.search(line)
        done = self.run("bash", "-o", "pipefail", "-c", line)
        assert done.returncode == (int(code[1]) if code else 0), f"$ {line}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The shop's three days of a hundred orders, built as `make demo` does."""
    demo = Demo(tmp_path_factory.mktemp("demo") / "mesh")
    demo.root.mkdir()
    shutil.copy(ROOT / "workspace.yaml", demo.root)
    for folder in ("domains", "platform/policies"):
        shutil.copytree(ROOT / folder, demo.root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "platform/principals.yaml", demo.root / "platform")
    for command in (
        [sys.executable, "domains/shop.py", "--out", ".dagmesh/exports", "--orders-per-day", "100", *DAYS],
        ["dagmesh", "build", *DAYS],
    ):
        done = demo.run(*command)
        assert done.returncode == 0, done.stdout
    shutil.copytree(demo.root, demo.root.with_name("as built"))
    return demo


@pytest.fixture
def demo(built: Demo) -> Demo:
    """The demo as it was built, in the place where it was built."""
    shutil.rmtree(built.root)
    shutil.copytree(built.root.with_name("as built"), built.root)
    return built


@contextmanager
def served(demo: Demo) -> Iterator[Demo]:
    """The demo with its query service running, for marketing."""
    with serving(Mesh.find(demo.root), Limits(workers=1)) as running:
        yield replace(demo, settings={"DAGMESH_URL": f"http://127.0.0.1:{running.port}", "DAGMESH_TOKEN": "marketing"})


def masked(text: str) -> str:
    """The text without what differs from run to run: moments, seconds, random ids, whether a promise is kept today."""
    text = re.sub(r"^.* breaks its promise: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r'"kept": (true|false)|"words": "[^"]*"', '"<kept>"', text)
    text = re.sub(r"^is not +trustworthy: Its promise is not kept: .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("addressable, self-describing", "addressable, trustworthy, self-describing")
    text = re.sub(r"\b(not |NOT )?kept( +\d+(\.\d+)?$| \(.*\)$| since [\d-]+)?", "<kept>", text, flags=re.MULTILINE)
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\+00:00)?", "<moment>", text)
    text = re.sub(r"\(\d+\.\d s\)", "<seconds>", text)
    text = re.sub(r" *\d+\.\d ms", " <milliseconds>", text)
    text = re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16}|[0-9a-f]{8})\b", "<id>", text)
    return re.sub(r" +", " ", text)


def as_run(document: str, demo: Demo) -> str:
    """The document with what its commands really print, and its snippets run."""
    found = list(blocks(document))
    printed: dict[Block, str] = {}
    for block, following in pairwise([*found, Block("", "", 0, 0)]):
        if block.kind == "sh":
            output = "".join(demo.prints(line) for line in block.commands)
            if following.kind == "text" and is_next(document, block, following):
                printed[following] = output
        elif block.kind == "python" and "@dm.data_product" not in block.text:
            done = demo.run(sys.executable, "-W", "error", "-", text=block.text)
            assert done.returncode == 0, f"{block.text}\n{done.stdout}"
            if following.kind == "text" and is_next(document, block, following):
                printed[following] = done.stdout
    for block, output in reversed(printed.items()):
        if masked(output) != masked(block.text):
            document = document[: block.start] + output + document[block.end :]
    return document


def is_next(document: str, block: Block, following: Block) -> bool:
    """Whether nothing stands between two blocks."""
    return not document[block.end : following.start].replace("```text", "").strip(" \n`")


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=[pytest.mark.slow] if path.name in LONG else []) for path in DOCUMENTS], ids=lambda path: path.name
)
def test_the_commands_and_snippets_of_a_document_run_and_print_what_it_shows(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text(encoding="utf-8")
    if not any(block.kind == "python" or block.commands for block in blocks(text) if block.kind in ("sh", "python")):
        return

    demo = request.getfixturevalue("demo")
    with served(demo) if "$DAGMESH_URL" in text else nullcontext(demo) as demo:
        found = as_run(text, demo)

    if request.config.getoption("--golden"):
        path.write_text(found, encoding="utf-8")
        return
    assert text == found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_of_a_document_is_of_a_kind_that_is_tested(path: Path) -> None:
    kinds = {block.kind for block in blocks(path.read_text(encoding="utf-8"))}

    assert kinds <= {"sh", "python", "text"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_command_named_in_passing_is_one_that_dagmesh_understands(path: Path) -> None:
    named = re.findall(r"`(dagmesh [^`]+)`", re.sub(BLOCK, "", path.read_text(encoding="utf-8")).replace("\n", " "))

    for line in named:
        if "<" not in line and "..." not in line.replace('"..."', ""):
            _understood(main, shlex.split(line)[1:])


def _understood(command: click.Command, arguments: list[str]) -> None:
    if isinstance(command, click.Group) and arguments and arguments[0] != "--help":
        below = command.get_command(click.Context(command), arguments[0])
        assert below is not None, arguments
        _understood(below, arguments[1:])
    elif arguments and arguments[-1] != "--help":
        command.make_context("dagmesh", arguments)


def test_the_readme_shows_the_whole_of_a_products_file() -> None:
    (shown,) = [block for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if "@dm.data_product" in block.text]

    assert shown.text == (ROOT / PRODUCT).read_text(encoding="utf-8")


def test_the_readme_shows_what_mistakes_in_a_products_file_get(demo: Demo, request: pytest.FixtureRequest) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = [block for block in blocks(readme) if block.text.startswith(f"{PRODUCT}: ")]
    file = demo.root / PRODUCT
    for before, after in (
        (" category: str = dm.field(key=True, ", ' classification="secret", '),
        ('serves=["marketing"]', 'serves="marketing"'),
    ):
        assert before in file.read_text(encoding="utf-8")
        file.write_text(file.read_text(encoding="utf-8").replace(before, before + after if before[0] == " " else after), encoding="utf-8")

    done = demo.run("dagmesh", "run", "orders.purchase_patterns")

    assert done.returncode == 2
    if request.config.getoption("--golden"):
        (ROOT / "README.md").write_text(readme[: shown.start] + done.stdout + readme[shown.end :], encoding="utf-8")
        return
    assert shown.text == done.stdout


def test_every_command_has_a_section_that_runs_it() -> None:
    from dagmesh.cli.commands import COMMANDS

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = {section.partition("\n")[0]: section for section in text.split("\n## ")[1:]}

    assert list(sections) == [f"dagmesh {name}" for name in COMMANDS]
    for title, section in sections.items():
        assert re.search(rf"^    {title}\b", section, re.MULTILINE), title


def test_what_is_not_run_is_still_there() -> None:
    lines = {line.strip() for path in DOCUMENTS for block in blocks(path.read_text(encoding="utf-8")) for line in block.text.splitlines()}

    unused = [command for command in NOT_RUN if command != "make bench" and not any(line.split("  ")[0] == command for line in lines)]
    assert unused == []


def test_moments_and_ids_are_masked_and_numbers_are_not() -> None:
    one = "orders.orders@1 292 rows, published 2026-11-20 15:49:04 by 85dfd505 (1.6 s), promise: kept (newest day 2026-11-19)\n"
    other = "orders.orders@1 292 rows, published 2027-01-02 03:04:05 by 0123abcd (20.0 s), promise: NOT kept (9 days late)\n"

    assert masked(one) == masked(other)
    assert masked(one) != masked(one.replace("292", "293"))
    assert masked(one) != masked(replace(Block("", one, 0, 0), text=one.upper()).text)
