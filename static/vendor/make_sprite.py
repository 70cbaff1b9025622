"""Make icons.svg: the chosen Lucide icons, the shapes of the statuses and the logo in one file that browsers cache.

    python static/vendor/make_sprite.py PATH_TO_LUCIDE_STATIC

A page takes one out with `{% icon "name" %}`. The names are in icons.txt: add one, run this, commit both.
"""

import re
import sys
from pathlib import Path

# One silhouette for each status, so that it is read without colour.
SHAPES = {
    "s-triangle": '<path d="M8 2.6 14.2 13.4H1.8Z"/>',
    "s-diamond": '<path d="M8 1.6 14.4 8 8 14.4 1.6 8Z"/>',
    "s-square": '<rect x="2.6" y="2.6" width="10.8" height="10.8" rx="1.6"/>',
    "s-check": '<rect x="2.2" y="2.2" width="11.6" height="11.6" rx="1.8"/><path d="m5.2 8.2 2 2 3.8-4.2"/>',
    "s-burst": '<circle cx="8" cy="8" r="3.6"/><path d="m2 2 3.4 3.4M14 2l-3.4 3.4M2 14l3.4-3.4M14 14l-3.4-3.4"/>',
    "s-circle": '<circle cx="8" cy="8" r="5.9" stroke-dasharray="2.6 2.03"/>',
}
LOGO = (
    '<rect width="32" height="32" rx="8" fill="#0070f2"/>'
    '<path d="M9 22.5 16 7.5l7 15" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"'
    ' stroke-linejoin="round"/><circle cx="16" cy="19.5" r="2.4" fill="#fff"/>'
)
DRAWN = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'


def main(lucide: Path) -> None:
    here = Path(__file__).parent
    symbols = [lucide_symbol(lucide, name) for name in (here / "icons.txt").read_text().split()]
    symbols += [
        f'<symbol id="{name}" viewBox="0 0 16 16" {DRAWN} stroke-width="1.7">{body}</symbol>'
        for name, body in SHAPES.items()
    ]
    symbols.append(f'<symbol id="logo" viewBox="0 0 32 32">{LOGO}</symbol>')
    sprite = "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])
    (here / "icons.svg").write_text(sprite)
    favicon = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{LOGO}</svg>\n'
    (here.parent / "favicon.svg").write_text(favicon)


def lucide_symbol(lucide: Path, name: str) -> str:
    svg = (lucide / "icons" / f"{name}.svg").read_text()
    found = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    if not found:
        sys.exit(f"{name}.svg is not an SVG file of lucide-static. Give the folder of the unpacked package.")
    body = re.sub(r"\s+", " ", found[1]).replace("> <", "><").replace(" />", "/>").strip()
    return f'<symbol id="{name}" viewBox="0 0 24 24" {DRAWN} stroke-width="1.75">{body}</symbol>'


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Give the folder of the unpacked lucide-static package.")
    main(Path(sys.argv[1]))
