"""Policies are found by being there; a domain may add its own and tighten the mesh's, never loosen or skip one."""

import pytest
from tests.policies.conftest import READINGS_FILE, wrong
from tests.small_mesh import SmallMesh

from dagmesh.errors import MeshError
from dagmesh.model.policy_files import load_policies

OWN = "domains/sensors/policies"
SHORT_NAMES = '''"""Names fit on a plate."""
import dagmesh as dm


class ShortNames(dm.Policy):
    """has more than {most} letters; take a shorter name."""

    def of_product(self, subject):
        if len(subject.product["name"]) > 5:
            yield dm.Finding("name", most=5)
'''
WARNING = '''"""Names fit on a plate."""
import dagmesh as dm


class PlateNames(dm.Policy):
    """is no name for a plate."""

    severity = "warn"

    def of_product(self, subject):
        yield dm.Finding("name")
'''
TIGHTER = "from policies.plate_names import PlateNames\n\n\nclass Tighter(PlateNames):\n"


def blocking(mesh: SmallMesh) -> list[tuple[str, str]]:
    return [(one.rule, one.message) for one in wrong(mesh) if one.blocks]


def refused(mesh: SmallMesh) -> str:
    with pytest.raises(MeshError) as refusal:
        load_policies(mesh.root, "sensors")
    return str(refusal.value)


def test_a_domain_adds_a_policy_by_a_file_and_it_holds_for_that_domain_only(policed: SmallMesh) -> None:
    policed.write(f"{OWN}/short_names.py", SHORT_NAMES)

    assert blocking(policed) == [("short_names", "sensors.readings@1: name has more than 5 letters; take a shorter name.")]
    assert "short_names" not in [policy.name for policy in load_policies(policed.root, "reports").policies]


def test_a_domain_may_make_an_error_of_a_warning(policed: SmallMesh) -> None:
    policed.write("platform/policies/plate_names.py", WARNING)
    policed.write(f"{OWN}/plate_names.py", TIGHTER + '    severity = "error"\n')

    found = {one.address: one.severity for one in wrong(policed)}

    assert found == {"sensors.readings@1": "error", "reports.totals@1": "warn"}


LOOSENED = {
    "a milder severity": (
        "naming",
        "from policies.naming import Naming\n\n\nclass Mild(Naming):\n    severity = 'warn'\n",
        "sensors: makes naming a warning, and in the mesh it is an error; severity can only be raised.",
    ),
    "another verdict": (
        "naming",
        "from policies.naming import Naming\n\n\nclass Blind(Naming):\n    def of_product(self, subject):\n        return ()\n",
        "sensors: changes of_product of naming; only severity can be raised. Write what is to be added as a policy of its own.",
    ),
    "a policy of the same name": (
        "naming",
        SHORT_NAMES,
        "sensors: replaces naming, a policy of the mesh; give yours another name.",
    ),
    "a milder one of another name": (
        "names",
        "from policies.naming import Naming\n\n\nclass Mild(Naming):\n    severity = 'warn'\n",
        "sensors: makes naming a warning, and in the mesh it is an error; severity can only be raised.",
    ),
    "a tighter one of another name": (
        "names",
        "from policies.naming import Naming\n\n\nclass Strict(Naming):\n    severity = 'error'\n",
        "sensors: tightens naming under another name; call the file naming.py.",
    ),
    "a change from outside": (
        "short_names",
        "from policies.naming import Naming\n\nNaming.of_product = lambda self, subject: ()\n" + SHORT_NAMES,
        "sensors: changes naming, a policy of the mesh, from outside.",
    ),
}


@pytest.mark.parametrize(("name", "text", "message"), LOOSENED.values(), ids=LOOSENED.keys())
def test_loosening_a_policy_is_itself_a_violation_and_the_policy_holds(name: str, text: str, message: str, policed: SmallMesh) -> None:
    policed.write(f"{OWN}/{name}.py", text)
    policed.change(READINGS_FILE, "reading_count: int", "order: int")

    found = blocking(policed)

    assert ("policies_only_tighten", message) in found
    assert "naming" in [rule for rule, _ in found]


def test_a_policy_of_the_mesh_cannot_be_skipped_by_a_waiver_for_the_attempt(policed: SmallMesh) -> None:
    policed.write(f"{OWN}/naming.py", SHORT_NAMES)
    policed.write(
        "domains/sensors/waivers/policies_only_tighten.readings.yaml",
        "policy: policies_only_tighten\nproduct: readings\nreason: why not\napprover: team:sensors\nexpires: 2027-01-01\n",
    )

    assert [rule for rule, _ in blocking(policed)] == ["policies_only_tighten", "waivers_in_order"]


FAULTY = {
    "no policy": ("x = 1\n", "has 0 subclasses of dm.Policy; write one, its docstring is the message."),
    "two": (
        SHORT_NAMES + SHORT_NAMES.replace("ShortNames", "Others"),
        "has 2 subclasses of dm.Policy; write one, its docstring is the message.",
    ),
    "no message": (
        SHORT_NAMES.replace('    """has more than {most} letters; take a shorter name."""\n', ""),
        "has no docstring; write the message for whoever breaks it, with the next step.",
    ),
    "no such severity": (
        SHORT_NAMES.replace("    def", '    severity = "fatal"\n\n    def'),
        "severity 'fatal' is unknown; choose error or warn.",
    ),
    "braces": (
        SHORT_NAMES.replace("{most}", "{most"),
        "its docstring cannot be filled: expected '}' before end of string; "
        "write {column} for a fact of the finding and double all other braces.",
    ),
    "looks at nothing": (
        SHORT_NAMES.replace("of_product", "of_products"),
        "looks at nothing; override of_domain, of_product, of_publication or of_read.",
    ),
    "an import that fails": ("import nothing_like_it\n", "cannot be imported: ModuleNotFoundError: No module named 'nothing_like_it'"),
}


@pytest.mark.parametrize(("text", "message"), FAULTY.values(), ids=FAULTY.keys())
@pytest.mark.parametrize("folder", ["platform/policies", OWN])
def test_a_file_that_is_no_policy_is_refused_by_name(folder: str, text: str, message: str, policed: SmallMesh) -> None:
    policed.write(f"{folder}/short_names.py", text)

    assert refused(policed) == f"{folder}/short_names.py: {message}"


def test_a_policy_that_fails_refuses_what_it_cannot_judge(policed: SmallMesh) -> None:
    policed.write("platform/policies/short_names.py", SHORT_NAMES.replace('"name"]) >', '"nam"]) >'))

    assert blocking(policed)[1] == (
        "short_names",
        "sensors.readings@1: cannot be judged by short_names: KeyError: 'nam'. Mend the policy's file.",
    )


def test_a_message_with_a_field_that_the_finding_lacks_refuses_too(policed: SmallMesh) -> None:
    policed.write("platform/policies/short_names.py", SHORT_NAMES.replace("most=5", "least=5"))

    assert [rule for rule, _ in blocking(policed)] == ["short_names", "short_names"]


def test_a_policy_says_what_it_asks_on_its_files_first_line(policed: SmallMesh) -> None:
    found = load_policies(policed.root).policies

    assert len(found) >= 19
    assert all(policy.title.endswith(".") and policy.title != policy.template() for policy in found)
    assert [policy.name for policy in found] == sorted(policy.name for policy in found)
