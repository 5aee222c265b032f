"""The help of `xunjian-agent database`: loaded at every start, so with nothing else."""

from checks.api import Text

HELP = {
    "database": Text(
        "数据库：列出设置中的数据库，试连并说明缺什么，输出最小权限账号脚本",
        "Databases: list those of the settings, try one out, print the script of an account.",
    ),
    "database_examples": Text(
        "示例：\n  xunjian-agent database list\n  xunjian-agent database test erp\n"
        "  xunjian-agent database grant-script postgresql --version 15 > grant.sql",
        "examples:\n  xunjian-agent database list\n  xunjian-agent database test erp\n"
        "  xunjian-agent database grant-script postgresql --version 15 > grant.sql",
    ),
    "database_list": Text(
        "列出设置中的数据库及其自定义查询，并核对设置；不连接数据库",
        "List the databases of the settings with their declared queries, and look the settings "
        "over; nothing is connected to.",
    ),
    "database_list_examples": Text(
        "示例：\n  xunjian-agent database list --settings ./agent.toml\n退出码：0 完成；2 设置有误",
        "examples:\n  xunjian-agent database list --settings ./agent.toml\n"
        "exit codes: 0 done; 2 the settings are wrong",
    ),
    "database_test": Text(
        "连接一个数据库并试运行全部检查：逐项说明能否执行、缺少什么；不保存也不上传",
        "Sign in to a database and try every check: what runs, and what is missing; nothing is "
        "stored or sent.",
    ),
    "database_test_examples": Text(
        "示例：\n  xunjian-agent database test erp\n"
        "退出码：0 全部可执行；1 部分缺少权限或视图；2 无法连接或设置有误",
        "examples:\n  xunjian-agent database test erp\n"
        "exit codes: 0 all can run; 1 some lack a right or a view; 2 no connection, wrong settings",
    ),
    "database_name": Text("设置中的数据库名称", "name of the database in the settings"),
    "database_grant-script": Text(
        "输出巡检账号的建立脚本：最小权限、可选权限及用途、绝不应授予的权限；由数据库管理员审阅后执行",
        "Print the script that makes the account: the least rights, optional ones and what for, "
        "and what must never be granted; for the database administrator to read and run.",
    ),
    "database_grant-script_examples": Text(
        "示例：\n  xunjian-agent database grant-script mssql --version 2019 > grant.sql\n"
        "  xunjian-agent database grant-script mysql --version 10.11 --user inspection\n"
        "脚本中的密码须由管理员填写，未填写时脚本会失败且不作任何改动；密码不要交给我们",
        "examples:\n  xunjian-agent database grant-script mssql --version 2019 > grant.sql\n"
        "  xunjian-agent database grant-script mysql --version 10.11 --user inspection\n"
        "the administrator fills in the password; until then the script fails and changes nothing",
    ),
    "database_engine": Text("数据库类型", "the engine"),
    "database_version": Text(
        "服务器版本，例如 15、8.0、10.11、2019、V8R6（默认最新）",
        "the server's version, such as 15, 8.0, 10.11, 2019, V8R6 (default: the newest)",
    ),
    "database_user": Text(
        "账号名（默认 %(default)s）", "name of the account (default %(default)s)"
    ),
}
