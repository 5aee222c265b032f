"""Who may upload: slots with one-time codes, agents and their keys, approval, alarms, audit."""
