"""Code of the user's that the command line names: ``--generator MODULE:FUNCTION``."""

import sys
import traceback
from importlib import import_module
from pathlib import Path

from gandiag.errors import GandiagError, closest
from gandiag.sources import Generator


def find_function(name: str) -> Generator:
    """``package.module:function`` => the function, also from the folder one is in.

    Raises:
        GandiagError: there is none of that name, or its module raises when it is imported.
    """
    module, _, function = name.partition(":")
    if not (module and function):
        raise GandiagError(f"--generator {name} is not MODULE:FUNCTION, as in models:make")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # it stays: the function may import when it is called
    try:
        found = import_module(module)
    # A module may raise anything, and `sys.exit` in it must not end the run as if all were well.
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
            raise GandiagError(
                f"--generator {name} is not found: there is no module {error.name} here; "
                "run from the folder that it is in"
            ) from error
        last = traceback.format_exception_only(error)[-1].strip()
        raise GandiagError(
            f"--generator {name} cannot be imported ({last}); mend {module}"
        ) from error
    chosen: Generator | None = getattr(found, function, None)
    if not callable(chosen):
        near = closest(function, [each for each in vars(found) if not each.startswith("_")])
        hint = f"did you mean {near}?" if near else "name a function of it"
        raise GandiagError(f"--generator {name} is not found: {module} has no {function}; {hint}")
    return chosen
