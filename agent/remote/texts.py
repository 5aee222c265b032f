"""What the engineer's workstation says of registration, grant and session, in both languages."""

from checks.api import Text
from wire.grants import Denial
from wire.sessions import Purpose

NO_HOME = Text(
    "找不到用户目录：请用环境变量 XUNJIAN_REMOTE_FOLDER 指定工程师目录",
    "there is no home folder: name one for the engineer with XUNJIAN_REMOTE_FOLDER",
)
FOLDER_UNUSABLE = Text(
    "{path} 无法使用（{detail}）：请检查权限和磁盘空间",
    "{path} can't be used ({detail}): look at permissions and disk space",
)
FILE_UNREADABLE = Text(
    "文件 {file} 无法读取（{detail}）", "the file {file} can't be read ({detail})"
)
FILE_UNWRITABLE = Text(
    "文件 {file} 无法写入（{detail}）", "the file {file} can't be written ({detail})"
)
TARGET_UNFIT = Text(
    "“{given}”不是主机地址：应为 [用户@]主机[:端口]，例如 root@192.0.2.10:22，"
    "IPv6 写作 [2001:db8::1]",
    "{given} is no host: write [USER@]HOST[:PORT], such as root@192.0.2.10:22; IPv6 as "
    "[2001:db8::1]",
)
NO_USER = Text("不知道以哪个用户登录：请写成 用户@主机", "no user to sign in as: write USER@HOST")

# Registration
NAME_UNFIT = Text(
    "姓名须为 1 至 200 个可显示的字符", "a name has 1 to 200 characters that can be shown"
)
NOT_REGISTERED = Text(
    "本机尚未登记工程师（{folder}）：请先运行 xunjian-agent remote register --person 姓名 "
    "--request 文件，再用采集端的应答完成登记",
    "no engineer is registered here ({folder}): run xunjian-agent remote register --person NAME "
    "--request FILE first, then take the collector's answer in",
)
NO_REGISTRATION = Text(
    "{folder} 中没有进行中的登记：请先运行 xunjian-agent remote register --person 姓名 "
    "--request 文件",
    "no registration is under way in {folder}: run xunjian-agent remote register --person NAME "
    "--request FILE first",
)
ANSWER_UNREADABLE = Text(
    "该应答无法采信（{detail}）：请向采集端索取完整的应答文件，未作任何更改",
    "the answer can't be believed ({detail}): ask for the whole file; nothing changed",
)
ANSWER_NOT_OURS = Text(
    "该应答不是对本机登记请求的答复：请使用 xunjian-collector engineer add 对最近一次请求"
    "生成的应答，未作任何更改",
    "this does not answer our registration: take the answer that xunjian-collector engineer add "
    "made for the newest request; nothing changed",
)
OTHER_FINGERPRINT = Text(
    "应答的采集端指纹与输入的不符，其指纹为：{words}；请通过电话向采集端核对，未作任何更改",
    "the answer's collector has another fingerprint than was typed: {words}; compare it by "
    "telephone; nothing changed",
)
OTHER_COLLECTOR = Text(
    "本机已登记于另一个采集端（指纹 {words}，目录 {folder}）：如需登记第二个，"
    "请用环境变量 {variable} 指定另一个目录；未作任何更改",
    "this workstation is registered with another collector (fingerprint {words}, folder {folder}): "
    "name another folder with {variable} for a second one; nothing changed",
)
TRUST_BROKEN = Text(
    "{file} 已损坏或被改动（{detail}）：请从备份恢复，或重新登记",
    "{file} is damaged or was changed ({detail}): restore it from a backup, or register again",
)
TRUST_OF_OTHER_KEY = Text(
    "{file} 属于另一把工程师密钥：请恢复原来的密钥，或重新登记",
    "{file} is for another engineer's key: restore that key, or register again",
)
NO_URL = Text(
    "采集端的应答中没有地址：请用 --url 写明",
    "the answer has no address of the collector: give --url",
)
REGISTER_WANTS = Text(
    "register 需要：--person 姓名 与 --request 文件，或 --answer 文件 与 --fingerprint 采集端指纹",
    "register wants --person NAME and --request FILE, or --answer FILE and --fingerprint WORDS",
)
REQUEST_WRITTEN = Text(
    "登记请求已写入 {file}：请交给采集端执行 xunjian-collector engineer add {file} "
    "--answer 应答文件，并电话核对本机指纹",
    "the request is in {file}: have xunjian-collector engineer add {file} --answer FILE run at the "
    "collector, and compare our fingerprint by telephone",
)
REGISTERED = Text("已登记为工程师 {person}", "registered as the engineer {person}")
OUR_FINGERPRINT = Text(
    "工程师指纹：{words}（{numbers}）", "fingerprint of the engineer: {words} ({numbers})"
)
COLLECTOR_FINGERPRINT = Text(
    "采集端指纹：{words}（{numbers}）", "fingerprint of the collector: {words} ({numbers})"
)
REACHED_AT = Text("采集端地址：{url}", "the collector is reached at {url}")
REACHED_BY_FILE = Text(
    "没有采集端地址：会话结果用 xunjian-agent remote deliver --bundle 文件 带回",
    "the collector has no address: sessions are brought to it with xunjian-agent remote deliver "
    "--bundle FILE",
)

