CREATE TABLE entries (
    log         BLOB NOT NULL,
    pos         NOT NULL,
    block       INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    sequenced   NOT NULL,
    device      BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    seq         NOT NULL,
    hash        BLOB NOT NULL,
    chain       BLOB NOT NULL,
    signature   BLOB NOT NULL,
    envelope    BLOB NOT NULL,
    PRIMARY KEY (log, pos)
) WITHOUT ROWID;
CREATE INDEX entries_by_key ON entries (log, device, incarnation, seq);
CREATE INDEX entries_by_hash ON entries (log, block, hash);
CREATE TABLE records (
    tab   INTEGER NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tab, key)
) WITHOUT ROWID;
