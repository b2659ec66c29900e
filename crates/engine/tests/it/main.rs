//! The suite against the engine that follows a script: what other engines are held to must be possible.

use tenfold_engine::conformance::{Abilities, run};
use tenfold_engine::fake::FakeEngine;

#[tokio::test]
async fn the_engine_that_follows_a_script_passes_the_suite() {
    run(&FakeEngine::default(), "m", Abilities::ALL).await;
}
