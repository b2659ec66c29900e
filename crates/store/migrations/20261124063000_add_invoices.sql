-- Who organisations are on invoices.
CREATE TABLE invoice_details (
    organization TEXT NOT NULL PRIMARY KEY,
    -- JSON.
    body TEXT NOT NULL
);

-- Invoices and credit notes. Never changed once they are made.
CREATE TABLE invoices (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    -- invoice or credit_note
    kind TEXT NOT NULL,
    -- Without holes, by organisation and kind.
    number BIGINT NOT NULL,
    currency TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    -- For a credit note, its invoice, and the how many-th it is of it.
    credits TEXT,
    ordinal BIGINT,
    -- JSON: the document.
    body TEXT NOT NULL,
    -- 1 when what it moves is in the ledger.
    is_entered BIGINT NOT NULL,
    UNIQUE (organization, kind, number),
    UNIQUE (credits, ordinal)
);

CREATE UNIQUE INDEX invoices_by_month ON invoices (organization, currency, period_start) WHERE kind = 'invoice';

CREATE INDEX invoices_to_enter ON invoices (id) WHERE is_entered = 0;