# Grant
NO_GRANT = Text(
    "{file} 不是本采集端签发的授权（{detail}）：请向采集端重新索取授权文件",
    "{file} is no grant signed by our collector ({detail}): ask the collector for the file again",
)
GRANT_CHANGED = Text(
    "{file} 与签发时不完全一致：请向采集端重新索取授权文件",
    "{file} is not byte for byte what was signed: ask the collector for the file again",
)
GRANT_WANTED = Text(
    "没有授权文件：请用 --grant 指定客户的授权（由采集端 xunjian-collector grant add 签发）",
    "no grant: name the customer's grant with --grant (made by xunjian-collector grant add)",
)
NO_SUCH_JUMP = Text(
    "授权中没有跳板机 {address}（授权的跳板机：{named}）：请改用授权中的地址，或请客户重新授权",
    "the grant has no jump host {address} (it has: {named}): use an address of the grant, or have "
    "the customer grant it",
)
DENIALS = {
    Denial.NO_SUCH_HOST: Text(
        "授权 {grant} 不包括主机 {address}，只包括：{hosts}；请改用授权中的地址，或请客户重新授权",
        "the grant {grant} does not name the host {address}, only: {hosts}; use an address of the "
        "grant, or have the customer grant it",
    ),
    Denial.OTHER_PERSON: Text(
        "授权 {grant} 是给 {persons} 的，不包括 {person} 在本机的密钥；请由其本人执行，"
        "或请采集端重新签发",
        "the grant {grant} is for {persons}, not for the key of {person} on this computer; let "
        "them do it, or have the grant made anew",
    ),
    Denial.TOO_EARLY: Text(
        "授权 {grant} 自 {begins} 起有效，现在是 {now}；请到时再执行，并核对本机时钟",
        "the grant {grant} begins at {begins} and it is {now}; come again then, and look at this "
        "computer's clock",
    ),
    Denial.EXPIRED: Text(
        "授权 {grant} 已于 {ends} 到期，现在是 {now}；请客户重新授权",
        "the grant {grant} ended at {ends} and it is {now}; have the customer grant it anew",
    ),
    Denial.SCOPE_MISSING: Text(
        "授权 {grant} 的范围只有 {scopes}，不包括此操作（远程终端需要 change）；请客户扩大授权范围",
        "the grant {grant} covers {scopes} only, which does not include this (a shell needs "
        "change); have the customer widen it",
    ),
    Denial.REVOKED: Text(
        "授权 {grant} 已被客户或采集端撤销；请停止操作，与采集端联系",
        "the grant {grant} was revoked; stop, and ask at the collector",
    ),
    Denial.UNKNOWN_GRANT: Text(
        "采集端没有授权 {grant} 的记录；请向采集端索取新的授权文件",
        "the collector does not know the grant {grant}; ask it for a new file",
    ),
    Denial.UNKNOWN_PERSON: Text(
        "采集端不认识 {person} 在本机的密钥（可能已被移除）；请与采集端联系后重新登记",
        "the collector does not know the key of {person} on this computer (it may have been "
        "removed); ask there, and register again",
    ),
    Denial.NO_PROOF: Text(
        "主机 {address} 没有 24 小时内校验合格的备份证明，不能更改；请先校验备份，"
        "或在采集端用 xunjian-collector proof add 登记证明",
        "no backup of {address} is proved good within 24 hours, so nothing may be changed; prove "
        "a backup first, or hand a proof in with xunjian-collector proof add",
    ),
}
NO_PROOF_FILE = Text(
    "{file} 不是本采集端签名的备份证明（{detail}）：请向采集端重新索取",
    "{file} is no backup proof signed by our collector ({detail}): ask the collector for it again",
)
PROOF_OF_OTHER = Text(
    "该备份证明不是主机 {host} 的：请使用该主机的证明",
    "the backup proof is not of the host {host}: bring its own",
)
PROOF_TOO_OLD = Text(
    "主机 {host} 的备份证明（{subject}）已超过 24 小时（{at}）：请重新校验备份",
    "the backup proof of {host} ({subject}) is older than 24 hours ({at}): prove the backup again",
)

