--zh 巡检账号脚本：PostgreSQL 10 及以上（{{version}}）。由超级用户在 postgres 库中执行一次，例如：psql -U postgres -f 本文件
--en Account of the inspection: PostgreSQL 10 and newer ({{version}}). Run once as a superuser in the database postgres: psql -U postgres -f FILE
--zh 先填写密码：不填写则语法错误，整个事务回滚，什么也不会改动。
--en Fill in the password first: without it the script fails and the transaction changes nothing.
BEGIN;

--zh 只能登录：不是超级用户，不能建库、建角色、复制，最多 5 个连接。
--en May sign in and nothing else: no superuser, no databases, roles or replication, 5 connections at most.
CREATE ROLE "{{user}}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT 5 PASSWORD {{password}};

--zh 即使代理不设置，会话也是只读的，不会久等锁，也不会长时间运行。
--en Read-only, short waits for locks and bounded statements even where the agent would not ask for it.
ALTER ROLE "{{user}}" SET default_transaction_read_only = on;
ALTER ROLE "{{user}}" SET statement_timeout = '300s';
ALTER ROLE "{{user}}" SET lock_timeout = '1s';
ALTER ROLE "{{user}}" SET idle_in_transaction_session_timeout = '60s';

--zh 内置监控角色：统计视图、参数、WAL 与归档目录列表；不含任何业务表，代理不读取其中的语句文本。
--en The built-in monitoring role: statistics, settings, lists of WAL and archive; no business table, and texts of statements are not read.
GRANT pg_monitor TO "{{user}}";

COMMIT;

--zh 登录规则：在 pg_hba.conf 中为代理所在主机加一行（改为实际地址），然后 SELECT pg_reload_conf();
--en Let it in: one line in pg_hba.conf for the agent's host (put its address), then SELECT pg_reload_conf();
--zh   hostssl  all  {{user}}  192.0.2.10/32  scram-sha-256
--en   hostssl  all  {{user}}  192.0.2.10/32  scram-sha-256
--zh 若已收回 PUBLIC 的 CONNECT，各库另需：GRANT CONNECT ON DATABASE 库名 TO "{{user}}";
--en Where CONNECT was revoked from PUBLIC, for each database: GRANT CONNECT ON DATABASE name TO "{{user}}";

--zh 可选（去掉行首 -- 后执行）：
--en Optional (run without the leading --):
--zh PG-031 访问规则。在代理登录的库（默认 postgres）中执行；不授予则该项显示“权限不足”。
--en PG-031, access rules. In the database that the agent signs in to (postgres); else it is "not permitted".
-- GRANT SELECT ON pg_catalog.pg_hba_file_rules TO "{{user}}";
-- GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO "{{user}}";
--zh PG-034 残留的 backup_label。
--en PG-034, a backup_label that was left behind.
-- GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text) TO "{{user}}";
-- GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO "{{user}}";
--zh PG-021 序列是否将尽（建议授予）。在每个业务库中、对每个模式执行；只能看当前值，不能取号。OWNER 为建表的角色。
--en PG-021, sequences near their end (advised). In each business database, for each schema; shows the value, draws none. OWNER: who makes the tables.
-- GRANT USAGE ON SCHEMA public TO "{{user}}";
-- GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO "{{user}}";
-- ALTER DEFAULT PRIVILEGES FOR ROLE OWNER IN SCHEMA public GRANT SELECT ON SEQUENCES TO "{{user}}";
--zh PG-016 膨胀估算需要表的统计（pg_stats），只有能读表的账号才看得到：不建议为此授权，该项会注明未采集。
--en PG-016, bloat, needs the tables' pg_stats, which only an account that may read them sees: not advised; the row says that it was not collected.
--zh 自定义查询（[queries]）涉及的表，逐表授予：
--en Tables of declared queries ([queries]), one by one:
-- GRANT USAGE ON SCHEMA app TO "{{user}}";
-- GRANT SELECT ON app.vouchers TO "{{user}}";
--zh PostgreSQL 14 及以下：PUBLIC 默认可在 public 模式建表，建议先与软件厂商确认，再在各库执行：
--en PostgreSQL 14 and older let PUBLIC create tables in the schema public; ask the vendor, then in each database:
-- REVOKE CREATE ON SCHEMA public FROM PUBLIC;

--zh 切勿授予：SUPERUSER、pg_read_all_data、pg_write_all_data、pg_read_server_files、
--zh pg_write_server_files、pg_execute_server_program、pg_signal_backend，以及 pg_authid 的 SELECT（含口令哈希）。
--en Never grant: SUPERUSER, pg_read_all_data, pg_write_all_data, pg_read_server_files,
--en pg_write_server_files, pg_execute_server_program, pg_signal_backend, nor SELECT on pg_authid (password hashes).
--zh 撤销：DROP OWNED BY "{{user}}"; DROP ROLE "{{user}}";
--en To undo: DROP OWNED BY "{{user}}"; DROP ROLE "{{user}}";
