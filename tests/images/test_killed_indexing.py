"""Processes that are killed while they index pictures: nothing that was indexed is lost."""

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from ogive.images.embedding import EmbeddingRecipe
from ogive.images.picture_index import PictureIndex


def draw(path, seed):
    """Write a picture of blots, different for each seed."""
    path.parent.mkdir(exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(coarse).resize((12, 10), Image.Resampling.BICUBIC).save(path)


def same(left, right):
    """Return whether two indices hold the same pictures by the same vectors."""
    held = [
        [(e.name, e.label, one.vectors.vectors([e.id]).tobytes()) for e in one.entries]
        for one in (left, right)
    ]
    return held[0] == held[1]


CHILD = """
    import os, signal, sys
    from ogive.images import picture_growth
    from ogive.images.embedding import EmbeddingRecipe
    from ogive.images.picture_index import PictureIndex

    picture_growth._FILES, picture_growth._SHARE_OF_SAVING = 10, 1e9

    def progress(what, done, total):
        if what == "indexing" and done == 40:
            os.kill(os.getpid(), getattr(signal, sys.argv[3]))

    PictureIndex.build(sys.argv[1], EmbeddingRecipe("pixels", (4, 4, 1)), path=sys.argv[2],
                       save_every=0, progress=progress)
"""


@pytest.mark.parametrize(("blow", "saved"), [("SIGKILL", 30), ("SIGINT", 40)])
def test_a_killed_indexing_goes_on_where_it_stopped(tmp_path, blow, saved):
    pictures, path = tmp_path / "many", tmp_path / "x.index"
    for seed in range(57):
        draw(pictures / f"{seed:02}.png", seed)
    arguments = [textwrap.dedent(CHILD), str(pictures), str(path), blow]
    done = subprocess.run([sys.executable, "-c", *arguments], capture_output=True, check=False)
    assert done.returncode == -getattr(signal, blow), done.stderr
    assert [file.name for file in tmp_path.glob(".ogive-*")] == []
    index = PictureIndex.load(path)
    assert len(index) == saved and not index.complete
    seen = []
    recipe = EmbeddingRecipe("pixels", (4, 4, 1))
    index = PictureIndex.build(
        pictures, recipe, path=path, progress=lambda *step: seen.append(step)
    )
    assert seen[-1] == ("indexing", 57 - saved, 57 - saved) and index.complete
    assert same(PictureIndex.load(path), PictureIndex.build(pictures, recipe))


MOMENTS = """
    import os, random, signal, sys, time
    import torch
    from ogive.images import picture_growth
    from ogive.images.embedding import EmbeddingRecipe
    from ogive.images.picture_index import PictureIndex

    torch.set_num_threads(1)
    picture_growth._FILES, picture_growth._SHARE_OF_SAVING = 8, 1e9
    recipe = EmbeddingRecipe("pixels", (4, 4, 1))

    def build(path):
        return PictureIndex.build(sys.argv[1], recipe, path=path, save_every=0)

    started = time.monotonic()
    build(sys.argv[2] + ".whole")
    seconds, draw, there = time.monotonic() - started, random.Random(0), {}
    for _ in range(12):
        child = os.fork()
        if not child:
            build(sys.argv[2])
            os._exit(0)
        time.sleep(draw.uniform(0, 0.7 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if os.path.exists(sys.argv[2]):
            index = PictureIndex.load(sys.argv[2])
            now = {e.name: index.vectors.vectors([e.id]).tobytes() for e in index.entries}
            assert there.items() <= now.items(), "something was lost"
            there = now
            print(len(index), index.complete)
    build(sys.argv[2])
"""


def test_an_indexing_that_is_killed_at_any_moment_loses_nothing(tmp_path):
    pictures, path = tmp_path / "many", tmp_path / "x.index"
    for seed in range(120):
        draw(pictures / f"{seed:03}.png", seed)
    arguments = [textwrap.dedent(MOMENTS), str(pictures), str(path)]
    done = subprocess.run(
        [sys.executable, "-c", *arguments], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    counts = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert counts == sorted(counts) and any(0 < count < 120 for count in counts), counts
    index = PictureIndex.load(path)
    assert index.complete and same(index, PictureIndex.load(f"{path}.whole"))
