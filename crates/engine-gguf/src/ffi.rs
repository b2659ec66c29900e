//! The only unsafe code: llama.cpp's context, its memory, its thread pool and its adapters.
//!
//! `llama-cpp-2` wraps models and vocabularies well, but gives no access to a context's thread pool, takes a
//! unique borrow of the model to load an adapter, and refuses to hand out a raw context. Everything in
//! here is owned by the engine's one thread.
#![expect(unsafe_code, reason = "calls into llama.cpp")]

use std::ffi::CString;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_sys_2 as sys;

/// A token's number in the vocabulary.
pub(crate) type Token = u32;

/// The shape of a context.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// Tokens that its memory holds, of all sequences together.
    pub(crate) n_cells: u32,
    /// Most tokens in one batch.
    pub(crate) n_batch: u32,
    /// Most tokens that are computed at once.
    pub(crate) n_ubatch: u32,
    /// Sequences.
    pub(crate) n_sequences: u32,
    /// Rows of logits that one batch may ask for.
    pub(crate) n_outputs: u32,
    /// Threads.
    pub(crate) threads: u32,
    /// 0..=100.
    pub(crate) poll: u32,
    /// Whether to use fused attention.
    pub(crate) flash_attention: bool,
    /// Whether it embeds instead of generating.
    pub(crate) embeddings: bool,
    /// Whether to use mean pooling because the model names none.
    pub(crate) mean_pooling: bool,
}

/// How a decode ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// The rows are there.
    Done,
    /// The library failed.
    Failed(i32),
}

/// Tokens to compute, with their places.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    tokens: Vec<i32>,
    positions: Vec<i32>,
    sequences: Vec<i32>,
    outputs: Vec<i8>,
    n_outputs: i32,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.sequences.clear();
        self.outputs.clear();
        self.n_outputs = 0;
    }

    /// Adds a token; returns its place in the batch.
    pub(crate) fn push(&mut self, token: Token, position: usize, sequence: i32, output: bool) -> i32 {
        self.tokens.push(token.cast_signed());
        self.positions.push(i32::try_from(position).unwrap_or(i32::MAX));
        self.sequences.push(sequence);
        self.outputs.push(i8::from(output));
        self.n_outputs += i32::from(output);
        i32::try_from(self.tokens.len() - 1).unwrap_or(i32::MAX)
    }

    /// The position in its sequence of the token at `place`.
    pub(crate) fn position(&self, place: i32) -> usize {
        usize::try_from(place)
            .ok()
            .and_then(|at| self.positions.get(at))
            .map_or(0, |at| usize::try_from(*at).unwrap_or(0))
    }

    /// Each sequence in the batch, and how long it is after it.
    pub(crate) fn ends(&self) -> Vec<(i32, usize)> {
        let mut ends: Vec<(i32, usize)> = Vec::new();
        for (sequence, position) in self.sequences.iter().zip(&self.positions) {
            let end = usize::try_from(*position).unwrap_or(0) + 1;
            match ends.last_mut() {
                Some(last) if last.0 == *sequence => last.1 = end,
                _ => ends.push((*sequence, end)),
            }
        }
        ends
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }
}

fn raw_model(model: &LlamaModel) -> *mut sys::llama_model {
    // SAFETY: `LlamaModel` is `repr(transparent)` over a non-null pointer to the model, by its public
    // declaration; the crate's version is pinned.
    unsafe { *std::ptr::from_ref(model).cast::<*mut sys::llama_model>() }
}

/// A context: the memory of sequences, and what computes them.
#[derive(Debug)]
pub(crate) struct Context {
    raw: NonNull<sys::llama_context>,
    pool: Option<NonNull<sys::ggml_threadpool>>,
    n_vocab: usize,
    /// Keeps the model alive for as long as its context.
    model: Arc<LlamaModel>,
}

// SAFETY: a context is bound to no thread; it is not `Sync`, so one thread at a time uses it.
unsafe impl Send for Context {}

