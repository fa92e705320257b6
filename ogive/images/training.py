"""What goes with every training on pictures by gradient: its files, its log, and how it may end.

The same for classifiers (`ogive.images.gradient`, ``ogive train``) and for generators
(`ogive.images.generation`, ``ogive generate``). A training that was stopped anywhere, even killed,
and is started again with the same data, settings and checkpoint ends with the same weights, bit
for bit, as one that was not stopped:

>>> import tempfile
>>> from pathlib import Path
>>> from ogive.data import load
>>> from ogive.images.gradient.classifier import NetworkClassifier
>>> folder, data = Path(tempfile.mkdtemp()), load("digits").take(range(200))
>>> files = TrainingFiles(folder / "digits.checkpoint", folder / "digits.jsonl")
>>> model = NetworkClassifier(width=4, epochs=2, files=files).fit(data.images(), data.y)
>>> [record["epoch"] for record in read_log(files.log)]
[1, 2]
"""

from ogive._training import DivergedError, TrainingFiles, TrainingInterrupted, read_log

__all__ = ["DivergedError", "TrainingFiles", "TrainingInterrupted", "read_log"]
