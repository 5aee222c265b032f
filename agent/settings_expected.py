"""What each setting of the agent itself must be, in words; each of `_MODELS` has its own."""

from checks.api import Text

EXPECTED = {
    "agent": Text("一个 [agent] 节", "a section [agent]"),
    "agent.state": Text("一个绝对路径", "an absolute path"),
    "collector": Text("一个 [collector] 节", "a section [collector]"),
    "collector.url": Text(
        "以 https:// 开头的地址（http:// 仅限本机 127.0.0.1 或 localhost）",
        "an address that starts with https:// (http:// for 127.0.0.1 and localhost only)",
    ),
    "collector.ca_file": Text("一个现有 PEM 文件的绝对路径", "the absolute path of a PEM file"),
    "collector.proxy": Text(
        '形如 "http://主机:端口" 的地址，不含用户和密码',
        'an address like "http://host:port", without user and password',
    ),
    "collector.proxy_user": Text(
        "不含冒号的用户名，与 proxy 一起设置", "a user without a colon, beside proxy"
    ),
    "collector.proxy_password": Text(
        '{ credential = "…" }、{ file = "/…" } 或 { command = ["/…"] } 之一，'
        "与 proxy_user 一起设置",
        'one of { credential = "…" }, { file = "/…" }, { command = ["/…"] }, beside proxy_user',
    ),
    "collector.proxy_password.credential": Text(
        "LoadCredential= 中的名称", "a name of LoadCredential="
    ),
    "collector.proxy_password.file": Text("一个绝对路径", "an absolute path"),
    "collector.proxy_password.command": Text(
        '以绝对路径开头的列表，例如 ["/usr/bin/pass", "show", "proxy"]',
        'a list that starts with an absolute path, such as ["/usr/bin/pass", "show", "proxy"]',
    ),
    "run": Text("一个 [run] 节", "a section [run]"),
    "run.parallel": Text("1 至 16 的整数", "a whole number from 1 to 16"),
    "run.memory_mebibytes": Text("128 至 16384 的整数", "a whole number from 128 to 16384"),
    "run.heavy_interval_hours": Text("0 至 720 的小时数", "hours, from 0 to 720"),
    "run.interval_hours": Text("0 至 8784 的小时数", "hours, from 0 to 8784"),
    "checks": Text('形如 [checks."host.volumes"] 的节', 'sections like [checks."host.volumes"]'),
    "checks.*": Text('形如 [checks."host.volumes"] 的节', 'a section [checks."host.volumes"]'),
    "checks.*.enabled": Text("true 或 false", "true or false"),
    "checks.*.deadline_seconds": Text(
        "大于 0、不超过 3600 的秒数", "seconds, more than 0 and at most 3600"
    ),
    "backups": Text("形如 [backups.erp] 的节", "sections like [backups.erp]"),
    "databases": Text("形如 [databases.erp] 的节", "sections like [databases.erp]"),
    "queries": Text("形如 [queries.unposted] 的节", "sections like [queries.unposted]"),
    "products": Text("形如 [products.u8] 的节", "sections like [products.u8]"),
}
