"""The agent as a service of the host: units, the user, the rule for sudo, and their removal."""
