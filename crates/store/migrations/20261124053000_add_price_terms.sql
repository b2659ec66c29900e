-- JSON: prices by variant, and discounts; NULL for neither.
ALTER TABLE price_lists ADD COLUMN terms TEXT;

-- Disjoint counts: none of these is among input_tokens, cached_input_tokens or output_tokens.
ALTER TABLE events ADD COLUMN audio_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN cached_audio_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN image_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN cached_image_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN audio_output_tokens BIGINT;
ALTER TABLE events ADD COLUMN image_output_tokens BIGINT;

-- A JSON object: counts of units that have no column of their own; NULL for none.
ALTER TABLE events ADD COLUMN other_units TEXT;

-- In which currency an organisation pays where it can choose.
ALTER TABLE billing_profiles ADD COLUMN currency TEXT;
