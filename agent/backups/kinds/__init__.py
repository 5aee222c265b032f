"""One module for each kind of backup; its KIND is found by the name of the kind."""
