"""What the agent says about its way to the collector: each stage of a connection by its name."""

from checks.api import Text

NAME_NOT_FOUND = Text("DNS：找不到主机 {host}", "DNS: the host {host} is not found")
NOT_CONNECTED = Text("TCP：无法连接 {host}（{detail}）", "TCP: no connection to {host} ({detail})")
PROXY_NOT_REACHED = Text(
    "代理：无法连接代理 {proxy}（{detail}），请检查 [collector] proxy",
    "proxy: no connection to the proxy {proxy} ({detail}); look at [collector] proxy",
)
PROXY_WANTS_PASSWORD = Text(
    "代理：{proxy} 要求验证，请检查 [collector] proxy_user 和 proxy_password",
    "proxy: {proxy} wants a user and a password (407); look at [collector] proxy_user and "
    "proxy_password",
)
PROXY_REFUSED = Text(
    "代理：{proxy} 没有接通 {host}（{detail}）",
    "proxy: {proxy} made no connection to {host} ({detail})",
)
PROXY_PASSWORD = Text("代理：{why}", "proxy: {why}")
TLS_FAILED = Text(
    "TLS：与 {host} 的加密连接失败（{detail}）", "TLS: no secure connection to {host} ({detail})"
)
TLS_CHAIN = Text(
    "TLS 证书链：{host} 的证书不是由受信任的机构签发（{detail}）；采集端使用自建机构时，"
    "请设置 [collector] ca_file",
    "TLS chain: the certificate of {host} is not from a trusted authority ({detail}); where the "
    "collector has an authority of its own, set [collector] ca_file",
)
TLS_NAME = Text(
    "TLS 证书名称：{host} 的证书属于其他主机（{detail}）",
    "TLS name: the certificate that {host} shows is another host's ({detail})",
)
TLS_TIME = Text(
    "TLS 证书时间：按本机时钟，{host} 的证书不在有效期内（{detail}），"
    "且没有得到采集端签名的时间（{why}）；请检查本机时钟",
    "TLS time: by the clock of this host the certificate of {host} is not valid ({detail}), and "
    "the collector gave no signed time ({why}); look at the clock of this host",
)
TLS_EXPIRED = Text(
    "TLS 证书时间：{host} 的证书在采集端签名的时间 {at} 确实不在有效期内（{detail}）；"
    "请在采集端更换证书",
    "TLS time: the certificate of {host} really is not valid at {at}, the time that the collector "
    "signed ({detail}); it must be renewed at the collector",
)
NO_ANSWER = Text(
    "HTTP：{host} 已连接，但没有完整的应答（{detail}）",
    "HTTP: {host} was reached but gave no whole answer ({detail})",
)
TOO_SLOW = Text("{seconds} 秒内没有完成", "not done within {seconds} seconds")
STATUS = Text("状态码 {status}", "status {status}")
NOT_SIGNED = Text("应答没有采集端的有效签名", "the answer has no valid signature of the collector")
OVERLOADED = Text(
    "HTTP：{host} 暂时不能接收（状态码 {status}）", "HTTP: {host} can't take it now ({status})"
)
NOT_ACKNOWLEDGED = Text(
    "HTTP：{host} 的应答（状态码 {status}）不是采集端的确认，可能经过了认证门户或代理，"
    "或 [collector] url 有误",
    "HTTP: what {host} answered ({status}) is not the collector's acknowledgement; a captive "
    "portal or proxy may stand between, or [collector] url is wrong",
)
REFUSED = Text(
    "HTTP：{host} 拒绝接收（状态码 {status}）{detail}", "HTTP: {host} refused ({status}){detail}"
)
NOT_TRIED = Text(
    "前一批未送达，本批留待下次", "the batch before was not handed over: left for the next run"
)
REVOKED = Text(
    "HTTP：采集端 {host} 已吊销本代理的身份（有签名）：数据全部保留，每天再试一次；请联系服务人员",
    "HTTP: the collector {host} has revoked this agent (signed): everything is kept, one try a "
    "day; ask the service team",
)
KEY_RETIRED = Text(
    "HTTP：采集端 {host} 已停用签名所用的密钥（有签名）：数据全部保留，每天再试一次；"
    "请联系服务人员",
    "HTTP: the collector {host} has retired the key that signed this (signed): everything is kept, "
    "one try a day; ask the service team",
)
OUTDATED = Text(
    "HTTP：采集端 {host} 不再接受这个版本的代理：巡检照常，数据保留；请升级代理",
    "HTTP: the collector {host} takes no agent of this version any more: inspections go on, the "
    "data are kept; upgrade the agent",
)
UNPROVEN_REFUSAL = Text(
    "{why}；采集端没有以签名的时间证明自己，此拒绝不计",
    "{why}; the collector did not show itself by a signed time, so this refusal does not count",
)
