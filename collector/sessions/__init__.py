"""Remote sessions: openings, keys, records, work records."""
