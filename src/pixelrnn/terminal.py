"""A bar for work that takes a while, shown to people at a terminal and to nobody else."""

import sys
from datetime import timedelta
from multiprocessing import parent_process
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text


class Bar:
    """Show in a terminal how much of a work is done, and how long the rest will take.

        with Bar("scoring", total=len(images)) as bar:
            for batch in batches:
                ...
                bar.advance(len(batch))

    The work has `total` parts, `done` of them done before, in no time. Nothing is shown where
    standard error is no terminal (a log file, a pipe), and in a process that another one started:
    such jobs share a terminal. The bar vanishes at the end: a sentence tells the result.
    """

    def __init__(self, label: str, total: int, done: int = 0) -> None:
        console = Console(stderr=True)
        self.total, self.first, self.done = total, done, done
        self.shown = console.is_terminal and not parent_process()
        self.running = False
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _TimeLeft(first=done),
            console=console,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # else what is printed would go to standard error
            disable=not self.shown,
        )
        self._task = self._progress.add_task(label, total=total, completed=done)

    def advance(self, parts: int = 1) -> None:
        """Add `parts` to what is done."""
        self.done += parts
        self._progress.update(self._task, completed=self.done)

    def reach(self, done: int, label: str) -> None:
        """Set what is done in all, and what is written before the bar."""
        self.done = done
        self._progress.update(self._task, completed=done, description=label)

    def start(self) -> None:
        """Begin to show it."""
        self._progress.start()
        self.running = True

    def stop(self) -> None:
        """Take it away; more than once does no harm."""
        self._progress.stop()
        self.running = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def time_left(elapsed: float, done: float, left: float) -> str:
    """Return how long `left` more parts will take if `done` took `elapsed` seconds: `0:01:30 left`.

    The speed is the mean over all that was done: rich's own, over the last half minute, forgets
    the validation and the pictures, which come once an epoch or seldomer.
    """
    if done <= 0:
        return "-:--:-- left"
    return f"{timedelta(seconds=round(left * elapsed / done))} left"


class _TimeLeft(ProgressColumn):
    max_refresh = 0.5  # seconds

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def render(self, task: Task) -> Text:
        done = task.completed - self.first
        return Text(time_left(task.elapsed or 0.0, done, (task.total or 0) - task.completed))
