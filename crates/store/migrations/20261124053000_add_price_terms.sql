-- JSON: prices by variant, and discounts; NULL for neither.
ALTER TABLE price_lists ADD COLUMN terms TEXT;

-- A JSON object: counts of units that have no column of their own; NULL for none.
ALTER TABLE events ADD COLUMN other_units TEXT;

-- In which currency an organisation pays where it can choose.
ALTER TABLE billing_profiles ADD COLUMN currency TEXT;
