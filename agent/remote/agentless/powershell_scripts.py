"""The scripts of powershell_host.py: Windows PowerShell 3 and newer (Windows Server 2012 on).

Whatever comes from outside goes in as base64, so that no quote of any alphabet means anything, and
what is answered comes back as words of base64, a colon before each, on one line between marks, so
that the console's code page (936 in China) has no part in it. cmd.exe, the usual shell of OpenSSH
on Windows, takes 8191 characters: the scripts are terse for that reason.

Never run on Windows: written from the documentation, tested against a stand-in, and read by a
parser of the language.
"""

import base64
from subprocess import list2cmdline

from agent.remote.agentless import marks

LONGEST_CHARACTERS = 8000

_FRAME = """$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
function U($s){{[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($s))}}
function T($s){{':'+[Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes([string]$s))}}
try{{
{body}
}}catch{{
$e=$_.Exception;while($e.InnerException){{$e=$e.InnerException}}
$a='failed '+(T ($e.GetType().FullName))+' '+(T ($e.Message))
}}
$m="`n"+[char]30
[Console]::Out.Write($m+'{begin}'+"`n"+$a+$m+'{end}'+"`n")
"""

READ = """$p=U '{path}'
if([IO.Directory]::Exists($p)){{$a='odd'}}else{{
$f=New-Object IO.FileStream($p,[IO.FileMode]::Open,[IO.FileAccess]::Read,[IO.FileShare]7)
try{{
$b=New-Object byte[] {limit};$n=0
while($n -lt {limit}){{$r=$f.Read($b,$n,{limit}-$n);if($r -le 0){{break}};$n+=$r}}
$a='read :'+[Convert]::ToBase64String($b,0,$n)
}}finally{{$f.Dispose()}}}}"""
"""FileShare 7: others may go on reading, writing and deleting it."""

DATE = """$p=U '{path}'
$null=[IO.File]::GetAttributes($p)
$a='dated '+(T ([IO.File]::GetLastWriteTimeUtc($p).Ticks))"""
"""GetAttributes raises where nothing is there; the time alone would be that of the year 1601."""

LOOK = """$null=[IO.File]::GetAttributes((U '{path}'))
$a='there'"""

PATHS = """$d=U '{folder}'
if([IO.Directory]::Exists($d)){{
$null=[IO.Directory]::GetFileSystemEntries($d)
$a='listed'
foreach($i in @(Get-Item -Force -Path (U '{pattern}') -ErrorAction SilentlyContinue)){{
$a+=' '+(T ($i.FullName))}}
}}else{{$null=[IO.File]::GetAttributes($d);$a='listed'}}"""

RUN = """$n=U '{name}'
$h=[Environment]::SystemDirectory
if($n -match '[\\\\/]'){{$c=@($n)}}else{{$c=@('','.exe')|%{{$h+'\\'+$n+$_}}}}
$t=@($c|?{{[IO.File]::Exists($_)}})[0]
if(-not $t){{$a='missing'}}else{{
$i=New-Object Diagnostics.ProcessStartInfo
$i.FileName=$t;$i.Arguments=U '{arguments}';$i.WorkingDirectory=$h
$i.UseShellExecute=$false;$i.CreateNoWindow=$true
$i.RedirectStandardInput=$true;$i.RedirectStandardOutput=$true;$i.RedirectStandardError=$true
$o=[Text.Encoding]::GetEncoding([Globalization.CultureInfo]::InstalledUICulture.TextInfo.OEMCodePage)
$i.StandardOutputEncoding=$o;$i.StandardErrorEncoding=$o
$k='SystemRoot','SystemDrive','ComSpec','ProgramData','ProgramFiles','TEMP'
$v=@{{}};foreach($x in $k){{$v[$x]=[Environment]::GetEnvironmentVariable($x)}}
$i.EnvironmentVariables.Clear()
foreach($x in $k){{if($v[$x]){{$i.EnvironmentVariables[$x]=$v[$x]}}}}
$i.EnvironmentVariables['PATH']=$h
$p=[Diagnostics.Process]::Start($i);$p.StandardInput.Close()
$r=$p.StandardOutput.ReadToEndAsync();$s=$p.StandardError.ReadToEndAsync()
$w=[Diagnostics.Stopwatch]::StartNew()
$z=[Threading.Tasks.Task]::WaitAll([Threading.Tasks.Task[]]@($r,$s),{milliseconds})
$l=[Math]::Max(1,{milliseconds}-[int]$w.ElapsedMilliseconds)
if($z -and $p.WaitForExit($l)){{
$q=@($r.Result,$s.Result)|%{{if($_.Length -gt {limit}){{$_.Substring(0,{limit}+1)}}else{{$_}}}}
$a='ran '+(T ($p.ExitCode))+' '+(T ($q[0]))+' '+(T ($q[1]))
}}else{{
try{{$null=& ($h+'\\taskkill.exe') /T /F /PID $p.Id 2>&1}}catch{{}}
$a='late'
}}}}"""
"""A tool is looked for in the system's own folder; its streams are read in the console's code page
of the installation, both to their ends, and all that it started is killed at the deadline."""


def word(text: str) -> str:
    """Return a text as the scripts take it."""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def arguments(command: tuple[str, ...]) -> str:
    """Return the arguments of a command as one line that Windows programs split again."""
    return list2cmdline(command[1:])


def framed(body: str, number: str) -> str:
    """Return a script that marks what it answers."""
    return _FRAME.format(body=body, begin=marks.begin(number), end=marks.end(number))


def command_line(script: str) -> str:
    """Return the line that runs a script, under cmd.exe and under PowerShell alike."""
    encoded = base64.b64encode(script.encode("utf-16-le")).decode("ascii")
    return f"powershell -NoProfile -NonInteractive -EncodedCommand {encoded}"
