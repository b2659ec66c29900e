//! How a model is run.

use std::path::PathBuf;

/// How a model is run. `..GgufConfig::new(path, name)` fills in the rest.
#[derive(Debug, Clone)]
pub struct GgufConfig {
    /// The GGUF file.
    pub model_path: PathBuf,
    /// The name under which requests ask for it.
    pub model_name: String,
    /// Tokens that one sequence may hold, prompt and answer together; when not given, what the model was
    /// trained for, at most 4,096. Memory for this many is taken at the start for each slot.
    pub context_length: Option<u32>,
    /// Sequences that run at once, 1..=256.
    pub slots: u32,
    /// Threads that compute; when not given, one for each core.
    pub threads: Option<u32>,
    /// Prompt tokens that are computed in one step while no answer is under way.
    pub prefill_tokens: u32,
    /// Prompt tokens that are computed in one step beside answers that are under way. Smaller steps keep
    /// running streams smooth, larger ones give new ones their first token sooner.
    pub prefill_tokens_beside: u32,
    /// Requests that may wait for a slot; one more is refused as overload.
    pub queue: usize,
    /// A Jinja chat template to use instead of the one in the file.
    pub chat_template: Option<String>,
    /// How long computing threads look for more work before they sleep, 0..=100. Above zero costs the
    /// cores that the rest of the process needs.
    pub poll: u32,
    /// Tokens of one prompt that are computed at once, at most.
    pub at_once: u32,
    /// Whether to use llama.cpp's fused attention. On a CPU it is a tenth to a fifth quicker, but it rounds to
    /// 16 bits in an order that, from 256 tokens on, depends on threads and on what else is in the batch.
    pub flash_attention: bool,
    /// Layers to put on a GPU, where the library was built for one.
    pub gpu_layers: u32,
}

impl GgufConfig {
    /// The usual settings for a file.
    pub fn new(model_path: impl Into<PathBuf>, model_name: impl Into<String>) -> Self {
        Self {
            model_path: model_path.into(),
            model_name: model_name.into(),
            context_length: None,
            slots: 8,
            threads: None,
            prefill_tokens: 512,
            prefill_tokens_beside: 256,
            queue: 256,
            chat_template: None,
            poll: 0,
            at_once: 512,
            flash_attention: true,
            gpu_layers: 0,
        }
    }
}
