"""bill.py FILE: keeps in a CycloneDX bill of materials what is installed here, and nothing else.

The lock file has some packages in several versions, each for other Pythons; the bill that uv makes of it has
all of them. Run by the Dockerfile with the interpreter of the image's environment.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from pathlib import Path


def main(file: Path) -> None:
    """Rewrite the file. Raises SystemExit where something that is installed is not in it."""
    bill = json.loads(file.read_text())
    installed = {
        (re.sub(r"[-_.]+", "-", one.name).lower(), one.version)
        for one in importlib.metadata.distributions()
        if one.name != "lightship"
    }
    kept = [one for one in bill["components"] if (one["name"], one.get("version")) in installed]
    lacking = installed - {(one["name"], one["version"]) for one in kept}
    if lacking:
        raise SystemExit(f"not in the bill of materials: {sorted(lacking)}")
    known = {one["bom-ref"] for one in kept} | {bill["metadata"]["component"]["bom-ref"]}
    bill["components"] = kept
    bill["dependencies"] = [
        {**one, "dependsOn": [ref for ref in one.get("dependsOn", ()) if ref in known]}
        for one in bill.get("dependencies", ())
        if one["ref"] in known
    ]
    file.write_text(json.dumps(bill, indent=1))


main(Path(sys.argv[1]))
