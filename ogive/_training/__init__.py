"""What every training by gradient shares: the loop, its checkpoints and its log."""

from ogive._training.averaging import averaged as averaged
from ogive._training.batches import Batches as Batches
from ogive._training.batches import generator_at as generator_at
from ogive._training.checkpoint import read_checkpoint as read_checkpoint
from ogive._training.checkpoint import write_checkpoint as write_checkpoint
from ogive._training.early_stop import EarlyStop as EarlyStop
from ogive._training.identity import check_identity as check_identity
from ogive._training.identity import digest as digest
from ogive._training.kept import Kept as Kept
from ogive._training.kept import Stateful as Stateful
from ogive._training.log import TrainingLog as TrainingLog
from ogive._training.log import read_log as read_log
from ogive._training.loop import DivergedError as DivergedError
from ogive._training.loop import TrainingFiles as TrainingFiles
from ogive._training.loop import TrainingInterrupted as TrainingInterrupted
from ogive._training.loop import run_training as run_training
from ogive._training.schedule import one_cycle as one_cycle
from ogive._training.schedule import set_rate as set_rate
