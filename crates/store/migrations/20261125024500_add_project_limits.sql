-- Limits of a project for a deployment that the OpenAI administration API has beside calls and tokens a minute.
ALTER TABLE rate_limits ADD COLUMN images_per_minute BIGINT;
ALTER TABLE rate_limits ADD COLUMN requests_per_day BIGINT;
