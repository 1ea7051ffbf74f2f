CREATE TABLE entries (
    log       BLOB NOT NULL,
    pos       NOT NULL,
    tags      INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    sequenced NOT NULL,
    hash      BLOB NOT NULL,
    chain     BLOB NOT NULL,
    signature BLOB NOT NULL,
    envelope  BLOB NOT NULL,
    UNIQUE (log, pos)
);
CREATE TABLE lookups (
    log   BLOB NOT NULL,
    block INTEGER NOT NULL,
    tags  BLOB NOT NULL,
    PRIMARY KEY (log, block)
) WITHOUT ROWID;
CREATE TABLE records (
    tab   INTEGER NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tab, key)
) WITHOUT ROWID;
