"""Probes over the channel: for hosts where nothing may be copied (issue 6, agentless).

asking.py            one command on the connection: deadline, stop, record
marks.py             our output apart from what a shell prints of itself
refusals.py          what the host's tools say of a refusal, as LocalHost would say it
patterns.py          glob patterns as a shell can expand them
posix_host.py        the Host port by the tools of a POSIX shell; posix_scripts.py has the scripts
powershell_host.py   the Host port by PowerShell; powershell_scripts.py has the scripts
running.py           jobs one after the other, in this process, each under its deadline
taking.py            one inspection: plan, survey, run, keep
"""
