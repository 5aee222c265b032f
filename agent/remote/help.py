"""The help of `xunjian-agent remote`: loaded where that command is given, and nowhere else."""

from checks.api import Text

HELP = {
    "remote_register": Text(
        "登记工程师：密钥在本机生成，不离开本机；由采集端应答后生效",
        "Register an engineer: the key is made here and never leaves; the collector answers.",
    ),
    "remote_register_examples": Text(
        "示例：\n"
        "  xunjian-agent remote register --person 张工 --request zhang.request\n"
        "  （采集端：xunjian-collector engineer add zhang.request --answer zhang.answer）\n"
        "  xunjian-agent remote register --answer zhang.answer --fingerprint '采集端的六个词'\n"
        "退出码：0 完成；2 未能登记，未作更改",
        "examples:\n"
        "  xunjian-agent remote register --person 'Zhang San' --request zhang.request\n"
        "  (at the collector: xunjian-collector engineer add zhang.request --answer zhang.answer)\n"
        "  xunjian-agent remote register --answer zhang.answer --fingerprint 'its six words'\n"
        "exit codes: 0 done; 2 could not, nothing changed",
    ),
    "remote_person": Text("工程师姓名", "name of the engineer"),
    "remote_request": Text("把登记请求写入该文件", "write the request to this file"),
    "remote_answer_file": Text("读取采集端的应答文件", "read the collector's answer"),
    "remote_fingerprint": Text(
        "采集端指纹（六个词或数字），须通过电话等其他途径得知",
        "fingerprint of the collector (six words or numbers), learnt by another way, as by phone",
    ),
    "remote_url": Text(
        "采集端地址（默认取自应答）", "address of the collector (default: that of the answer)"
    ),
    "remote_ca_file": Text(
        "信任该文件中的证书颁发机构，而非系统的",
        "trust the authorities in this file, not the system's",
    ),
    "remote_inspect": Text(
        "按客户授权远程巡检没有安装代理的主机：只读，全程记录，不留任何文件",
        "Inspect hosts without an agent under a customer's grant: read-only, recorded, nothing is "
        "left behind.",
    ),
    "remote_inspect_examples": Text(
        "示例：\n"
        "  xunjian-agent remote inspect root@192.0.2.10 --grant 2026-erp.grant\n"
        "  xunjian-agent remote inspect oper@erp-db --grant g.grant --jump oper@gate --pack all\n"
        "  xunjian-agent remote inspect --inventory hosts.toml --grant g.grant --parallel 8\n"
        "  xunjian-agent remote inspect erp-db --grant g.grant --bundle /media/usb/erp.inspb\n"
        "主机清单（TOML）：\n"
        '  [[host]]\n  target = "root@192.0.2.10"\n  jump = ["oper@bastion"]\n'
        '  key = "/home/zhang/.ssh/id_ed25519"\n'
        "  可用：target、key、jump、host_key、pack、agentless、settings\n"
        "退出码：0 全部送达或写出；1 部分失败或尚未送达，数据保留在本机；2 无法执行",
        "examples:\n"
        "  xunjian-agent remote inspect root@192.0.2.10 --grant 2026-erp.grant\n"
        "  xunjian-agent remote inspect oper@erp-db --grant g.grant --jump oper@gate --pack all\n"
        "  xunjian-agent remote inspect --inventory hosts.toml --grant g.grant --parallel 8\n"
        "  xunjian-agent remote inspect erp-db --grant g.grant --bundle /media/usb/erp.inspb\n"
        "the inventory (TOML):\n"
        '  [[host]]\n  target = "root@192.0.2.10"\n  jump = ["oper@bastion"]\n'
        '  key = "/home/zhang/.ssh/id_ed25519"\n'
        "  keys: target, key, jump, host_key, pack, agentless, settings\n"
        "exit codes: 0 all is delivered or written; 1 some failed or is not delivered, the data "
        "are kept; 2 could not",
    ),
    "remote_target": Text(
        "主机：[用户@]主机[:端口]，须是授权中的名称或地址",
        "the host: [USER@]HOST[:PORT], a name or address of the grant",
    ),
    "remote_grant": Text("客户的授权文件", "the file with the customer's grant"),
    "remote_pack": Text(
        "巡检内容：light（默认，不含耗时项）、all，或检查编号、章节、通配；可重复",
        "what to read: light (the default: nothing heavy), all, or an id, a chapter, a glob; may "
        "be repeated",
    ),
    "remote_jump": Text(
        "经由的跳板机，须在授权中；可重复，按顺序",
        "a jump host of the grant to go through; may be repeated, in their order",
    ),
    "remote_key": Text(
        "SSH 私钥文件（0600）；没有则询问口令", "private key for SSH (0600); without it, a password"
    ),
    "remote_host_key": Text(
        "管理员告知的主机密钥指纹 SHA256:…，用于授权中没有主机密钥时；可重复",
        "fingerprint SHA256:… of the host key, told by its administrator, where the grant has "
        "none; may be repeated",
    ),
    "remote_settings": Text(
        "TOML 文件：要查看的数据库、备份等条目（[databases.…]、[backups.…]）",
        "TOML with the entries to look at ([databases.…], [backups.…])",
    ),
    "remote_agentless": Text(
        "不复制任何文件，只用主机自带的 shell 工具；其余项记为需要代理",
        "copy nothing: read with the host's own shell tools, the rest is reported as not run",
    ),
    "remote_bundle": Text(
        "不上传，写入加密文件，带到采集端导入",
        "don't upload: write an encrypted file to be brought to the collector",
    ),
    "remote_inventory": Text(
        "主机清单（TOML，[[host]] 节），并行巡检", "hosts (TOML, [[host]]) to inspect side by side"
    ),
    "remote_parallel": Text(
        "同时巡检几台（默认 %(default)s）", "how many at once (default %(default)s)"
    ),
    "remote_shell": Text(
        "远程终端：需要授权范围 change 和备份证明；逐字节记录",
        "A shell: needs the scope change and a backup proof; every byte is recorded.",
    ),
    "remote_shell_examples": Text(
        "示例：\n  xunjian-agent remote shell root@192.0.2.10 --grant 2026-erp.grant\n"
        "  xunjian-agent remote shell root@erp-db --grant g.grant --proof erp-db.proof\n"
        "退出码：0 正常结束；1 会话中断，记录保留；2 无法执行",
        "examples:\n  xunjian-agent remote shell root@192.0.2.10 --grant 2026-erp.grant\n"
        "  xunjian-agent remote shell root@erp-db --grant g.grant --proof erp-db.proof\n"
        "exit codes: 0 it ended; 1 it was cut off, the record is kept; 2 could not",
    ),
    "remote_proof": Text(
        "离线时：采集端签名的备份证明文件",
        "without a network: a backup proof that the collector has signed",
    ),
    "remote_deliver": Text(
        "上传尚未送达的会话（结果与记录），或写入加密文件；中断的会话在此补记结束",
        "Deliver sessions that wait (results and records), or write them to encrypted files; those "
        "that were cut off are closed.",
    ),
    "remote_deliver_examples": Text(
        "示例：\n  xunjian-agent remote deliver\n"
        "  xunjian-agent remote deliver --bundle /media/usb/sessions.inspb\n"
        "退出码：0 全部送达或写出；1 尚有会话，数据保留；2 无法执行",
        "examples:\n  xunjian-agent remote deliver\n"
        "  xunjian-agent remote deliver --bundle /media/usb/sessions.inspb\n"
        "exit codes: 0 all is delivered or written; 1 some waits, the data are kept; 2 could not",
    ),
    "remote_sessions": Text("列出本机的会话及其状态", "List the sessions of this workstation."),
    "remote_sessions_examples": Text(
        "示例：\n  xunjian-agent remote sessions --json",
        "examples:\n  xunjian-agent remote sessions --json",
    ),
    "remote_authorized-key": Text(
        "输出一行 authorized_keys：该公钥只能用来巡检，不能做其他事",
        "Print a line for authorized_keys: that key can inspect and do nothing else.",
    ),
    "remote_authorized-key_examples": Text(
        "示例（由客户管理员在已安装代理的主机上执行）：\n"
        "  xunjian-agent remote authorized-key --key zhang.pub >> ~/.ssh/authorized_keys",
        "examples (run by the customer's administrator on a host with the agent):\n"
        "  xunjian-agent remote authorized-key --key zhang.pub >> ~/.ssh/authorized_keys",
    ),
    "remote_public_key": Text(
        "工程师的 SSH 公钥文件（.pub）", "the engineer's public key for SSH (.pub)"
    ),
    "remote_program": Text(
        "该主机上代理程序的绝对路径（默认为正在运行的这个）",
        "absolute path of the agent on that host (default: the one that runs now)",
    ),
    "remote_answer": Text(
        "（由远程巡检在主机上启动）在标准输入输出上应答一次巡检",
        "(started on the host by a remote inspection) Answer one inspection on standard input and "
        "output.",
    ),
    "remote_answer_examples": Text(
        "示例：\n  xunjian-agent remote answer --forced",
        "examples:\n  xunjian-agent remote answer --forced",
    ),
    "remote_folder": Text(
        "为本次巡检新建、结束时删除的目录（默认在临时目录中）",
        "folder that is made for this visit and removed again (default: a temporary one)",
    ),
    "remote_forced": Text(
        "由 authorized_keys 的 command= 启动", "started by command= in authorized_keys"
    ),
}
