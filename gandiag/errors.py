"""The one exception that a person is meant to read."""


class GandiagError(Exception):
    """Bad usage or bad input.

    The message is one sentence that names the file or the argument, says what came, and the way
    out. The command line prints it and exits with code 2; a library user catches it.
    """
