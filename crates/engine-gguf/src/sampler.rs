//! Choosing the next token from the raw logits.
//!
//! Order, as in the API's documentation and among open engines: bias, penalties, grammar, temperature,
//! `top_k`, `top_p`, `min_p`. Nothing is sorted but what `top_p` needs; temperature zero is a plain maximum.

use crate::ffi::Token;
use crate::model::Counts;

/// A token's log-probability, and those of the likeliest at its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TokenChance {
    pub(crate) token: Token,
    pub(crate) logprob: f32,
    pub(crate) top: Vec<(Token, f32)>,
}

/// How to choose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sampling {
    /// 0..=2; zero is greedy.
    pub(crate) temperature: f32,
    /// 0..=1.
    pub(crate) top_p: f32,
    /// Zero keeps all.
    pub(crate) top_k: usize,
    /// 0..=1.
    pub(crate) min_p: f32,
    pub(crate) seed: u64,
    pub(crate) bias: Vec<(Token, f32)>,
    pub(crate) frequency_penalty: f32,
    pub(crate) presence_penalty: f32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            seed: 0,
            bias: Vec::new(),
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
        }
    }
}

/// Chooses the tokens of one answer.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    state: u64,
    counts: Counts,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self { state: sampling.seed, sampling, counts: Counts::new() }
    }

    /// Whether the raw logits are to be changed before a choice.
    pub(crate) fn changes_logits(&self) -> bool {
        !self.sampling.bias.is_empty() || (self.has_penalty() && !self.counts.is_empty())
    }

    fn has_penalty(&self) -> bool {
        self.sampling.frequency_penalty != 0.0 || self.sampling.presence_penalty != 0.0
    }

    /// Adds bias and penalties.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^24")]
    pub(crate) fn change_logits(&self, logits: &mut [f32]) {
        for (token, bias) in &self.sampling.bias {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit += bias;
            }
        }
        if self.has_penalty() {
            for (token, count) in &self.counts {
                if let Some(logit) = logits.get_mut(*token as usize) {
                    *logit -=
                        self.sampling.frequency_penalty * *count as f32 + self.sampling.presence_penalty;
                }
            }
        }
    }

    /// Notes a token as generated.
    pub(crate) fn accept(&mut self, token: Token) {
        if self.has_penalty() {
            *self.counts.entry(token).or_insert(0) += 1;
        }
    }

    /// Chooses; nothing when every logit is minus infinity or no number.
    pub(crate) fn choose(&mut self, logits: &[f32], weights: &mut Vec<f32>) -> Option<Token> {
        let (best, max) = maximum(logits)?;
        let temperature = self.sampling.temperature;
        // Below this the second best has no chance that a float could hold, and division would overflow.
        if temperature < 1e-4 {
            return Some(best);
        }
        weights.clear();
        let scale = temperature.recip();
        weights.extend(logits.iter().map(|logit| exp((logit - max) * scale)));
        let Sampling { top_p, top_k, min_p, .. } = self.sampling;
        if top_p >= 1.0 && top_k == 0 && min_p <= 0.0 {
            let total = sum(weights);
            return Some(pick(weights.iter().copied().zip(0..), total * self.uniform(), best));
        }
        let mut kept: Vec<(f32, Token)> =
            weights.iter().copied().zip(0..).filter(|(weight, _)| *weight > 0.0).collect();
        if top_k > 0 && top_k < kept.len() {
            kept.select_nth_unstable_by(top_k - 1, likelier);
            kept.truncate(top_k);
        }
        if top_p < 1.0 {
            keep_nucleus(&mut kept, top_p);
        }
        if min_p > 0.0 {
            // The likeliest weighs one.
            kept.retain(|(weight, _)| *weight >= min_p);
        }
        let total: f64 = kept.iter().map(|(weight, _)| f64::from(*weight)).sum();
        Some(pick(kept.into_iter(), total * self.uniform(), best))
    }

    /// 0..1, from `SplitMix64`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that sorting asks for")]
