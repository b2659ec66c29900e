//! A loaded model: its vocabulary, its template, and what it says of itself.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::{LogOptions, send_logs_to_tracing};
use llguidance::ParserFactory;

use crate::config::GgufConfig;
use crate::error::GgufLoadError;
use crate::ffi::Token;
use crate::grammar;
use crate::template::Template;

/// Tokens that surround a gap to be filled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FillTokens {
    pub(crate) prefix: Token,
    pub(crate) suffix: Token,
    pub(crate) middle: Token,
}

/// A loaded model. Immutable, so shared by the engine's thread and those that prepare requests.
pub(crate) struct Model {
    pub(crate) llama: Arc<LlamaModel>,
    pub(crate) name: String,
    pub(crate) context_length: u32,
    pub(crate) template: Option<Template>,
    pub(crate) fill: Option<FillTokens>,
    pub(crate) fingerprint: String,
    pub(crate) embedding_length: u32,
    /// The file names no pooling: means are taken.
    pub(crate) mean_pooling: bool,
    /// A kept prefix can be cut at any place and shared.
    pub(crate) prefixes: bool,
    /// Texts of tokens that steer the model; a client's text must not become one.
    pub(crate) controls: Vec<String>,
    pieces: Vec<u8>,
    piece_ends: Vec<u32>,
    longest_piece: usize,
    end: Vec<bool>,
    adds_bos: bool,
    bos_text: String,
    grammars: OnceLock<Result<ParserFactory, String>>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// llama.cpp is started once for a process, and stays.
fn backend() -> Result<&'static LlamaBackend, GgufLoadError> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    BACKEND
        .get_or_init(|| {
            send_logs_to_tracing(LogOptions::default().with_logs_enabled(false));
            LlamaBackend::init().map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| GgufLoadError::Backend { source: error.clone().into() })
}

fn fingerprint(path: &Path, template: Option<&str>) -> std::io::Result<String> {
    const EDGE: u64 = 1 << 20;
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(template.unwrap_or_default().as_bytes());
    // Both ends say which file it is: the metadata, and the last tensors.
    let mut edge = Vec::new();
    Read::by_ref(&mut file).take(EDGE).read_to_end(&mut edge)?;
    hasher.update(&edge);
    file.seek(SeekFrom::Start(length.saturating_sub(EDGE)))?;
    edge.clear();
    file.take(EDGE).read_to_end(&mut edge)?;
    hasher.update(&edge);
    Ok(format!("fp_{}", hasher.finalize().to_hex().get(..10).unwrap_or_default()))
}

impl Model {
    /// Reads the file.
    pub(crate) fn load(config: &GgufConfig) -> Result<Self, GgufLoadError> {
        let path = &config.model_path;
        let fingerprint = fingerprint(path, config.chat_template.as_deref())
            .map_err(|source| GgufLoadError::Unreadable { path: path.clone(), source })?;
        let params = LlamaModelParams::default().with_n_gpu_layers(config.gpu_layers);
        let llama = LlamaModel::load_from_file(backend()?, path, &params)
            .map_err(|source| GgufLoadError::NoModel { path: path.clone(), source: Box::new(source) })?;

        let template = match &config.chat_template {
            Some(template) => Some(template.clone()),
            None => llama.chat_template(None).ok().and_then(|template| template.to_string().ok()),
        };
        let vocab = llama.vocab();
        let text_of = |token: LlamaToken| {
            String::from_utf8_lossy(&if token.0 < 0 {
                Vec::new()
            } else {
                vocab.token_to_piece(token, true, None)
            })
            .into_owned()
        };
        let bos_text = text_of(vocab.bos());
        let template = template
            .map(|text| Template::new(&text, bos_text.clone(), text_of(vocab.eos())))
            .transpose()
            .map_err(|source| GgufLoadError::Template { source })?;

        let count = usize::try_from(vocab.n_tokens()).unwrap_or(0);
        let (mut pieces, mut piece_ends, mut end) =
            (Vec::new(), Vec::with_capacity(count), Vec::with_capacity(count));
        let (mut controls, mut longest_piece) = (Vec::new(), 1);
        for token in vocab.tokens() {
            let mut piece = vocab.token_to_piece(token, false, None);
            if piece.is_empty() {
                let text = vocab.token_to_piece(token, true, None);
                // Marks of tool calls and of thinking are text to us, even where the file calls them control.
                if grammar::MARKS.iter().any(|mark| mark.as_bytes() == text) {
                    piece = text;
                } else if let Ok(text) = String::from_utf8(text)
                    && !text.is_empty()
                {
                    controls.push(text);
                }
            }
            longest_piece = longest_piece.max(piece.len());
            pieces.extend_from_slice(&piece);
            piece_ends.push(u32::try_from(pieces.len()).unwrap_or(u32::MAX));
            end.push(vocab.is_eog(token));
        }

        let fill = match (vocab.fim_pre().0, vocab.fim_suf().0, vocab.fim_mid().0) {
            (prefix @ 0.., suffix @ 0.., middle @ 0..) => Some(FillTokens {
                prefix: prefix.cast_unsigned(),
                suffix: suffix.cast_unsigned(),
                middle: middle.cast_unsigned(),
            }),
            _ => None,
        };
        let adds_bos = vocab.should_add_bos();
        let trained = llama.n_ctx_train().max(1);
        let architecture = llama.meta_val_str("general.architecture").unwrap_or_default();
        let pooling = llama.meta_val_str(&format!("{architecture}.pooling_type")).ok();
        Ok(Self {
            name: config.model_name.clone(),
            context_length: config.context_length.unwrap_or(4096).clamp(1, trained),
            template,
            fill,
            fingerprint,
            embedding_length: u32::try_from(llama.n_embd_out()).unwrap_or(0),
            mean_pooling: pooling.is_none_or(|pooling| pooling == "0"),
            prefixes: !(llama.is_recurrent() || llama.is_hybrid()),
            controls,
            pieces,
            piece_ends,
            longest_piece,
            end,
            adds_bos,
            bos_text,
            grammars: OnceLock::new(),
            llama: Arc::new(llama),
        })
    }