# Host keys
NO_HOST_KEY = Text(
    "授权中没有 {address} 的 SSH 主机密钥：请向客户管理员询问其指纹，用 --host-key SHA256:… 输入"
    "（在该主机上执行 ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub 可得）",
    "the grant has no SSH host key of {address}: ask the customer's administrator for its "
    "fingerprint and give it with --host-key SHA256:… (ssh-keygen -lf "
    "/etc/ssh/ssh_host_ed25519_key.pub on that host shows it)",
)
HOST_KEY_UNFIT = Text(
    "“{given}”不是主机密钥指纹：应为 SHA256: 加 43 个字符，如 ssh-keygen -l 所显示",
    "{given} is no fingerprint of a host key: it is SHA256: and 43 characters, as ssh-keygen -l "
    "shows it",
)

# Sessions
NO_COLLECTOR_URL = Text(
    "没有采集端地址（登记时未给出）", "the collector has no address here (none at registration)"
)
NO_WORD = Text(
    "{host} 没有给出采集端签名的答复（状态码 {status}）{detail}",
    "{host} gave no answer that the collector signed (status {status}){detail}",
)
DENIED_WITH_DETAIL = Text("{why}（采集端：{detail}）", "{why} (the collector: {detail})")
SESSION_BROKEN = Text(
    "会话目录 {path} 不完整或已损坏（{detail}）：请保留该目录，并与采集端联系",
    "the session folder {path} is incomplete or damaged ({detail}): keep it, and ask at the "
    "collector",
)

# authorized-key
NO_PUBLIC_KEY = Text(
    "{file} 不是一行 OpenSSH 公钥（.pub）：请提供工程师的公钥文件，不要提供私钥",
    "{file} is not one public key as OpenSSH writes it (.pub): give the engineer's public key, "
    "never the private one",
)
PROGRAM_UNFIT = Text(
    "“{given}”不是代理程序的绝对路径：请用 --program 写明，例如 /usr/local/bin/xunjian-agent",
    "{given} is no absolute path of the agent: give it with --program, such as "
    "/usr/local/bin/xunjian-agent",
)

