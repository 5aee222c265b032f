"""The chapter of the inspection itself: did it run, how much of it, and what did it cost."""
