"""One module for each way to look at the offsite copy; its WAY is found by its name."""
