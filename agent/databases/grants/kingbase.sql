--zh 巡检账号脚本：KingbaseES V8R6、V9（{{version}}）。由 system 用户执行一次，例如：ksql -U system -d test -f 本文件
--en Account of the inspection: KingbaseES V8R6, V9 ({{version}}). Run once as the user system: ksql -U system -d test -f FILE
--zh 按文档编写，未在真实 KingbaseES 上运行过；语句在 PostgreSQL 上验证过。
--en Written from documentation, not run on a KingbaseES; the statements ran on PostgreSQL.
--zh 先填写密码：不填写则语法错误，整个事务回滚，什么也不会改动。
--en Fill in the password first: without it the script fails and the transaction changes nothing.
BEGIN;

--zh 只能登录：不是超级用户，不能建库、建角色、复制，最多 5 个连接。
--en May sign in and nothing else: no superuser, no databases, roles or replication, 5 connections at most.
CREATE ROLE "{{user}}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT 5 PASSWORD {{password}};
ALTER ROLE "{{user}}" SET default_transaction_read_only = on;
ALTER ROLE "{{user}}" SET statement_timeout = '300s';
ALTER ROLE "{{user}}" SET lock_timeout = '1s';

--zh 内置监控角色，名称随版本不同：sys_monitor 或 pg_monitor。都没有则报错并回滚。
--en The built-in monitoring role, by the name that the release has: sys_monitor or pg_monitor; with neither it fails.
DO $$
DECLARE
    monitor text;
BEGIN
    SELECT rolname INTO STRICT monitor FROM pg_roles
        WHERE rolname IN ('sys_monitor', 'pg_monitor') ORDER BY rolname DESC LIMIT 1;
    EXECUTE format('GRANT %I TO %I', monitor, '{{user}}');
END
$$;

COMMIT;

--zh 登录规则：在 sys_hba.conf 中为代理所在主机加一行（改为实际地址），然后 SELECT sys_reload_conf();
--en Let it in: one line in sys_hba.conf for the agent's host (put its address), then SELECT sys_reload_conf();
--zh   host  all  {{user}}  192.0.2.10/32  scram-sha-256
--en   host  all  {{user}}  192.0.2.10/32  scram-sha-256

--zh 可选（去掉行首 -- 后执行）：
--en Optional (run without the leading --):
--zh KB-001 授权有效期；不授予则该项显示“权限不足”。
--en KB-001, days left of the licence; without it the check is "not permitted".
-- GRANT EXECUTE ON FUNCTION get_license_validdays() TO "{{user}}";
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

--zh 切勿授予：SUPERUSER、sao、sso 管理角色、读写全部数据或服务器文件的内置角色、sys_authid 的 SELECT（含口令哈希）。
--en Never grant: SUPERUSER, the roles of sao and sso, built-in roles that read or write all data or server files, SELECT on sys_authid (password hashes).
--zh 撤销：DROP OWNED BY "{{user}}"; DROP ROLE "{{user}}";
--en To undo: DROP OWNED BY "{{user}}"; DROP ROLE "{{user}}";