# Delivering
SESSION_OF_OTHER_KEY = Text(
    "会话目录 {path} 属于另一把工程师密钥（{person}）：请用其密钥送达",
    "the session folder {path} is of another engineer's key ({person}): deliver it with that key",
)
UNDER_WAY = Text("会话正在进行", "the session is under way")
NOT_REACHED = Text(
    "没有采集端地址：请用 xunjian-agent remote deliver --bundle 文件 写出后带回，"
    "或重新登记时用 --url 写明",
    "the collector has no address here: write it out with xunjian-agent remote deliver --bundle "
    "FILE, or register again with --url",
)
NOT_REACHED_NOW = Text(
    "{why}；请稍后运行 xunjian-agent remote deliver，或用 --bundle 文件 写出后带回",
    "{why}; run xunjian-agent remote deliver later, or write it out with --bundle FILE",
)
NOT_TAKEN = Text(
    "采集端不接受此会话的结果（{denial}{detail}），记录已送达：请与采集端联系，"
    "由其以 xunjian-collector session 决定",
    "the collector does not take the results of this session ({denial}{detail}), its record is "
    "delivered: ask there for a decision (xunjian-collector session)",
)
BATCHES_KEPT = Text(
    "结果尚未全部送达，保留在本机：请稍后运行 xunjian-agent remote deliver",
    "not all results are delivered, they are kept here: run xunjian-agent remote deliver later",
)
SPOOL_DAMAGED = Text(
    "此会话的结果已损坏，原文件移至 {file}：请保留该文件，并重新巡检该主机",
    "the results of this session are damaged and were moved to {file}: keep that file, and inspect "
    "the host again",
)
BATCHES_REFUSED = Text(
    "采集端两次拒绝了此会话的一批结果，保留在 {folder}，不再发送：请与采集端联系",
    "the collector refused a batch of this session twice: it is kept in {folder} and not sent "
    "again; ask there",
)
FILE_EXISTS = Text(
    "文件 {file} 已存在，未改动：请换一个文件名",
    "{file} is there already and was not touched: take another name",
)
NOTHING_WAITS = Text("没有待送的会话", "no session waits to be delivered")
SESSION_DELIVERED = Text(
    "会话 {session}（{host}）已送达采集端", "session {session} ({host}) is at the collector"
)
SESSION_BUNDLED = Text(
    "会话 {session}（{host}）已写入 {files}：请带到采集端，.inspb 用 xunjian-collector import "
    "导入，.inspr 用 xunjian-collector session import 导入",
    "session {session} ({host}) is in {files}: take them to the collector, import .inspb with "
    "xunjian-collector import and .inspr with xunjian-collector session import",
)
SESSION_KEPT = Text(
    "会话 {session}（{host}）尚未送达，保留在本机：{why}",
    "session {session} ({host}) is not delivered and stays here: {why}",
)

# Listing
NO_SESSIONS = Text("本机没有远程会话", "this workstation has held no session")
SESSION_LINE = Text(
    "{session}  {at}  {host}（{address}）  {purpose}  {ended}  {state}",
    "{session}  {at}  {host} ({address})  {purpose}  {ended}  {state}",
)
PURPOSES = {
    Purpose.INSPECT: Text("巡检", "inspection"),
    Purpose.SHELL: Text("远程终端", "shell"),
}
ENDS = {
    "completed": Text("完成", "completed"),
    "interrupted": Text("中断", "interrupted"),
    "lost": Text("连接中断", "the line was lost"),
    "refused": Text("被拒绝", "refused"),
    "record": Text("记录写不下去", "its record could not be kept"),
}
STATE_DELIVERED = Text("已送达", "delivered")
STATE_BUNDLED = Text("已写入文件，未确认", "in files, not confirmed")
STATE_WAITS = Text("待送", "waits")
STATE_OPEN = Text("进行中，或已被中断", "under way, or cut off")

# Connecting
NO_TERMINAL = Text(
    "需要输入口令或密码短语，但没有终端：请在终端中运行，或用 --key 指定没有密码短语的私钥",
    "a password or passphrase has to be typed and there is no terminal: run it in one, or name a "
    "key without a passphrase with --key",
)
NO_ANSWER = Text("没有输入口令，登录已取消", "nothing was typed, the sign-in was given up")
STOPPED = Text("已按要求停止", "it was stopped")
