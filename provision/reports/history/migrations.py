"""The tables, step by step. A step that was released is never changed; a new one is added.

`PRAGMA user_version` is the number of steps that a file has taken.
"""

from __future__ import annotations

__all__ = ["MIGRATIONS"]

_TABLES = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mode TEXT NOT NULL,
  scope TEXT NOT NULL,        -- runs with the same one look at the same things
  started_at REAL NOT NULL,
  ended_at REAL,
  duration_s REAL,
  exit_code INTEGER,          -- NULL: under way, or broken off
  owner TEXT NOT NULL,        -- machine, boot, process: whether it is still under way
  user TEXT NOT NULL,
  machine TEXT NOT NULL,
  origin TEXT NOT NULL,
  directory TEXT NOT NULL,
  version TEXT NOT NULL,
  playbooks TEXT NOT NULL,    -- JSON, as the columns below
  git TEXT NOT NULL,
  arguments TEXT NOT NULL,
  totals TEXT NOT NULL DEFAULT '{}',
  ordering TEXT NOT NULL DEFAULT '[]',
  notices TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE things (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  id INTEGER NOT NULL,
  play TEXT NOT NULL, task TEXT NOT NULL, action TEXT NOT NULL, place TEXT NOT NULL,
  nth INTEGER NOT NULL, handler INTEGER NOT NULL,
  PRIMARY KEY (run, id)
) WITHOUT ROWID;
CREATE TABLE hosts (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  host TEXT NOT NULL,
  marks TEXT NOT NULL,        -- one letter for each thing, by its id
  counts TEXT NOT NULL,
  duration_s REAL NOT NULL, round_trips INTEGER NOT NULL, done INTEGER NOT NULL,
  PRIMARY KEY (run, host)
) WITHOUT ROWID;
CREATE TABLE details (        -- the same on many hosts is kept once
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  digest BLOB NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (run, digest)
) WITHOUT ROWID;
CREATE TABLE cells (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  host TEXT NOT NULL,
  thing INTEGER NOT NULL,
  mark TEXT NOT NULL,
  since TEXT NOT NULL,
  evidence TEXT NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (run, host, thing)
) WITHOUT ROWID;
CREATE TABLE drifts (         -- from the first run that saw it without interruption
  id INTEGER PRIMARY KEY,
  scope TEXT NOT NULL, host TEXT NOT NULL, play TEXT NOT NULL, task TEXT NOT NULL,
  nth INTEGER NOT NULL, key TEXT NOT NULL, place TEXT NOT NULL,
  first_run INTEGER NOT NULL, first_at REAL NOT NULL,
  last_run INTEGER NOT NULL, last_at REAL NOT NULL,
  ended_run INTEGER, ended_at REAL
);
CREATE UNIQUE INDEX drifts_open ON drifts (scope, host, play, task, nth, key)
  WHERE ended_at IS NULL;
"""

_BY_HOST = """
CREATE INDEX hosts_by_host ON hosts (host, run);
CREATE INDEX drifts_by_host ON drifts (host, first_at);
CREATE INDEX runs_by_start ON runs (started_at);
"""

MIGRATIONS = (_TABLES, _BY_HOST)
