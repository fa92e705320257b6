"""A server of its own process: MODEL INDEX, and a generator that needs no training."""

import contextlib
import sys
import time

import numpy as np


class Waves:
    """Sine waves: the class tells how many, the seed how they lie."""

    classes = ("calm", "rough <sea>")
    image_shape = (12, 10, 1)

    def __init__(self, pause=0.0):
        self.pause = pause
        self.asked = []

    def sample(self, count, *, label=None, seed=0, steps=20, guidance=None):
        self.asked.append((count, label, seed, steps, guidance))
        time.sleep(self.pause * steps)
        generator = np.random.default_rng((seed, 0 if label is None else 1 + label))
        angles = generator.uniform(0, 6, (count, 1, 1))
        y, x = np.mgrid[0:12, 0:10] * (1 + (label or 0)) / 3
        pictures = 127.5 + 127 * np.sin(np.cos(angles) * x + np.sin(angles) * y)
        return pictures.astype(np.uint8)[..., None]


def main(model, index):
    from ogive.web import Served, create_app, open_served
    from ogive.web.server import address_of, listen, serve

    found = open_served(model=model, index=index)
    app = create_app(Served(found.model, found.index, Waves(pause=0.01), found.title))
    listening = listen("127.0.0.1", 0)
    with contextlib.suppress(KeyboardInterrupt):
        serve(app, listening, lambda: print(address_of(listening, "127.0.0.1"), flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
