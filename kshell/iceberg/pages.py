"""How many rows a Parquet writer encodes at once, and how large a dictionary it tries.

PyIceberg says 20,000, whatever they hold, and Arrow looks at the size of a page only after as many: with records of a kilobyte a page is
20 MB, and its writer holds three times what is written.

Invariant: a page is at most about twice as large as the table wants its pages, and no more rows are encoded at once than it allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyiceberg.table import TableProperties
from pyiceberg.utils.properties import property_as_int

if TYPE_CHECKING:
    import pyarrow as pa

_LEAST_ROWS = 20                              # a single value may be larger than a page

# The writer looks each value up in a column's dictionary until that is full. At PyIceberg's 2 MB a column of 260,000 distinct numbers,
# as offsets are, costs three times the processor time and twice the bytes of one that gives up at an eighth of that.
_DICTIONARY_BYTES = 256 * 1024


def writing(properties: Mapping[str, str], rows: pa.Table) -> dict[str, str]:
    """What a file of such rows is written by: the table's own properties, and where they say nothing, ours."""
    return {TableProperties.PARQUET_DICT_SIZE_BYTES: str(_DICTIONARY_BYTES), **properties, **page_rows(properties, rows)}


def page_rows(properties: Mapping[str, str], rows: pa.Table) -> dict[str, str]:
    """The property for rows of this size, beside the table's own."""
    known = dict(properties)
    wanted = property_as_int(known, TableProperties.PARQUET_PAGE_SIZE_BYTES, TableProperties.PARQUET_PAGE_SIZE_BYTES_DEFAULT)
    most = property_as_int(known, TableProperties.PARQUET_PAGE_ROW_LIMIT, TableProperties.PARQUET_PAGE_ROW_LIMIT_DEFAULT)
    assert wanted is not None
    assert most is not None
    fitting = wanted * rows.num_rows // max(1, rows.nbytes)
    return {TableProperties.PARQUET_PAGE_ROW_LIMIT: str(min(most, max(_LEAST_ROWS, fitting)))}
