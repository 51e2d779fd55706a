"""Which names of Locust gregaria does not have: what `gregaria check` may speak of.

    .venv-oracle/bin/python compat/golden/lacking.py > real; .venv/bin/python compat/golden/lacking.py real > \
        python/locust/cli/check/lacking.txt

Without an argument it prints the dotted names of all that the modules of the running Locust define; with a file of those, the ones
that are missing here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

# The libraries that these are for are not everybody's.
OPTIONAL = ("contrib.dns", "contrib.milvus", "contrib.mongodb", "contrib.mqtt", "contrib.oai", "contrib.postgres", "contrib.qdrant", "contrib.socketio")  # fmt: skip


def names() -> Iterator[str]:
    warnings.simplefilter("ignore")
    import locust

    for found in pkgutil.walk_packages(locust.__path__, "locust."):
        if found.name.endswith((".__main__", *OPTIONAL)) or ".test" in found.name:
            continue
        try:
            module = importlib.import_module(found.name)
        except ImportError:
            continue
        yield found.name
        for name, value in vars(module).items():
            if name.startswith("__") or inspect.ismodule(value):
                continue
            if (getattr(value, "__module__", found.name) or found.name) != found.name:
                continue
            yield f"{found.name}.{name}"
            if inspect.isclass(value):
                for base in value.__mro__:
                    if base.__module__.startswith("locust"):
                        yield from (
                            f"{found.name}.{name}.{one}" for one in vars(base) if not one.startswith("__")
                        )


def is_here(dotted: str) -> bool:
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            if not hasattr(value, part):
                return False
            value = getattr(value, part)
        return True
    return False


if __name__ == "__main__":
    if len(sys.argv) > 1:
        found = [name for name in Path(sys.argv[1]).read_text().splitlines() if not is_here(name)]
    else:
        found = sorted(set(names()))
    print("\n".join(found))