fn likelier(a: &(f32, Token), b: &(f32, Token)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Keeps the fewest likeliest that weigh `share` of all together, at least one.
fn keep_nucleus(kept: &mut Vec<(f32, Token)>, share: f32) {
    let goal = f64::from(share) * kept.iter().map(|(weight, _)| f64::from(*weight)).sum::<f64>();
    let mut sorted = 0;
    let mut weight = 0.0;
    let mut step = 64;
    while sorted < kept.len() {
        let rest = &mut kept[sorted..];
        let take = step.min(rest.len());
        if take < rest.len() {
            rest.select_nth_unstable_by(take - 1, likelier);
        }
        rest[..take].sort_unstable_by(likelier);
        for at in sorted..sorted + take {
            weight += f64::from(kept[at].0);
            if weight >= goal {
                kept.truncate(at + 1);
                return;
            }
        }
        sorted += take;
        step *= 4;
    }
}

fn pick(weights: impl Iterator<Item = (f32, Token)>, mut left: f64, otherwise: Token) -> Token {
    let mut last = otherwise;
    for (weight, token) in weights {
        if weight > 0.0 {
            left -= f64::from(weight);
            last = token;
            if left < 0.0 {
                return token;
            }
        }
    }
    last
}

/// The first largest logit, unless all are minus infinity or no number.
#[expect(clippy::cast_possible_truncation, reason = "vocabularies are below 2^32")]
pub(crate) fn maximum(logits: &[f32]) -> Option<(Token, f32)> {
    // Two passes, since a maximum alone is one vector instruction for sixteen logits.
    let mut lanes = [f32::NEG_INFINITY; 16];
    let (chunks, rest) = logits.as_chunks::<16>();
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane = if *logit > *lane { *logit } else { *lane };
        }
    }
    let max = lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    if max == f32::NEG_INFINITY {
        return None;
    }
    #[expect(clippy::float_cmp, reason = "it is one of them")]
    let at = logits.iter().position(|logit| *logit == max)?;
    Some((at as Token, max))
}

/// `e^x` for `x <= 0`, to one part in ten million, in operations that the compiler makes vectors of.
/// Below -87 it is zero. Source: Cephes `expf`.
#[expect(
    clippy::excessive_precision,
    clippy::cast_possible_truncation,
    clippy::many_single_char_names,
    reason = "the published coefficients; a clamped range"
)]
fn exp(x: f32) -> f32 {
    let clamped = if x > -87.0 { x } else { -87.0 };
    let n = (clamped * std::f32::consts::LOG2_E + 0.5).floor();
    let r = n.mul_add(2.121_944_40e-4, n.mul_add(-0.693_359_375, clamped));
    let mut p = 1.987_569_15e-4_f32;
    p = p.mul_add(r, 1.398_199_95e-3);
    p = p.mul_add(r, 8.333_451_9e-3);
    p = p.mul_add(r, 4.166_579_6e-2);
    p = p.mul_add(r, 1.666_666_55e-1);
    p = p.mul_add(r, 5.000_000_1e-1);
    let y = p.mul_add(r * r, r) + 1.0;
    let power = f32::from_bits(((n as i32 + 127).cast_unsigned()) << 23);
    if x > -87.0 { y * power } else { 0.0 }
}

/// The sum, in double precision past blocks of 64.
fn sum(weights: &[f32]) -> f64 {
    weights.chunks(64).map(|chunk| f64::from(chunk.iter().sum::<f32>())).sum()
}

/// What [`chance`] needs of a place: the logarithm of the sum of exponentials.
#[expect(clippy::cast_possible_truncation, reason = "log-probabilities are given as f32")]
fn log_total(logits: &[f32], weights: &mut Vec<f32>) -> f32 {
    let Some((_, max)) = maximum(logits) else { return 0.0 };
    weights.clear();
    weights.extend(logits.iter().map(|logit| exp(logit - max)));
    (f64::from(max) + sum(weights).ln()) as f32
}

