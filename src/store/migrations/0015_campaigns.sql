-- A campaign: many people send one letter. The case of the first one that was seen stands for all of them; the others are joined
-- to it. A row of campaign_letters is there from the second such letter on, before anybody knows that it is a campaign.
CREATE TABLE campaigns (
    lead      TEXT PRIMARY KEY REFERENCES cases (id),
    formed_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE campaign_letters (
    case_id TEXT PRIMARY KEY REFERENCES cases (id),
    lead    TEXT NOT NULL REFERENCES cases (id),
    added   TEXT NOT NULL,
    at      TIMESTAMPTZ NOT NULL
);
CREATE INDEX campaign_letters_lead ON campaign_letters (lead, at);
