"""Looks for known vulnerabilities in what the lock file names: `make audit`, and the end of `make lint`.

Exits with 1 where one is found. Where the database cannot be asked that is said; it is an error only with
`--strict`, as the public CI calls it: a machine without a way to the database can still be linted on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 300


def main() -> int:
    """Export the lock file, ask, and say what was found."""
    arguments = argparse.ArgumentParser(description="Look for known vulnerabilities in the lock file.")
    arguments.add_argument("--uv", default="uv", help="the uv to call")
    arguments.add_argument("--strict", action="store_true", help="a database out of reach is an error")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder) / "locked.txt"
        export = [given.uv, "export", "--quiet", "--frozen", "--no-emit-project", "--all-groups"]
        subprocess.run(
            [*export, "--output-file", str(locked)], check=True, timeout=SECONDS, stdout=subprocess.DEVNULL
        )
        run = [given.uv, "run", "--quiet", "--isolated", "--frozen", "--only-group", "audit", "pip-audit"]
        how = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
        asked = subprocess.run(
            [*run, *how, "--requirement", str(locked)],
            check=False,
            timeout=SECONDS,
            capture_output=True,
            text=True,
        )
    found = read(asked.stdout)
    audited = [one for one in found if "skip_reason" not in one]
    if not audited:
        print(
            "audit: the database of vulnerabilities cannot be reached; nothing was looked up", file=sys.stderr
        )
        return 1 if given.strict else 0
    vulnerable = [one for one in audited if one["vulns"]]
    for one in vulnerable:
        for vulnerability in one["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            print(
                f"audit: {one['name']} {one['version']}: {vulnerability['id']}, mended in {fixed}",
                file=sys.stderr,
            )
    print(
        f"audit: {len(audited)} packages looked up, {len(vulnerable)} with known vulnerabilities",
        file=sys.stderr,
    )
    return 1 if vulnerable else 0


def read(output: str) -> list[dict[str, Any]]:
    """The packages that pip-audit tells of; none where it could not tell anything."""
    try:
        return list(json.loads(output)["dependencies"])
    except (ValueError, KeyError):
        return []


if __name__ == "__main__":
    sys.exit(main())