/// The log-probability of `token` and of the `count` likeliest, from raw logits.
pub(crate) fn chance(logits: &[f32], token: Token, count: usize, weights: &mut Vec<f32>) -> TokenChance {
    let total = log_total(logits, weights);
    let mut top: Vec<(Token, f32)> = Vec::with_capacity(count + 1);
    if count > 0 {
        let mut least = f32::NEG_INFINITY;
        for (candidate, logit) in (0..).zip(logits.iter().copied()) {
            if top.len() < count || logit > least {
                let at = top.partition_point(|(_, other)| *other >= logit);
                top.insert(at, (candidate, logit));
                top.truncate(count);
                least = top.last().map_or(f32::NEG_INFINITY, |(_, logit)| *logit);
            }
        }
    }
    for (_, logit) in &mut top {
        *logit -= total;
    }
    let logprob = logits.get(token as usize).map_or(f32::NEG_INFINITY, |logit| logit - total);
    TokenChance { token, logprob, top }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampler(sampling: Sampling) -> Sampler {
        Sampler::new(sampling)
    }

    /// The plain way: everything in double precision, everything sorted.
    fn reference(logits: &[f32], sampling: &Sampling) -> Vec<f64> {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> =
            logits.iter().map(|l| (f64::from(l - max) / f64::from(sampling.temperature)).exp()).collect();
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));
        if sampling.top_k > 0 {
            order.truncate(sampling.top_k);
        }
        let total: f64 = order.iter().map(|at| weights[*at]).sum();
        let mut cumulated = 0.0;
        let mut kept = Vec::new();
        for at in order {
            kept.push(at);
            cumulated += weights[at];
            if sampling.top_p < 1.0 && cumulated >= f64::from(sampling.top_p) * total {
                break;
            }
        }
        kept.retain(|at| weights[*at] >= f64::from(sampling.min_p));
        let total: f64 = kept.iter().map(|at| weights[*at]).sum();
        let mut chances = vec![0.0; logits.len()];
        for at in kept {
            chances[at] = weights[at] / total;
        }
        chances
    }

    #[test]
    fn temperature_zero_takes_the_first_largest() {
        let mut greedy = sampler(Sampling { temperature: 0.0, ..Sampling::default() });
        assert_eq!(greedy.choose(&[0.5, 2.0, 2.0, -1.0], &mut Vec::new()), Some(1));
    }

    #[test]
    fn nothing_is_chosen_where_nothing_is_possible() {
        let mut any = sampler(Sampling::default());
        assert_eq!(any.choose(&[f32::NEG_INFINITY; 20], &mut Vec::new()), None);
        assert_eq!(any.choose(&[f32::NAN; 20], &mut Vec::new()), None);
    }

    #[test]
    fn shares_of_many_draws_are_the_probabilities() {
        let logits: Vec<f32> = (0..40_u8).map(|i| f32::from(i % 7) * 0.7 - f32::from(i) * 0.05).collect();
        for sampling in [
            Sampling { seed: 1, ..Sampling::default() },
            Sampling { seed: 2, temperature: 0.6, top_p: 0.8, ..Sampling::default() },
            Sampling { seed: 3, temperature: 1.5, top_k: 9, min_p: 0.2, ..Sampling::default() },
        ] {
            let expected = reference(&logits, &sampling);
            let mut drawn = vec![0_u32; logits.len()];
            let mut sampler = sampler(sampling);
            let mut weights = Vec::new();
            for _ in 0..100_000 {
                drawn[sampler.choose(&logits, &mut weights).unwrap() as usize] += 1;
            }
            for (at, (count, chance)) in drawn.iter().zip(&expected).enumerate() {
                let share = f64::from(*count) / 100_000.0;
                assert!((share - chance).abs() < 0.008, "token {at}: {share} against {chance}");
                assert!(*count == 0 || *chance > 0.0, "token {at} was filtered out and came");
            }
        }
    }

    #[test]
    fn penalties_count_what_was_generated() {
        let mut sampler =
            sampler(Sampling { frequency_penalty: 0.5, presence_penalty: 1.0, ..Sampling::default() });
        assert!(!sampler.changes_logits());
        sampler.accept(1);
        sampler.accept(1);
        let mut logits = [0.0, 0.0, 0.0];
        sampler.change_logits(&mut logits);
        assert_eq!(logits.map(f32::to_bits), [0.0_f32, -2.0, 0.0].map(f32::to_bits));
    }

    proptest! {
        #[test]
        fn exp_is_exact_to_one_part_in_ten_million(x in -86.0_f32..0.0) {
            let exact = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2.5e-7);
        }

        #[test]
        fn only_what_the_filters_keep_is_chosen(
            logits in proptest::collection::vec(-20.0_f32..20.0, 1..600),
            temperature in 0.05_f32..2.0, top_p in 0.01_f32..1.0, top_k in 0_usize..50, min_p in 0.0_f32..1.0, seed: u64,
        ) {
            let sampling = Sampling { temperature, top_p, top_k, min_p, seed, ..Sampling::default() };
            // A hair wider, since a sum in another order may round to the other side of the border.
            let wide = Sampling { top_p: (top_p + 1e-5).min(1.0), min_p: (min_p - 1e-5).max(0.0), ..sampling.clone() };
            let allowed = reference(&logits, &wide);
            let token = sampler(sampling).choose(&logits, &mut Vec::new()).unwrap();
            prop_assert!(allowed[token as usize] > 0.0);
        }

        #[test]
        fn the_maximum_is_the_maximum(logits in proptest::collection::vec(-20.0_f32..20.0, 1..100)) {
            let (at, max) = maximum(&logits).unwrap();
            prop_assert_eq!(logits[at as usize].to_bits(), max.to_bits());
            prop_assert!(logits.iter().all(|logit| *logit <= max));
        }

        #[test]
        fn log_probabilities_sum_to_one_and_the_top_is_sorted(logits in proptest::collection::vec(-30.0_f32..30.0, 21..300)) {
            let mut weights = Vec::new();
            let sum: f64 = (0..u32::try_from(logits.len()).unwrap())
                .map(|token| f64::from(chance(&logits, token, 0, &mut weights).logprob).exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-4);
            let top = chance(&logits, 0, 20, &mut weights).top;
            prop_assert_eq!(top.len(), 20);
            prop_assert!(top.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        }
    }
}
