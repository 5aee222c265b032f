--zh 巡检账号脚本：达梦 DM8（{{version}}）。由 SYSDBA 执行一次，例如：disql SYSDBA/…@localhost:5236，再 start 本文件
--en Account of the inspection: Dameng DM8 ({{version}}). Run once as SYSDBA: disql SYSDBA/…@localhost:5236, then start FILE
--zh 按公开文档编写，未在真实达梦上运行过。
--en Written from public documentation, not run on a DM8.
--zh 先填写密码：不填写则建用户失败，后面的授权也都会因没有该用户而失败。
--en Fill in the password first: without it there is no user, and every grant below fails.
CREATE USER {{user}} IDENTIFIED BY {{quoted_password}} LIMIT SESSION_PER_USER 5;

--zh VTI：动态性能视图（V$…）；SOI：系统表（SYS…）。都不含业务表；代理不读取其中的语句文本。
--en VTI: dynamic views (V$…); SOI: system tables (SYS…). No business tables in either; texts of statements are not read.
GRANT VTI TO {{user}};
GRANT SOI TO {{user}};

--zh 字典视图，逐个授予。
--en Views of the dictionary, one by one.
GRANT SELECT ON SYS.DBA_TABLES TO {{user}};
GRANT SELECT ON SYS.DBA_OBJECTS TO {{user}};
GRANT SELECT ON SYS.DBA_USERS TO {{user}};
GRANT SELECT ON SYS.DBA_ROLE_PRIVS TO {{user}};

--zh 可选（去掉行首 -- 后执行）：
--en Optional (run without the leading --):
--zh DM-004 备份作业、DM-013 作业状态（建议授予；初始化过代理环境才有 SYSJOB 模式）：
--en DM-004 and DM-013, jobs (advised; the schema SYSJOB is there once the agent environment was made):
-- GRANT SELECT ON SYSJOB.SYSJOBS TO {{user}};
-- GRANT SELECT ON SYSJOB.SYSJOBSTEPS TO {{user}};
-- GRANT SELECT ON SYSJOB.SYSJOBHISTORIES2 TO {{user}};
-- GRANT SELECT ON SYSJOB.SYSSTEPHISTORIES2 TO {{user}};
--zh 把账号设为只读：
--en Make the account read-only:
-- ALTER USER {{user}} READ ONLY;
--zh 自定义查询（[queries]）涉及的表，逐表授予：
--en Tables of declared queries ([queries]), one by one:
-- GRANT SELECT ON APP.VOUCHERS TO {{user}};

--zh 切勿授予：DBA、DB_AUDIT_ADMIN、DB_POLICY_ADMIN、RESOURCE、SELECT ANY TABLE。
--en Never grant: DBA, DB_AUDIT_ADMIN, DB_POLICY_ADMIN, RESOURCE, SELECT ANY TABLE.
--zh 撤销：DROP USER {{user}};
--en To undo: DROP USER {{user}};
