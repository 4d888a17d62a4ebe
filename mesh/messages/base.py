"""What every message is: a frozen, array-like struct with an integer tag, and the checked field types.

Tags are never reused; a new field goes last and has a default: a message of the version before lacks it, and who is of the version before
passes over what he does not know behind the last field. So hosts are brought to another version one by one. ``mesh/messages/__init__.py``
holds the one table.
"""

from typing import Annotated, dataclass_transform

import msgspec
from msgspec import Meta


# msgspec says the same without frozen_default, so type checkers would refuse frozen subclasses of a frozen base.
@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Msg(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of every message and of every struct inside one; on the wire an array, ``[tag, field, …]``."""


NAME_MAX = 64
"""Characters of a name."""
Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
"""A node, role, account, strategy, symbol or source name."""
Text = Annotated[str, Meta(max_length=512)]
"""Words for people; never parsed."""
Code = Annotated[str, Meta(min_length=1, max_length=32)]
"""An upper-case word that programs compare: ACCEPTED, DENIED, FILLED …"""
SID_MAX = 160
"""Characters of a sid."""
Sid = Annotated[str, Meta(min_length=1, max_length=SID_MAX)]
"""A signal's id, unique for its source."""
Oid = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""An order's 128-bit id: see ``mesh.ids.oid_of``."""
NO_OID = bytes(16)
Digest = Annotated[bytes, Meta(min_length=0, max_length=32)]
"""A SHA-256, or empty where none is known."""
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A number of things, a sequence number, or a time in ns (never negative)."""
Life = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Random at each start of a process: tells two lives of one node apart."""
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Columns = Annotated[bytes, Meta(max_length=60_000)]
"""Little-endian integers, one after the other: a column of a table."""
Blob = Annotated[bytes, Meta(max_length=60_000)]
