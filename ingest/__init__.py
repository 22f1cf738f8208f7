"""How events reach Headwater: envelopes, queues and archives. Knows neither lineage nor a database."""
