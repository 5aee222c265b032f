"""What Python's sysconfig knows of how the interpreter was built: all that zoneinfo asks for."""

build_time_vars = {
    "TZPATH": "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo",
}
