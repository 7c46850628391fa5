"""All kinds of faults."""

import broker_faults
import database_faults
from kinds import FAULTS, OVERLAYS, Missed

# Not drawn like the others: it can only be the beginning.
SCHEMA_LATE = "schema-late"

__all__ = ["FAULTS", "OVERLAYS", "SCHEMA_LATE", "Missed", "broker_faults", "database_faults"]
