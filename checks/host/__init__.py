"""The chapter of the host itself: processor, memory, volumes, network, time, services, security."""
