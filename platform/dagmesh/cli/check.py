"""`dagmesh check`: what is wrong with the files of the mesh, before anything is merged or runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagmesh.cli.options import example, json_option
from dagmesh.cli.output import print_json

if TYPE_CHECKING:
    from dagmesh.consume.mesh_check import Checked, Wrong
    from dagmesh.model.mesh import Location, Mesh

BROKEN = 7


@click.command(epilog=example("dagmesh check", "dagmesh check orders --fix", "dagmesh check --github --sarif dagmesh.sarif"))
@click.argument("domains", nargs=-1)
@click.option("--fix", is_flag=True, help="Mend what a policy knows how to mend.")
@json_option
@click.option("--github", is_flag=True, help="Print annotations for a pull request on GitHub.")
@click.option("--sarif", type=click.Path(dir_okay=False, path_type=Path), help="Also write the findings as SARIF 2.1.0.")
@click.pass_context
def check(ctx: click.Context, domains: tuple[str, ...], fix: bool, as_json: bool, github: bool, sarif: Path | None) -> None:
    """Check definitions, policies, versions, lock files and consumers' expectations of all domains, or of some."""
    from dagmesh.cli.annotations import github_line, sarif_log
    from dagmesh.model.mesh import Mesh

    if as_json and github:
        raise click.UsageError("--json and --github are two forms of one answer; choose one.")
    mesh = Mesh.find()
    found = _found(mesh, domains)
    if fix:
        mended = [one for one in found.wrong if one.fix and _mend(mesh.root, one)]
        for one in mended:
            click.echo(f"mended {one.file}:{one.line} ({one.rule})", err=True)
        found = replace(found, wrong=tuple(one for one in found.wrong if one not in mended))
    if sarif:
        import json

        sarif.write_text(json.dumps(sarif_log(found.wrong), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if as_json:
        print_json([one.describe() for one in found.wrong])
    else:
        click.echo("\n".join([github_line(one) for one in found.wrong] if github else [*_lines(found)]))
    ctx.exit(BROKEN if any(one.blocks for one in found.wrong) else 0)


def _found(mesh: Mesh, names: Sequence[str]) -> Checked:
    """What is wrong with the domains, or with all; one with an environment of its own is checked by its own interpreter.

    Raises:
        MeshError: no domain of that name, a policy's file that is none, or an interpreter that cannot check.
    """
    from datetime import UTC, datetime

    from dagmesh.consume.mesh_check import checked
    from dagmesh.orchestrate.own_python import has_own_python

    locations = [mesh.location(name) for name in names] or list(mesh.locations)
    here = [location.name for location in locations if not has_own_python(location)]
    found = checked(mesh, here, datetime.now(UTC).date())
    for location in locations:
        if location.name not in here:
            wrong = _found_there(mesh, location)
            new = [one for one in wrong if one not in found.wrong]  # what is wrong with the mesh's own files is said once
            found = replace(found, domains=(*found.domains, location.name), wrong=(*found.wrong, *new))
    return found


def _found_there(mesh: Mesh, location: Location) -> list[Wrong]:
    """What is wrong with a domain by its own interpreter."""
    import json

    from dagmesh.consume.mesh_check import Wrong
    from dagmesh.errors import MeshError
    from dagmesh.orchestrate.own_python import said_there

    done = said_there(mesh, location, ["check", location.name, "--json"])
    if done.returncode not in (0, BROKEN):
        raise MeshError(f"domains/{location.name}: {location.executable} cannot check it: {done.stderr.strip()}")
    return [Wrong.of(one) for one in json.loads(done.stdout)]


def _mend(root: Path, wrong: Wrong) -> bool:
    """Whether the fix could be made: what it replaces is in the file exactly once."""
    assert wrong.fix is not None
    path = root / wrong.fix.file
    text = path.read_text(encoding="utf-8")
    if text.count(wrong.fix.before) != 1 or wrong.fix.before == wrong.fix.after:
        return False
    path.write_text(text.replace(wrong.fix.before, wrong.fix.after), encoding="utf-8")
    return True


def _lines(found: Checked) -> Iterator[str]:
    """For people: two lines for each thing that is wrong, and one that sums up."""
    for one in found.wrong:
        yield f"{'waived' if one.waived else one.severity} {one.file}:{one.line} {one.rule}"
        yield from (f"  {line}" for line in (one.message, *([one.waived] if one.waived else [])))
    looked_at = ", ".join(_many(len(names), word) for names, word in _looked_at(found))
    yield f"{looked_at}: {_summed_up(found.wrong)}."


def _looked_at(found: Checked) -> tuple[tuple[Sequence[str], str], ...]:
    return (found.domains, "domain"), (found.products, "product"), (found.policies, "policy")


def _summed_up(wrong: Sequence[Wrong]) -> str:
    errors, waived = sum(one.blocks for one in wrong), sum(one.waived is not None for one in wrong)
    counts = (errors, "error"), (len(wrong) - errors - waived, "warning")
    said = [_many(count, word) for count, word in counts if count] + ([f"{waived} waived"] if waived else [])
    return ", ".join(said) or "nothing is wrong"


def _many(count: int, word: str) -> str:
    return f"{count} {word if count == 1 else f'{word[:-1]}ies' if word.endswith('y') else f'{word}s'}"