impl Context {
    /// Makes a context; nothing when memory is short.
    pub(crate) fn new(model: &Arc<LlamaModel>, shape: &Shape) -> Option<Self> {
        let threads = i32::try_from(shape.threads.max(1)).unwrap_or(1);
        // SAFETY: plain calls; the model outlives the context because the context holds its `Arc`.
        unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = shape.n_cells;
            params.n_batch = shape.n_batch;
            params.n_ubatch = shape.n_ubatch;
            params.n_seq_max = shape.n_sequences;
            params.n_outputs_max = shape.n_outputs;
            params.n_outputs_max_per_seq = shape.n_outputs;
            params.n_threads = threads;
            params.n_threads_batch = threads;
            params.embeddings = shape.embeddings;
            params.kv_unified = shape.embeddings;
            params.swa_full = true;
            params.no_perf = true;
            params.flash_attn_type = if shape.flash_attention {
                sys::LLAMA_FLASH_ATTN_TYPE_AUTO
            } else {
                sys::LLAMA_FLASH_ATTN_TYPE_DISABLED
            };
            if shape.mean_pooling {
                params.pooling_type = sys::LLAMA_POOLING_TYPE_MEAN;
            }
            let raw = NonNull::new(sys::llama_init_from_model(raw_model(model), params))?;
            let mut pool_params = sys::ggml_threadpool_params_default(threads);
            pool_params.poll = shape.poll;
            let pool = NonNull::new(sys::ggml_threadpool_new(&raw mut pool_params));
            if let Some(pool) = pool {
                sys::llama_attach_threadpool(raw.as_ptr(), pool.as_ptr(), pool.as_ptr());
            }
            let n_vocab = usize::try_from(model.n_vocab()).unwrap_or(0);
            Some(Self { raw, pool, n_vocab, model: Arc::clone(model) })
        }
    }

    /// Computes a batch.
    pub(crate) fn decode(&mut self, batch: &mut Batch) -> Decoded {
        let mut counts = vec![1_i32; batch.len()];
        let mut pointers: Vec<*mut i32> = batch.sequences.iter_mut().map(std::ptr::from_mut::<i32>).collect();
        let raw = sys::llama_batch {
            n_tokens: i32::try_from(batch.tokens.len()).unwrap_or(0),
            token: batch.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: batch.positions.as_mut_ptr(),
            n_seq_id: counts.as_mut_ptr(),
            seq_id: pointers.as_mut_ptr(),
            logits: batch.outputs.as_mut_ptr(),
        };
        // SAFETY: every list has `n_tokens` entries and lives through the call, which keeps none of them.
        let code = unsafe { sys::llama_decode(self.raw.as_ptr(), raw) };
        match code {
            0 => Decoded::Done,
            other => Decoded::Failed(other),
        }
    }

    /// Computes with so many threads from the next decode on.
    pub(crate) fn use_threads(&mut self, threads: u32) {
        let threads = i32::try_from(threads.max(1)).unwrap_or(1);
        // SAFETY: a plain call; the pool has at least as many threads.
        unsafe { sys::llama_set_n_threads(self.raw.as_ptr(), threads, threads) }
    }

    /// The logits of the token at `place` of the last batch.
    pub(crate) fn logits(&self, place: i32) -> Option<&[f32]> {
        // SAFETY: the library returns null for a place without output, else `n_vocab` floats that live until
        // the next decode, which needs `&mut self`.
        unsafe {
            let data = sys::llama_get_logits_ith(self.raw.as_ptr(), place);
            (!data.is_null()).then(|| std::slice::from_raw_parts(data, self.n_vocab))
        }
    }

    /// The pooled embedding of a sequence of the last batch.
    pub(crate) fn embedding(&self, sequence: i32) -> Option<&[f32]> {
        let length = usize::try_from(self.model.n_embd_out()).ok()?;
        // SAFETY: null, or `n_embd_out` floats that live until the next decode, for every pooling but ranking.
        unsafe {
            if sys::llama_pooling_type(self.raw.as_ptr()) == sys::LLAMA_POOLING_TYPE_RANK {
                return None;
            }
            let data = sys::llama_get_embeddings_seq(self.raw.as_ptr(), sequence);
            (!data.is_null()).then(|| std::slice::from_raw_parts(data, length))
        }
    }

    /// Forgets what a sequence holds from `from` on; false when the memory cannot forget a part.
    pub(crate) fn forget(&mut self, sequence: i32, from: usize) -> bool {
        let from = i32::try_from(from).unwrap_or(i32::MAX);
        // SAFETY: a plain call; a context without memory has a null one, which is checked.
        unsafe {
            let memory = sys::llama_get_memory(self.raw.as_ptr());
            memory.is_null() || sys::llama_memory_seq_rm(memory, sequence, from, -1)
        }
    }

    /// Gives `to` the first `length` tokens of `from` in place of what it holds.
    pub(crate) fn copy(&mut self, from: i32, to: i32, length: usize) {
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        // SAFETY: as above. The library copies whole memories only, so the rest is forgotten after that.
        unsafe {
            let memory = sys::llama_get_memory(self.raw.as_ptr());
            if !memory.is_null() {
                sys::llama_memory_seq_rm(memory, to, -1, -1);
                sys::llama_memory_seq_cp(memory, from, to, -1, -1);
                sys::llama_memory_seq_rm(memory, to, length, -1);
            }
        }
    }

    /// Uses an adapter, or none, from the next decode on.
    pub(crate) fn use_adapter(&mut self, adapter: Option<&RawAdapter>) -> bool {
        // SAFETY: the lists live through the call; the adapter lives as long as it is in the scheduler's
        // list, which replaces it here before it drops it.
        unsafe {
            match adapter {
                Some(adapter) => {
                    let mut adapters = [adapter.raw.as_ptr()];
                    let mut scales = [adapter.scale];
                    sys::llama_set_adapters_lora(
                        self.raw.as_ptr(),
                        adapters.as_mut_ptr(),
                        1,
                        scales.as_mut_ptr(),
                    ) == 0
                }
                None => {
                    sys::llama_set_adapters_lora(
                        self.raw.as_ptr(),
                        std::ptr::null_mut(),
                        0,
                        std::ptr::null_mut(),
                    ) == 0
                }
            }
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: both are ours, and nobody uses them any more.
        unsafe {
            sys::llama_free(self.raw.as_ptr());
            if let Some(pool) = self.pool {
                sys::ggml_threadpool_free(pool.as_ptr());
            }
        }
    }
}

/// A loaded adapter.
#[derive(Debug)]
pub(crate) struct RawAdapter {
    raw: NonNull<sys::llama_adapter_lora>,
    scale: f32,
    /// Keeps the model alive for as long as its adapter.
    _model: Arc<LlamaModel>,
}

// SAFETY: it is read by the engine's thread alone after it was made there.
unsafe impl Send for RawAdapter {}

impl RawAdapter {
    /// Reads an adapter from a file; nothing when it is none for this model.
    pub(crate) fn load(model: &Arc<LlamaModel>, path: &Path, scale: f32) -> Option<Self> {
        let path = CString::new(path.to_str()?).ok()?;
        // SAFETY: the model lives; the library notes the adapter in the model, and the engine's thread is
        // the only one that loads or frees adapters.
        let raw = unsafe { sys::llama_adapter_lora_init(raw_model(model), path.as_ptr()) };
        Some(Self { raw: NonNull::new(raw)?, scale, _model: Arc::clone(model) })
    }
}

impl Drop for RawAdapter {
    fn drop(&mut self) {
        // SAFETY: it is ours, and the scheduler took it out of the context first.
        unsafe { sys::llama_adapter_lora_free(self.raw.as_ptr()) }
    }
}
