"""Signals that ask a training to stop: it ends a step, writes a checkpoint, and leaves."""

import signal
import threading
from types import FrameType

# Ctrl-C; what schedulers, DVC and shutdowns send; what Slurm and submitit can be told to send;
# the end of a terminal session.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)


class Stop:
    """The signal that was received, kept until there is a checkpoint to leave with.

    Who listened before is told then: submitit puts its job back into Slurm's queue. Signals that
    are ignored stay so (nohup).
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before = {number: signal.getsignal(number) for number in SIGNALS}

    def listen(self) -> None:
        """Take the signals from now on; Lightning gives them back at the end of its `fit`."""
        if threading.current_thread() is not threading.main_thread():
            return  # Python has it so
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._note)

    def leave(self) -> None:
        """Hand the signal on. Raises SystemExit, as a shell counts, unless who listened goes on."""
        number, self.signal = self.signal or signal.SIGTERM, 0
        handler = self._before[signal.Signals(number)]
        if callable(handler) and handler is not signal.default_int_handler:
            handler(number, None)  # submitit's leaves, or bids to go on
        else:
            raise SystemExit(128 + number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == self.signal == signal.SIGINT:
            raise KeyboardInterrupt  # the second Ctrl-C waits for nothing
        self.signal = number
