"""The lowest versions that pyproject.toml allows, as constraints for pip: ``click==8.1``.

torch and torchvision are left out: their lowest are gigabytes, and were tried by hand.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
for requirement in project["dependencies"]:
    name, lowest = re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement).groups()
    if name not in ("torch", "torchvision") or "--all" in sys.argv:
        print(f"{name}=={lowest}")
