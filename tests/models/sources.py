"""Tables and folders of pictures, as users have them."""

import numpy as np
from PIL import Image

from ogive.preprocessing import ColumnRoles

LINES = ["size,colour,ok", *(f"{i},{('red', 'blue')[i % 2]},{'yn'[i % 2]}" for i in range(12))]
ROLES = ColumnRoles("ok", categorical=["colour"])


def text_file(folder, lines, name="t.csv"):
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def picture(file, pixels):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


def picture_folder(root, colour=False, count=4, size=(4, 5)):
    """Write dark and light pictures, a folder each."""
    generator = np.random.default_rng(0)
    shape = (*size, 3) if colour else size
    for name, level in (("dark", 40), ("light", 180)):
        for i in range(count):
            pixels = generator.integers(level, level + 40, shape).astype(np.uint8)
            picture(root / name / f"{i}.png", pixels)
    return root
