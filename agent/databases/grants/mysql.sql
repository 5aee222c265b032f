--zh 巡检账号脚本：MySQL 5.7、8.0 及以上（{{version}}）。由 root 执行一次，例如：mysql -u root -p < 本文件
--en Account of the inspection: MySQL 5.7, 8.0 and newer ({{version}}). Run once as root: mysql -u root -p < FILE
--zh 按文档编写，未在真实 MySQL 上运行过（同样的语句在 MariaDB 上验证过）。
--en Written from documentation, not run on a MySQL (the like of it ran on MariaDB).
--zh 先填写密码：不填写则第一条语句语法错误，客户端随即停止，什么也不会改动。
--en Fill in the password first: without it the first statement fails and the client stops; nothing changes.
--zh 代理不在本机时，把 localhost 改为代理主机的地址；不要用 %。
--en Where the agent is on another host, put its address instead of localhost; never %.

--zh 最多 5 个连接。
--en 5 connections at most.
CREATE USER '{{user}}'@'localhost' IDENTIFIED BY {{password}} WITH MAX_USER_CONNECTIONS 5;

--zh PROCESS：所有会话、InnoDB 状态与事务；REPLICATION CLIENT：复制状态与二进制日志列表。
--en PROCESS: all sessions, state and transactions of InnoDB; REPLICATION CLIENT: state of replication, list of binary logs.
GRANT PROCESS, REPLICATION CLIENT ON *.* TO '{{user}}'@'localhost';

--zh REFERENCES：使 information_schema 列出业务库的表、列和索引（大小、主键、自增列），不能读取任何数据行；
--zh 没有建表权限时不能用它做别的。不授予则这些检查看不到业务表（MY-018、MY-019、MY-024）。
--en REFERENCES: lets information_schema list tables, columns and indexes (sizes, primary keys, auto_increment) and
--en reads no row; without CREATE it is good for nothing else. Without it MY-018, MY-019 and MY-024 see no table.
GRANT REFERENCES ON *.* TO '{{user}}'@'localhost';

--zh 性能库和 sys 库：锁等待、错误日志、语句统计；代理不读取其中的语句文本。
--en performance_schema and sys: lock waits, error log, statistics; texts of statements in it are not read.
GRANT SELECT ON performance_schema.* TO '{{user}}'@'localhost';
GRANT SELECT ON sys.* TO '{{user}}'@'localhost';

--zh 可选（去掉行首 -- 后执行）：
--en Optional (run without the leading --):
--zh MY-016、MY-017 账号检查。该表含口令哈希，代理不读取那一列；不授予则这两项显示“权限不足”。
--en MY-016, MY-017, accounts. The table has password hashes, which the agent does not read; else "not permitted".
-- GRANT SELECT (user, host, plugin, authentication_string, account_locked, super_priv) ON mysql.user TO '{{user}}'@'localhost';
--zh MY-026 事件调度器（5.7）：启用的事件数，只读库名和状态两列。
--en MY-026, event scheduler (5.7): how many events are enabled, by two columns.
-- GRANT SELECT (db, status) ON mysql.event TO '{{user}}'@'localhost';
--zh MY-009 备份历史（如果使用 Percona XtraBackup 的 --history）：
--en MY-009, backup history (with --history of Percona XtraBackup):
-- GRANT SELECT ON PERCONA_SCHEMA.xtrabackup_history TO '{{user}}'@'localhost';
--zh 自定义查询（[queries]）涉及的表，逐表授予：
--en Tables of declared queries ([queries]), one by one:
-- GRANT SELECT ON app.vouchers TO '{{user}}'@'localhost';

--zh 切勿授予：ALL、SUPER、BACKUP_ADMIN、FILE、CREATE、EXECUTE、GRANT OPTION，以及业务库的 SELECT。
--en Never grant: ALL, SUPER, BACKUP_ADMIN, FILE, CREATE, EXECUTE, GRANT OPTION, nor SELECT on whole business databases.
--zh 撤销：DROP USER '{{user}}'@'localhost';
--en To undo: DROP USER '{{user}}'@'localhost';
