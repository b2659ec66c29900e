//! What settlement needs to know of a chunk, whatever its protocol.

use tenfold_protocol::chat::ChatChunk;
use tenfold_protocol::completion::Completion;
use tenfold_protocol::usage::Usage;

/// A part of a streamed answer.
pub trait Chunk: Send + 'static {
    /// The counts that it carries.
    fn usage(&self) -> Option<&Usage>;
    /// Takes the counts out, for a client that did not ask for them.
    fn strip_usage(&mut self);
    /// Whether it carries counts and nothing else.
    fn is_usage_only(&self) -> bool;
    /// Whether the client reads some of the answer in it.
    fn has_output(&self) -> bool;
    /// Whether it says why an answer ended.
    fn is_final(&self) -> bool;
    /// Names the deployment, where the engine knows the model under another name.
    fn set_model(&mut self, name: &str);
}

impl Chunk for ChatChunk {
    fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    fn strip_usage(&mut self) {
        self.usage = None;
    }

    fn is_usage_only(&self) -> bool {
        self.choices.is_empty()
    }

    fn has_output(&self) -> bool {
        self.choices.iter().any(|choice| {
            let delta = &choice.delta;
            let text = [&delta.content, &delta.refusal, &delta.reasoning_content];
            choice.finish_reason.is_some()
                || text.into_iter().any(|t| t.as_ref().is_some_and(|t| !t.is_empty()))
                || delta.tool_calls.is_some()
                || !delta.extra.is_empty()
        })
    }

    fn is_final(&self) -> bool {
        self.choices.iter().any(|choice| choice.finish_reason.is_some())
    }

    fn set_model(&mut self, name: &str) {
        name.clone_into(&mut self.model);
    }
}

impl Chunk for Completion {
    fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    fn strip_usage(&mut self) {
        self.usage = None;
    }

    fn is_usage_only(&self) -> bool {
        self.choices.is_empty()
    }

    fn has_output(&self) -> bool {
        self.choices.iter().any(|choice| choice.finish_reason.is_some() || !choice.text.is_empty())
    }

    fn is_final(&self) -> bool {
        self.choices.iter().any(|choice| choice.finish_reason.is_some())
    }

    fn set_model(&mut self, name: &str) {
        name.clone_into(&mut self.model);
    }
}
