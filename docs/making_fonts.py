"""Makes the console's fonts from their packages of npm: `make fonts`. Needs npm, and fonttools with Brotli.

The page is drawn by them on every machine, so that it looks as Slack does and golden pictures are comparable.
Lato stays as it comes: its licence reserves its name. Noto's emoji are cut down to those that the page knows,
DejaVu's monospace to the signs that the bot writes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fontTools import subset
from fontTools.ttLib import TTFont

if TYPE_CHECKING:
    from collections.abc import Iterator

ASSETS: Final = Path(__file__).parents[1] / "bot" / "console" / "assets"
VERSIONS: Final = {"lato": "5.3.0", "dejavu-mono": "5.3.0", "noto-color-emoji": "5.3.2"}
LATO: Final = (("400", "normal"), ("400", "italic"), ("700", "normal"))
LATIN: Final = "U+0000-00FF, U+2000-206F, U+20AC, U+2122, U+2212"
LATIN_MORE: Final = "U+0100-024F"
SIGNS: Final = "U+2190-21FF, U+2200-22FF, U+2300-23FF, U+2500-25FF, U+2600-26FF, U+2700-27BF, U+27F0-27FF"
JOINERS: Final = {0x200D, 0xFE0F}


def fetched(name: str, folder: Path) -> Path:
    """The package of npm, unpacked."""
    place = folder / name
    place.mkdir()
    packed = _run(place, "npm", "pack", "--silent", f"@fontsource/{name}@{VERSIONS[name]}")
    _run(place, "tar", "xzf", packed)
    return place / "package"


def _run(place: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=place, check=True, capture_output=True, text=True)  # noqa: S603 - our words
    return done.stdout.strip()


def cut(source: Path, target: Path, wanted: set[int], *, drop: str) -> None:
    """Only those characters of a font, and without that table, as WOFF2."""
    options = subset.Options(layout_features=["*"], flavor="woff2")
    font = subset.load_font(str(source), options)
    del font[drop]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=wanted)
    cutter.subset(font)
    subset.save_font(font, str(target), options)


def emoji() -> set[int]:
    """The characters of every emoji that the page knows."""
    signs = re.findall(r': "([^"]+)"', (ASSETS / "emoji.js").read_text(encoding="utf-8"))
    return {ord(one) for sign in signs for one in sign} | JOINERS


def numbers(ranges: str) -> set[int]:
    """The characters of a `unicode-range`."""
    found: set[int] = set()
    for part in ranges.split(","):
        first, _, last = part.strip().removeprefix("U+").partition("-")
        found |= set(range(int(first, 16), int(last or first, 16) + 1))
    return found


def written(wanted: set[int]) -> str:
    """Characters as a `unicode-range`."""
    runs: list[list[int]] = []
    for number in sorted(wanted):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"U+{first:04X}" + (f"-{last:04X}" if last > first else "") for first, last in runs)


def face(
    family: str, file: str, ranges: str, *, weight: str = "400", style: str = "normal", of: str = ""
) -> str:
    """One rule of the style sheet; `of` a technique that who does not know it leaves the font alone for."""
    source = f'url("{file}") format("woff2"){f" tech({of})" if of else ""}'
    return (
        f'@font-face {{ font-family: "{family}"; font-style: {style}; font-weight: {weight}; '
        f"font-display: block; src: {source}; unicode-range: {ranges}; }}"
    )


def lato(package: Path) -> Iterator[str]:
    """As it comes; the rules of its faces."""
    for weight, style in LATO:
        for part, ranges in (("latin", LATIN), ("latin-ext", LATIN_MORE)):
            file = f"lato-{part}-{weight}-{style}.woff2"
            (ASSETS / file).write_bytes((package / "files" / file).read_bytes())
            yield face("Lato", file, ranges, weight=weight, style=style)


def mono(package: Path) -> Iterator[str]:
    """For code, and the signs that Lato lacks for all other text; an emoji is never a sign."""
    file = "dejavu-mono.woff2"
    everything = f"{LATIN}, {LATIN_MORE}, {SIGNS}"
    source = package / "files" / "dejavu-mono-latin-400-normal.woff2"
    cut(source, ASSETS / file, numbers(everything), drop="FFTM")
    yield face("DejaVu Mono", file, everything)
    yield face("Signs", file, written(numbers(SIGNS) - emoji()))


def in_colour(package: Path) -> str:
    """Emoji. A browser that cannot draw such a font runs where the system has emoji of its own."""
    file = "emoji.woff2"
    cut(package / "files" / "noto-color-emoji-emoji-400-normal.woff2", ASSETS / file, emoji(), drop="SVG ")
    return face("Emoji", file, written(set(TTFont(ASSETS / file).getBestCmap()) | JOINERS), of="color-COLRv1")


def main() -> None:
    """Write the fonts, their style sheet and their licences."""
    licences = []
    with tempfile.TemporaryDirectory() as folder:
        packages = {name: fetched(name, Path(folder)) for name in VERSIONS}
        for name, package in packages.items():
            title = f"{name} {VERSIONS[name]}"
            licence = (package / "LICENSE").read_text(encoding="utf-8").strip()
            licences.append(f"{title}\n{'=' * len(title)}\n\n{licence}\n")
        rules = (
            "/* Written by docs/making_fonts.py. */",
            *lato(packages["lato"]),
            *mono(packages["dejavu-mono"]),
            in_colour(packages["noto-color-emoji"]),
        )
    (ASSETS / "fonts.css").write_text("\n".join(rules) + "\n", encoding="utf-8")
    (ASSETS / "fonts-licences.txt").write_text("\n\n".join(licences), encoding="utf-8")
    for path in sorted(ASSETS.glob("*.woff2")):
        sys.stdout.write(f"{path.stat().st_size // 1024:>6} kB  {path.name}\n")


if __name__ == "__main__":
    main()
