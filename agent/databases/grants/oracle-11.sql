--zh 巡检账号脚本：Oracle 11g R2 至 12.1.0.1（{{version}}）。由 SYS 以 SYSDBA 身份在 SQL*Plus 中执行一次：sqlplus / as sysdba @本文件
--en Account of the inspection: Oracle 11g R2 to 12.1.0.1 ({{version}}). Run once as SYSDBA in SQL*Plus: sqlplus / as sysdba @FILE
--zh 按 Oracle 文档编写，未在真实 Oracle 上运行过。
--en Written from Oracle's documentation, not run on an Oracle.
--zh 先填写密码：不填写则第一条语句出错，SQL*Plus 随即退出，什么也不会改动。
--en Fill in the password first: without it the first statement fails and SQL*Plus ends; nothing changes.
WHENEVER SQLERROR EXIT FAILURE
--zh 此版本只能授予 SELECT。
--en This release has SELECT alone to grant.
CREATE USER {{user}} IDENTIFIED BY {{quoted_password}};
GRANT CREATE SESSION TO {{user}};

--zh 以下个别视图在某些版本中不存在，报 ORA-00942 时可以忽略。
--en Some releases lack one or another of these views: ORA-00942 may be ignored.
WHENEVER SQLERROR CONTINUE

--zh 逐个视图授权，只有这些；也可改为授予角色 SELECT_CATALOG_ROLE（范围更大）。
--en View by view, and these alone; the role SELECT_CATALOG_ROLE instead would give more.
GRANT SELECT ON SYS.CDB_TABLESPACES TO {{user}};
GRANT SELECT ON SYS.CDB_TABLESPACE_USAGE_METRICS TO {{user}};
GRANT SELECT ON SYS.DBA_AUTOTASK_CLIENT TO {{user}};
GRANT SELECT ON SYS.DBA_AUTOTASK_JOB_HISTORY TO {{user}};
GRANT SELECT ON SYS.DBA_DATA_FILES TO {{user}};
GRANT SELECT ON SYS.DBA_INDEXES TO {{user}};
GRANT SELECT ON SYS.DBA_IND_PARTITIONS TO {{user}};
GRANT SELECT ON SYS.DBA_IND_SUBPARTITIONS TO {{user}};
GRANT SELECT ON SYS.DBA_JOBS TO {{user}};
GRANT SELECT ON SYS.DBA_OBJECTS TO {{user}};
GRANT SELECT ON SYS.DBA_PROFILES TO {{user}};
GRANT SELECT ON SYS.DBA_REGISTRY_SQLPATCH TO {{user}};
GRANT SELECT ON SYS.DBA_ROLE_PRIVS TO {{user}};
GRANT SELECT ON SYS.DBA_SCHEDULER_JOB_RUN_DETAILS TO {{user}};
GRANT SELECT ON SYS.DBA_SYS_PRIVS TO {{user}};
GRANT SELECT ON SYS.DBA_TABLESPACES TO {{user}};
GRANT SELECT ON SYS.DBA_TABLESPACE_USAGE_METRICS TO {{user}};
GRANT SELECT ON SYS.DBA_TEMP_FILES TO {{user}};
GRANT SELECT ON SYS.DBA_TRIGGERS TO {{user}};
GRANT SELECT ON SYS.DBA_USERS TO {{user}};
GRANT SELECT ON SYS.DBA_USERS_WITH_DEFPWD TO {{user}};
GRANT SELECT ON SYS.GV_$SORT_SEGMENT TO {{user}};
GRANT SELECT ON SYS.V_$ARCHIVE_DEST TO {{user}};
GRANT SELECT ON SYS.V_$ARCHIVE_GAP TO {{user}};
GRANT SELECT ON SYS.V_$ASM_DISKGROUP_STAT TO {{user}};
GRANT SELECT ON SYS.V_$ASM_DISK_STAT TO {{user}};
GRANT SELECT ON SYS.V_$BACKUP_SET_DETAILS TO {{user}};
GRANT SELECT ON SYS.V_$CONTAINERS TO {{user}};
GRANT SELECT ON SYS.V_$DATABASE TO {{user}};
GRANT SELECT ON SYS.V_$DATABASE_BLOCK_CORRUPTION TO {{user}};
GRANT SELECT ON SYS.V_$DATAFILE TO {{user}};
GRANT SELECT ON SYS.V_$DATAGUARD_PROCESS TO {{user}};
GRANT SELECT ON SYS.V_$DATAGUARD_STATS TO {{user}};
GRANT SELECT ON SYS.V_$DIAG_ALERT_EXT TO {{user}};
GRANT SELECT ON SYS.V_$INSTANCE TO {{user}};
GRANT SELECT ON SYS.V_$LIBRARYCACHE TO {{user}};
GRANT SELECT ON SYS.V_$LOG TO {{user}};
GRANT SELECT ON SYS.V_$LOGFILE TO {{user}};
GRANT SELECT ON SYS.V_$LOG_HISTORY TO {{user}};
GRANT SELECT ON SYS.V_$MANAGED_STANDBY TO {{user}};
GRANT SELECT ON SYS.V_$PARAMETER TO {{user}};
GRANT SELECT ON SYS.V_$PDBS TO {{user}};
GRANT SELECT ON SYS.V_$RECOVERY_FILE_DEST TO {{user}};
GRANT SELECT ON SYS.V_$RECOVER_FILE TO {{user}};
GRANT SELECT ON SYS.V_$RESOURCE_LIMIT TO {{user}};
GRANT SELECT ON SYS.V_$RMAN_BACKUP_JOB_DETAILS TO {{user}};
GRANT SELECT ON SYS.V_$SESSION TO {{user}};
GRANT SELECT ON SYS.V_$SYSSTAT TO {{user}};
GRANT SELECT ON SYS.V_$UNDOSTAT TO {{user}};

--zh 可选（去掉行首 -- 后执行）：
--en Optional (run without the leading --):
--zh 以上名单被拒绝时（例如视图名因版本不同）：
--en Where the list is refused (names that differ by release):
-- GRANT SELECT ANY DICTIONARY TO {{user}};
--zh 自定义查询（[queries]）涉及的表，逐表授予：
--en Tables of declared queries ([queries]), one by one:
-- GRANT SELECT ON app.vouchers TO {{user}};
--zh 建议：口令到期会使巡检中断（ORA-28001），请使用口令不过期的 PROFILE。
--en Better: a PROFILE whose passwords don't expire, or the inspection ends with ORA-28001 one day.

--zh 切勿授予：DBA、SYSDBA、SELECT ANY TABLE 及其他 ANY 权限、EXECUTE ON DBMS_*。AWR 视图（DBA_HIST_*）需要诊断包许可，代理不读取。
--en Never grant: DBA, SYSDBA, SELECT ANY TABLE and its like, EXECUTE ON DBMS_*. AWR (DBA_HIST_*) takes the licence of the Diagnostics Pack; the agent does not read it.
--zh 撤销：DROP USER {{user}};
--en To undo: DROP USER {{user}};
