"""The journal's tables and views. The views are the audit tables of spec 000 section 6.2."""

from __future__ import annotations

SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE run (
    tenant TEXT NOT NULL, run TEXT NOT NULL, size INTEGER NOT NULL, head TEXT NOT NULL,
    epoch INTEGER NOT NULL, last_ns INTEGER NOT NULL, session TEXT NOT NULL,
    intent_type TEXT NOT NULL, kind TEXT NOT NULL, idempotency_key TEXT NOT NULL,
    terminal TEXT, cancel_requested INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL,
    PRIMARY KEY (tenant, run), UNIQUE (tenant, idempotency_key)
);
CREATE INDEX run_open ON run (tenant) WHERE terminal IS NULL;
CREATE TABLE event (
    tenant TEXT NOT NULL, run TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL,
    session TEXT NOT NULL, ts TEXT NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (tenant, run, seq)
);
CREATE INDEX event_type ON event (tenant, type);
CREATE TRIGGER event_kept BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_fixed BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TABLE payload (
    tenant TEXT NOT NULL, sha256 TEXT NOT NULL, run TEXT NOT NULL, media TEXT NOT NULL,
    salt BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (tenant, sha256)
);
CREATE TABLE tenant_log (
    tenant TEXT NOT NULL, position INTEGER NOT NULL, type TEXT NOT NULL, run TEXT,
    line TEXT NOT NULL, statement BLOB, PRIMARY KEY (tenant, position)
);
CREATE UNIQUE INDEX one_receipt_a_run ON tenant_log (tenant, run) WHERE type = 'receipt';
CREATE TRIGGER tenant_log_kept BEFORE DELETE ON tenant_log
    BEGIN SELECT RAISE(ABORT, 'the tenant log is append-only'); END;
CREATE TRIGGER tenant_log_fixed BEFORE UPDATE ON tenant_log
    BEGIN SELECT RAISE(ABORT, 'the tenant log is append-only'); END;
"""

_VIEWS = """
CREATE VIEW all_validations AS
SELECT e.tenant, e.run AS execution_id, e.seq, e.ts AS timestamp,
       json_extract(e.line, '$.trace.trace_id') AS trace_id,
       e.session AS session_id,
       json_extract(e.line, '$.trace.task_id') AS task_id,
       json_extract(e.line, '$.trace.capability_id') AS capability_id,
       json_extract(e.line, '$.trace.version') AS version,
       json_extract(e.line, '$.actor') AS actor,
       json_extract(e.line, '$.validation.target') AS target,
       json_extract(e.line, '$.validation.passed') AS passed,
       json_extract(e.line, '$.validation.reasons') AS reasons
FROM event e WHERE e.type = 'validation.recorded';
CREATE VIEW role_executions AS
SELECT e.tenant, e.run AS execution_id, e.seq, e.ts AS timestamp,
       json_extract(e.line, '$.trace.trace_id') AS trace_id,
       e.session AS session_id,
       json_extract(e.line, '$.trace.task_id') AS task_id,
       json_extract(e.line, '$.trace.capability_id') AS role_id,
       json_extract(e.line, '$.trace.version') AS version,
       json_extract(e.line, '$.actor') AS actor,
       json_extract(e.line, '$.attempt') AS attempt,
       json_extract(e.line, '$.metrics.outcome') AS outcome,
       json_extract(e.line, '$.metrics.duration_us') / 1000.0 AS duration_ms
FROM event e JOIN run r ON r.tenant = e.tenant AND r.run = e.run
WHERE e.type = 'metrics.recorded' AND r.kind = 'role';
CREATE VIEW evidence_validations AS
SELECT e.tenant, e.run AS execution_id, e.seq, e.ts AS timestamp,
       json_extract(e.line, '$.trace.trace_id') AS trace_id,
       e.session AS session_id,
       json_extract(e.line, '$.trace.capability_id') AS capability_id,
       json_extract(e.line, '$.evidence.claims') AS claims,
       json_extract(e.line, '$.evidence.verified') AS verified,
       json_extract(e.line, '$.evidence.coverage_bp') / 10000.0 AS coverage,
       json_extract(e.line, '$.evidence.links') AS links
FROM event e WHERE e.type = 'evidence.collected';
CREATE VIEW quality_gate_validations AS
SELECT e.tenant, e.run AS execution_id, e.seq, e.ts AS timestamp,
       json_extract(e.line, '$.trace.trace_id') AS trace_id,
       e.session AS session_id,
       json_extract(e.line, '$.trace.capability_id') AS capability_id,
       json_extract(e.line, '$.quality_gate.passed') AS passed,
       json_extract(e.line, '$.quality_gate.coverage_bp') / 10000.0 AS coverage,
       json_extract(e.line, '$.quality_gate.reasons') AS reasons
FROM event e WHERE e.type = 'quality_gate.decided';
"""

SCHEMA = _TABLES + _VIEWS
VIEWS = ("all_validations", "role_executions", "evidence_validations", "quality_gate_validations")
