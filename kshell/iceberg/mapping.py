"""Foreign exceptions of a catalog and its storage, mapped onto kshell's errors.

Invariant: no exception of PyIceberg, SQLAlchemy, requests or Arrow leaves this package. (The commit loop looks at them raw: there
an exception says nothing about whether the commit landed.)"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from pydantic import ValidationError
from pyiceberg.exceptions import (
    AuthorizationExpiredError,
    ForbiddenError,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
    UnauthorizedError,
)
from requests.exceptions import RequestException, Timeout

from kshell.errors import Error, NotFoundError, ReadOnlyError, RefusedError, UnreachableError

_TEXT_MAX = 300


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """`doing` completes "kshell was ...": reading table web.clicks."""
    try:
        yield
    except Error:
        raise
    except Exception as error:            # the one place where foreign exceptions end
        raise translate(error, doing) from error


def translate(error: Exception, doing: str) -> Error:
    text = f"{doing} failed: {brief(error)}"
    if isinstance(error, NoSuchTableError | NoSuchNamespaceError):
        return NotFoundError(text)
    if isinstance(error, UnauthorizedError | ForbiddenError | AuthorizationExpiredError):
        return UnreachableError(text, hint="check the credentials of the catalog's secret")
    if _read_only(error):
        return ReadOnlyError(text, hint="the catalog's database or its warehouse cannot be written by this user")
    # ValidationError: an answer that is no Iceberg at all, such as HTML from a proxy.
    if isinstance(error, RESTError | RequestException | OSError | ValidationError) or of_sqlalchemy(error):
        return UnreachableError(text, hint="check the address and whether the catalog and its storage are up, then run the statement again")
    return RefusedError(text)


def _read_only(error: Exception) -> bool:
    if of_sqlalchemy(error):
        return "readonly database" in str(_of_driver(error))
    return isinstance(error, PermissionError)


def of_sqlalchemy(error: BaseException) -> bool:
    """Only what is loaded can have raised, and only the catalogs in a database load it."""
    loaded = sys.modules.get("sqlalchemy.exc")
    return loaded is not None and isinstance(error, loaded.SQLAlchemyError)


def _of_driver(error: BaseException) -> BaseException:
    """What the database's driver said, without the statement that SQLAlchemy puts around it."""
    return getattr(error, "orig", None) or error


def _no_answer(error: RequestException) -> str:
    """requests wraps what the system said in the names of three libraries' classes."""
    parts = urlsplit(str(error.request.url) if error.request is not None else "")
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if isinstance(error, Timeout):
        return f"no answer from {where}" if parts.netloc else "no answer"
    said = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(Name or service not known|[Cc]ertificate verify failed[^'\")]*)", str(error))
    reason = next(group for group in said.groups() if group) if said else " ".join(str(error).split())[:_TEXT_MAX]
    return f"{where}: {reason}" if parts.netloc else reason


def brief(error: BaseException) -> str:
    """One line, and never an address with a password in it: SQLAlchemy and requests put addresses into their texts."""
    source = _of_driver(error) if of_sqlalchemy(error) else error
    if isinstance(error, RequestException):
        return _no_answer(error)
    text = " ".join(str(source).split()) or type(source).__name__
    return text if len(text) <= _TEXT_MAX else text[:_TEXT_MAX] + "..."
