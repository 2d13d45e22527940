"""Gates: what is looked at before a run of a product begins; each raises when nothing may be published."""

from __future__ import annotations

from dagmesh.consume.baseline import consumers, published
from dagmesh.consume.comparison import broken_readers
from dagmesh.lake.lake import Lake
from dagmesh.model.diff import changes, check_version
from dagmesh.model.domain import Product


def refuse_broken(lake: Lake, product: Product) -> None:
    """Nothing, when the contract keeps what the last publication of its major promised, whatever anyone said before.

    A version that is too low for what was only added or explained stops no publication: that is `dagmesh diff`'s to say.

    Raises:
        ContractBroken: it does not; the message names the readers.
    """
    before = published(lake, product.address)
    if before is None:
        return
    after = product.describe()
    found = changes(before, after)
    if any(change.effect == "breaking" for change in found):
        check_version(before, after, broken_readers(found, consumers(lake, product.address)))
