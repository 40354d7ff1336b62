"""Errors a user can cause, each with the exit code the command line answers with.

Every message names the file, row, column or argument at fault and says what to do about it.
"""

from __future__ import annotations

from typing import ClassVar


class UserFacingError(Exception):
    """Base of errors whose message is written for the person who caused them.

    Always mixed with a built-in, so callers that know nothing of this package can still catch it.
    """

    exit_code: ClassVar[int] = 1


class BadUsageError(UserFacingError, ValueError):
    """An argument, marker name or setting that cannot be understood."""

    exit_code = 2


class BadInputError(UserFacingError, ValueError):
    """A source file, table or image that cannot be used as it is."""

    exit_code = 3


class WeightsMissingError(BadInputError, FileNotFoundError):
    """Encoder weights that are not on this machine or fail their checksum."""


class NotInStoreError(UserFacingError, LookupError):
    """A study, snapshot, marker, week or run that the store does not hold."""

    exit_code = 4


class BusyError(UserFacingError, RuntimeError):
    """Somebody else holds what is needed, or the work was interrupted."""

    exit_code = 5
