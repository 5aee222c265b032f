--zh 巡检账号脚本：SQL Server 2022 及以上（{{version}}）。由 sysadmin 在 SSMS 或 sqlcmd 中作为一个批次执行一次（中间不要加 GO）。
--en Account of the inspection: SQL Server 2022 and newer ({{version}}). Run once as a sysadmin in SSMS or sqlcmd, as one batch (no GO in between).
--zh 按微软文档编写，未在真实 SQL Server 上运行过。
--en Written from Microsoft's documentation, not run on a SQL Server.
--zh 先填写密码：不填写则语法错误，整个批次都不执行。
--en Fill in the password first: without it the batch does not compile and nothing is run.
SET XACT_ABORT ON;
USE [master];
CREATE LOGIN [{{user}}] WITH PASSWORD = {{password}},
    DEFAULT_DATABASE = [master], CHECK_POLICY = ON, CHECK_EXPIRATION = OFF;

--zh 服务器状态，2022 起分为性能与安全两部分；错误日志另有权限。
--en State of the server, since 2022 in two parts, performance and security; the error log has a right of its own.
GRANT VIEW SERVER PERFORMANCE STATE TO [{{user}}];
GRANT VIEW SERVER SECURITY STATE TO [{{user}}];
GRANT VIEW ANY ERROR LOG TO [{{user}}];
--zh 所有库和对象的定义（不含数据）。
--en Definitions of databases and objects, no data.
GRANT VIEW ANY DEFINITION TO [{{user}}];
GRANT VIEW ANY DATABASE TO [{{user}}];
--zh 能进入每个库查看其系统视图，不能读取任何表。
--en Lets it enter each database for its catalogue views, and read no table there.
GRANT CONNECT ANY DATABASE TO [{{user}}];

--zh msdb：备份历史、可疑页、作业及其结果。
--en msdb: history of backups, suspect pages, jobs and their outcome.
USE [msdb];
CREATE USER [{{user}}] FOR LOGIN [{{user}}];
GRANT SELECT ON dbo.backupset TO [{{user}}];
GRANT SELECT ON dbo.backupmediafamily TO [{{user}}];
GRANT SELECT ON dbo.suspect_pages TO [{{user}}];
GRANT SELECT ON dbo.sysjobs TO [{{user}}];
GRANT SELECT ON dbo.sysjobsteps TO [{{user}}];
GRANT SELECT ON dbo.sysjobhistory TO [{{user}}];
GRANT SELECT ON dbo.sysjobschedules TO [{{user}}];
GRANT SELECT ON dbo.sysschedules TO [{{user}}];
GRANT SELECT ON dbo.sysjobactivity TO [{{user}}];
--zh MSSQL-037 告警与操作员；MSSQL-048 日志传送；MSSQL-060 维护计划。
--en MSSQL-037, alerts and operators; MSSQL-048, log shipping; MSSQL-060, maintenance plans.
GRANT SELECT ON dbo.sysalerts TO [{{user}}];
GRANT SELECT ON dbo.sysoperators TO [{{user}}];
GRANT SELECT ON dbo.log_shipping_monitor_primary TO [{{user}}];
GRANT SELECT ON dbo.log_shipping_monitor_secondary TO [{{user}}];
GRANT SELECT ON dbo.sysmaintplan_plans TO [{{user}}];
USE [master];

--zh 可选（去掉行首 -- 后执行）：
--en Optional (run without the leading --):
--zh MSSQL-022 自动增长（默认跟踪）：
--en MSSQL-022, growths of files (default trace):
-- GRANT ALTER TRACE TO [{{user}}];
--zh 自定义查询（[queries]）涉及的表，在其数据库中逐表授予：
--en Tables of declared queries ([queries]), one by one, in their database:
-- USE [UFDATA_001_2026]; CREATE USER [{{user}}] FOR LOGIN [{{user}}]; GRANT SELECT ON dbo.GL_accvouch TO [{{user}}];
--zh MSSQL-043 空口令检查（PWDCOMPARE）需要 CONTROL SERVER，等同于管理员，不建议；不授予则该部分显示“权限不足”。
--en MSSQL-043, empty passwords (PWDCOMPARE), takes CONTROL SERVER, which is as good as sysadmin: better leave it "not permitted".

--zh 切勿授予：sysadmin、securityadmin、CONTROL SERVER、xp_cmdshell、db_owner、db_datareader，以及 SELECT ALL USER SECURABLES。
--en Never grant: sysadmin, securityadmin, CONTROL SERVER, xp_cmdshell, db_owner, db_datareader, SELECT ALL USER SECURABLES.
--zh 撤销：USE [msdb]; DROP USER [{{user}}]; USE [master]; DROP LOGIN [{{user}}];
--en To undo: USE [msdb]; DROP USER [{{user}}]; USE [master]; DROP LOGIN [{{user}}];
