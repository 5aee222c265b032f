"""The systemd units, held to an exposure of at most 2.5 by `systemd-analyze security`.

Three services, so that each has only what it needs (docs/decisions/0011-privileged-readings.md):
the readings of root (no network, no settings, nothing but a closed table), the inspection (its own
user, no way to more rights), and the delivery (the same, and sees no homes).
"""

from collections.abc import Iterator

USER = "xunjian"
STATE = "/var/lib/xunjian"

# What a service never needs, whichever of ours it is.
_COMMON = """\
Slice=system.slice
Type=oneshot
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
Nice=10
IOSchedulingClass=idle
CPUQuota=50%
TasksMax=64
LimitCORE=0
"""

_GUEST = f"""\
User={USER}
Group={USER}
StateDirectory=xunjian
StateDirectoryMode=0700
ProtectKernelLogs=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
InaccessiblePaths=-/etc/shadow -/etc/gshadow
MemoryMax=768M
SuccessExitStatus=1
# Secrets that the settings name as {{ credential = "proxy" }}:
#LoadCredential=proxy:/etc/xunjian/proxy.secret
"""

_INSPECTION = """\
[Unit]
Description=Xunjian inspection of this host (read-only)
Documentation=man:systemd.timer(5)
Wants=network-online.target xunjian-privileged.service
After=network-online.target xunjian-privileged.service
ConditionPathExists={state}/identity/enrolled

[Service]
{common}{guest}\
# Every reading has its own deadline; proving a large backup set may take its hour.
TimeoutStartSec=12h
# Facts about users' homes are their sizes; nothing there is written.
ProtectHome=read-only
{groups}\
Environment=XUNJIAN_SANDBOX=1
ExecStart={agent} run
"""

_DELIVERY = """\
[Unit]
Description=Xunjian delivery of what waits
Wants=network-online.target
After=network-online.target xunjian-agent.service
ConditionPathExists={state}/waiting

[Service]
{common}{guest}\
TimeoutStartSec=30min
ProtectHome=yes
ExecStart={agent} deliver
"""

_PRIVILEGED = """\
[Unit]
Description=Xunjian readings that need root (a closed table of commands)
ConditionPathExists={state}/identity/enrolled

[Service]
{common}\
TimeoutStartSec=30min
User=root
Group={user}
RuntimeDirectory=xunjian
RuntimeDirectoryMode=0750
RuntimeDirectoryPreserve=yes
# To read: files of others and the kernel's log.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYSLOG
AmbientCapabilities=
# dmesg asks the kernel by this call.
SystemCallFilter=syslog
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
ProtectHome=yes
MemoryMax=512M
ExecStart={agent} read-privileged
"""

_INSPECTION_TIMER = """\
[Unit]
Description=Daily inspection of this host

[Timer]
OnCalendar=*-*-* 02:00:00
# So that not every host of a collector comes at once.
RandomizedDelaySec=2h
FixedRandomDelay=yes
Persistent=yes

[Install]
WantedBy=timers.target
"""

_DELIVERY_TIMER = """\
[Unit]
Description=Delivery of what waits, where something does

[Timer]
OnCalendar=*:0/10
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
"""

TIMERS = ("xunjian-agent.timer", "xunjian-agent-deliver.timer")


def units(agent: str, groups: tuple[str, ...], *, privileged: bool) -> Iterator[tuple[str, str]]:
    """Yield (name, content) of every unit.

    `agent` is the command that starts it; `groups` are further groups of its user, which must be
    there or the service would not start.
    """
    supplementary = f"SupplementaryGroups={' '.join(groups)}\n" if groups else ""
    inspection = _INSPECTION.format(
        common=_COMMON, guest=_GUEST, groups=supplementary, agent=agent, state=STATE
    )
    if privileged:
        yield (
            "xunjian-privileged.service",
            _PRIVILEGED.format(common=_COMMON, user=USER, agent=agent, state=STATE),
        )
    yield "xunjian-agent.service", inspection
    yield TIMERS[0], _INSPECTION_TIMER
    yield (
        "xunjian-agent-deliver.service",
        _DELIVERY.format(common=_COMMON, guest=_GUEST, agent=agent, state=STATE),
    )
    yield TIMERS[1], _DELIVERY_TIMER