    /// Tokens in the vocabulary.
    pub(crate) fn n_vocab(&self) -> usize {
        self.piece_ends.len()
    }

    /// The bytes of a token; none for one that steers.
    pub(crate) fn piece(&self, token: Token) -> &[u8] {
        let at = token as usize;
        let end = self.piece_ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).and_then(|at| self.piece_ends.get(at)).map_or(0, |end| *end as usize);
        self.pieces.get(start..end).unwrap_or_default()
    }

    /// Whether the token ends an answer.
    pub(crate) fn is_end(&self, token: Token) -> bool {
        self.end.get(token as usize).copied().unwrap_or(false)
    }

    /// The tokens that end an answer.
    pub(crate) fn ends(&self) -> impl Iterator<Item = Token> + '_ {
        (0..).zip(&self.end).filter(|(_, end)| **end).map(|(token, _)| token)
    }

    /// Fewer tokens than this cannot hold so much text.
    pub(crate) fn fewest_tokens(&self, text: &str) -> u64 {
        (text.len() / self.longest_piece) as u64
    }

    /// Tokens of a plain text: nothing in it steers the model.
    pub(crate) fn tokenize_plain(&self, text: &str, begin: bool) -> Vec<Token> {
        self.tokenize(text, begin && self.adds_bos, false)
    }

    /// Tokens of what a template wrote: its marks steer the model.
    pub(crate) fn tokenize_rendered(&self, rendered: &crate::template::Rendered) -> Vec<Token> {
        let mut tokens = Vec::new();
        for (index, segment) in rendered.segments().enumerate() {
            let begin = index == 0
                && self.adds_bos
                && (self.bos_text.is_empty() || !segment.starts_with(&self.bos_text));
            tokens.append(&mut self.tokenize(segment, begin, true));
        }
        tokens
    }

    fn tokenize(&self, text: &str, add_special: bool, parse_special: bool) -> Vec<Token> {
        if text.is_empty() && !add_special {
            return Vec::new();
        }
        self.llama
            .vocab()
            .tokenize(text.as_bytes(), add_special, parse_special)
            .into_iter()
            .map(|token| token.0.cast_unsigned())
            .collect()
    }

    /// What compiles grammars for this vocabulary; built when first asked for.
    pub(crate) fn grammars(&self) -> Result<&ParserFactory, String> {
        self.grammars.get_or_init(|| grammar::factory(self)).as_ref().map_err(Clone::clone)
    }

    /// Texts of steering tokens, for the token table of grammars.
    pub(crate) fn control_text(&self, token: Token) -> Vec<u8> {
        self.llama.vocab().token_to_piece(LlamaToken(token.cast_signed()), true, None)
    }

    /// The token that every text begins with.
    pub(crate) fn begin_token(&self) -> Option<Token> {
        let token = self.llama.vocab().bos().0;
        (token >= 0).then(|| token.cast_unsigned())
    }

    /// The primary end token.
    pub(crate) fn end_token(&self) -> Option<Token> {
        let vocab = self.llama.vocab();
        [vocab.eot().0, vocab.eos().0].into_iter().find(|token| *token >= 0).map(i32::cast_unsigned)
    }
}

/// Counts how often each token came.
pub(crate) type Counts = HashMap<Token, u32>;
