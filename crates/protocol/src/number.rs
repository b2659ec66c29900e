//! Numbers as requests write them.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

fn check<E: Error>(value: f32) -> Result<f32, E> {
    // JSON allows numbers that are infinite as an f32, and infinity cannot be written again.
    if value.is_finite() { Ok(value) } else { Err(E::custom("the number is too large")) }
}

/// Reads an optional number that is not too large.
pub(crate) fn finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    Option::<f32>::deserialize(deserializer)?.map(check).transpose()
}

/// Reads an optional table of numbers that are not too large.
pub(crate) fn finite_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, f32>>, D::Error> {
    let map = Option::<BTreeMap<String, f32>>::deserialize(deserializer)?;
    map.iter().flatten().try_for_each(|(_, value)| check(*value).map(drop))?;
    Ok(map)
}
