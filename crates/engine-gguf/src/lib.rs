//! Language and embedding models in GGUF files, run by llama.cpp.

mod adapter;
mod answer;
mod config;
mod embed;
mod engine;
mod error;
mod ffi;
mod grammar;
mod model;
mod pace;
mod prompt;
mod request;
mod sampler;
mod scheduler;
mod slot;
mod template;
mod text;
mod tools;

pub use config::GgufConfig;
pub use engine::GgufEngine;
pub use error::GgufLoadError;
