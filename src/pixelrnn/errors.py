"""The one exception that users are meant to meet."""


class InputError(ValueError):
    """Bad input: one line that says what is wrong and what to do. The command line prints it and exits with 2."""
