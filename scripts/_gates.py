"""What must be passed before a recipe's samples are released, and what is said of having passed."""

from radfoundry import tables
from radfoundry.evaluation.privacy import gate


def audited(job) -> dict[str, str]:
    """Return what the card says of a memorisation audit; refuse a release that it blocks.

    Raises:
        gate.Blocked: It found copies, or did not find those that were planted.
    """
    if not job.input.memorisation:
        return {"Memorisation audit": gate.NONE}
    table = tables.read(*job.input.memorisation, "memorisation")
    gate.check(job.wildcards.recipe, table, job.params.most_copied)
    return {"Memorisation audit": gate.passed(table)}
