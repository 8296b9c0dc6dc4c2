"""What a sample takes of its source, which decides in which words it is shown and shipped."""

from collections.abc import Mapping
from typing import Any


def edited(asked: Mapping[str, Any]) -> bool:
    """Return whether a radiograph is its source's image, changed, and not drawn from nothing.

    Args:
        asked: Parameters of a request, or options of a recipe. `given` says what is taken as it is;
            generators without it start from the image.

    >>> edited({"shape": "patch"}), edited({"given": ["image"]}), edited({"given": []})
    (True, True, False)
    """
    return "image" in asked.get("given", ("image",))
