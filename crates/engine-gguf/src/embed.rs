//! Embeddings, in a context of their own that is made when first asked for.

use tokio::sync::oneshot;

use crate::ffi::{Batch, Context, Decoded, Shape, Token};
use crate::model::Model;
use crate::scheduler::Limits;

/// Sequences in one batch of embeddings.
const SEQUENCES: u32 = 16;
/// Tokens that are embedded between two steps of the answers under way, unless one input alone has more.
const STEP_TOKENS: usize = 512;

/// Inputs to embed.
#[derive(Debug)]
pub(crate) struct EmbedTask {
    pub(crate) inputs: Vec<Vec<Token>>,
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) done: oneshot::Sender<Result<Vec<Vec<f32>>, EmbedFailure>>,
    /// Holds its place in the queue.
    pub(crate) place: crate::scheduler::Place,
}

/// Why inputs were not embedded.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum EmbedFailure {
    #[error("no memory for a context")]
    NoContext,
    #[error("llama.cpp failed")]
    Decode,
}

/// The context, once it is made.
#[derive(Debug)]
pub(crate) struct Embedder {
    context: Option<Context>,
    shape: Shape,
    batch: Batch,
}

impl Embedder {
    pub(crate) fn new(limits: &Limits) -> Self {
        let length = u32::try_from(limits.context_length).unwrap_or(u32::MAX);
        let shape = Shape {
            n_cells: length,
            // A pooled input is computed at once.
            n_batch: length,
            n_ubatch: length,
            n_sequences: SEQUENCES.min(length),
            n_outputs: 0,
            embeddings: true,
            ..limits.shape.clone()
        };
        Self { context: None, shape, batch: Batch::default() }
    }
}

/// Embeds some of the inputs; returns the task unless it is done.
pub(crate) fn step(embedder: &mut Embedder, model: &Model, mut task: EmbedTask) -> Option<EmbedTask> {
    if task.done.is_closed() {
        return None;
    }
    match batch(embedder, model, &mut task) {
        Ok(()) if task.vectors.len() < task.inputs.len() => Some(task),
        Ok(()) => {
            drop(task.place);
            let _ = task.done.send(Ok(task.vectors));
            None
        }
        Err(failure) => {
            let _ = task.done.send(Err(failure));
            None
        }
    }
}

fn batch(embedder: &mut Embedder, model: &Model, task: &mut EmbedTask) -> Result<(), EmbedFailure> {
    if embedder.context.is_none() {
        let shape = Shape { mean_pooling: model.mean_pooling, ..embedder.shape.clone() };
        embedder.context = Context::new(&model.llama, &shape);
    }
    let Some(context) = &mut embedder.context else { return Err(EmbedFailure::NoContext) };
    embedder.batch.clear();
    let mut sequences = 0_i32;
    for input in &task.inputs[task.vectors.len()..] {
        let full = embedder.batch.len() + input.len() > STEP_TOKENS;
        if sequences > 0 && (full || sequences.cast_unsigned() >= embedder.shape.n_sequences) {
            break;
        }
        context.forget(sequences, 0);
        for (position, token) in input.iter().enumerate() {
            embedder.batch.push(*token, position, sequences, true);
        }
        sequences += 1;
    }
    if context.decode(&mut embedder.batch) != Decoded::Done {
        return Err(EmbedFailure::Decode);
    }
    for sequence in 0..sequences {
        let vector = context.embedding(sequence).ok_or(EmbedFailure::Decode)?;
        task.vectors.push(normalised(vector));
        context.forget(sequence, 0);
    }
    Ok(())
}

/// The vector at length one.
#[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
fn normalised(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let scale = if norm > 0.0 { norm.recip() as f32 } else { 0.0 };
    vector.iter().map(|x| x * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one_and_zero_stays_zero() {
        let vector = normalised(&[3.0, 4.0]);
        assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6);
        assert_eq!(normalised(&[0.0, 0.0]), [0.0, 0.0]);
    }
}
