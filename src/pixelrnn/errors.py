"""The exceptions that users are meant to meet."""


class InputError(ValueError):
    """Bad input: one line that says what is wrong and what to do. The command line prints it and exits with 2."""


class LeakFound(Exception):
    """A verdict: the audit has told and written what it found. The command line exits with 1."""
