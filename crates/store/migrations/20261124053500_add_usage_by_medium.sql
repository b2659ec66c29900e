-- Disjoint counts: none of these is among input_tokens, cached_input_tokens or output_tokens.
ALTER TABLE events ADD COLUMN audio_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN cached_audio_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN image_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN cached_image_input_tokens BIGINT;
ALTER TABLE events ADD COLUMN audio_output_tokens BIGINT;
ALTER TABLE events ADD COLUMN image_output_tokens BIGINT;
