"""KingbaseES, as far as it differs from PostgreSQL.

KB-003 (connections, wraparound, archiving and the rest of PG-001 to PG-036) is not written again:
an entry of kind `kingbase` has the target "postgresql", so that the checks of that chapter run on
it. Where an installation answers to sys_ names alone, the agent translates their queries
(agent/databases/engines/kingbase.py).

From documentation: no KingbaseES has been asked.
"""

TARGET = "postgresql"
