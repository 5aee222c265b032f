"""`inspect-here`: the main job on one machine, from the reading to the report."""
