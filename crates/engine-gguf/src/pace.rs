//! How much to compute in one step, and with how many threads, from what the last steps took.
//!
//! llama.cpp's threads meet at barriers and spin there. When another process takes one of their cores for a
//! moment, all the others burn theirs until it is back: on a busy machine two threads were seen to decode at
//! a quarter of the speed of one. So fewer threads are tried now and then, and kept while they are faster.

use std::time::Duration;

/// How long a step may take while answers are under way.
const BESIDE: Duration = Duration::from_millis(250);
/// How long it may take otherwise: new requests are seen between steps.
const ALONE: Duration = Duration::from_secs(1);
/// Prompt tokens in a step at least.
const FEWEST: usize = 64;
/// Steps between two trials of another number of threads, and at most.
const TRIAL: u32 = 100;
const TRIAL_MOST: u32 = 1600;
/// Steps of a trial; the best of them counts, since the first one wakes sleeping threads.
const TRIAL_STEPS: u32 = 3;

/// Batches of like size share a figure: 1, 2, 3 to 4, 5 to 8 tokens, and so on.
fn class(n_tokens: usize) -> usize {
    (usize::BITS - n_tokens.saturating_sub(1).leading_zeros()) as usize
}

/// Seconds that a step took, for each class of batches; the latest count most.
#[derive(Debug, Clone, Default)]
struct Costs(Vec<Option<f64>>);

impl Costs {
    fn note(&mut self, n_tokens: usize, seconds: f64) {
        let class = class(n_tokens);
        if self.0.len() <= class {
            self.0.resize(class + 1, None);
        }
        let cost = self.0[class].get_or_insert(seconds);
        *cost += 0.25 * (seconds - *cost);
    }

    fn of(&self, n_tokens: usize) -> Option<f64> {
        self.0.get(class(n_tokens)).copied().flatten()
    }
}

/// Another number of threads, for a few steps.
#[derive(Debug, Clone, Copy)]
struct Trial {
    which: usize,
    steps: u32,
    /// The best step's seconds beside those of its like with the chosen number.
    ratio: f64,
}

/// Chooses the size of steps and the number of threads.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Most first.
    threads: Vec<u32>,
    /// With the chosen number.
    costs: Costs,
    chosen: usize,
    trying: Option<Trial>,
    until_trial: u32,
    interval: u32,
    try_more: bool,
    /// Seconds for each prompt token.
    prompt_token: Option<f64>,
}

impl Pace {
    /// At most so many threads.
    pub(crate) fn new(most: u32) -> Self {
        let threads: Vec<u32> =
            std::iter::successors(Some(most.max(1)), |n| (*n > 1).then(|| n / 2)).collect();
        Self {
            threads,
            costs: Costs::default(),
            chosen: 0,
            trying: None,
            until_trial: TRIAL,
            interval: TRIAL,
            try_more: false,
            prompt_token: None,
        }
    }

    /// Threads for the next step.
    pub(crate) fn threads(&self) -> u32 {
        self.threads[self.trying.map_or(self.chosen, |trial| trial.which)]
    }

    /// Prompt tokens for the next step, at most `most`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a small positive range"
    )]
    pub(crate) fn prompt_tokens(&self, beside: bool, most: usize) -> usize {
        let limit = if beside { BESIDE } else { ALONE };
        match self.prompt_token {
            Some(cost) if cost > 0.0 => {
                let fits = (limit.as_secs_f64() / cost).min(1e6) as usize;
                fits.clamp(FEWEST.min(most), most)
            }
            _ => most.min(64),
        }
    }

    /// Notes a step of `n_tokens` tokens, of which `n_prompt` were of prompts.
    #[expect(clippy::cast_precision_loss, reason = "batches are small")]
    pub(crate) fn note(&mut self, n_tokens: usize, n_prompt: usize, took: Duration) {
        let seconds = took.as_secs_f64();
        if n_prompt >= FEWEST {
            let cost = seconds / n_tokens as f64;
            let known = self.prompt_token.get_or_insert(cost);
            *known += 0.5 * (cost - *known);
        }
        if self.threads.len() == 1 {
            return;
        }
        if let Some(mut trial) = self.trying.take() {
            if let Some(usual) = self.costs.of(n_tokens) {
                trial.ratio = trial.ratio.min(seconds / usual);
            }
            trial.steps -= 1;
            if trial.steps > 0 {
                self.trying = Some(trial);
                return;
            }
            if trial.ratio < 0.95 {
                self.chosen = trial.which;
                self.costs = Costs::default();
                self.interval = TRIAL;
            } else {
                self.interval = (self.interval * 2).min(TRIAL_MOST);
            }
            self.until_trial = self.interval;
            return;
        }
        self.costs.note(n_tokens, seconds);
        self.until_trial = self.until_trial.saturating_sub(1);
        // Steps are compared with their like, so a trial waits until its like is known.
        if self.until_trial == 0 && n_prompt == 0 {
            let (fewer, more) = (self.chosen + 1, self.chosen.wrapping_sub(1));
            let which = match (self.threads.get(fewer), self.threads.get(more)) {
                (Some(_), Some(_)) => {
                    self.try_more = !self.try_more;
                    Some(if self.try_more { more } else { fewer })
                }
                (Some(_), None) => Some(fewer),
                (None, Some(_)) => Some(more),
                (None, None) => None,
            };
            self.trying = which.map(|which| Trial { which, steps: TRIAL_STEPS, ratio: f64::INFINITY });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs steps of one token; `cost` says what a step takes with so many threads.
    fn run(pace: &mut Pace, steps: usize, cost: impl Fn(u32) -> u64) -> usize {
        (0..steps)
            .filter(|_| {
                let threads = pace.threads();
                pace.note(1, 0, Duration::from_micros(cost(threads)));
                threads == 1
            })
            .count()
    }

    #[test]
    fn trials_cost_little_where_all_threads_are_best() {
        let mut pace = Pace::new(2);
        let slow = run(&mut pace, 2000, |threads| if threads == 2 { 10 } else { 20 });
        assert!(slow <= 15, "{slow}");
    }

    #[test]
    fn fewer_threads_are_kept_while_they_are_faster_and_left_when_they_are_not() {
        let mut pace = Pace::new(2);
        let alone = run(&mut pace, 1000, |threads| if threads == 2 { 60 } else { 15 });
        assert!(alone > 850, "{alone}");
        run(&mut pace, 2000, |threads| if threads == 2 { 8 } else { 15 });
        assert_eq!(pace.threads(), 2);
    }

    #[test]
    fn prompts_come_in_pieces_that_take_a_quarter_of_a_second() {
        let mut pace = Pace::new(1);
        for _ in 0..8 {
            pace.note(256, 256, Duration::from_millis(2560));
        }
        assert_eq!(pace.prompt_tokens(true, 256), 64);
        assert!((95..=105).contains(&pace.prompt_tokens(false, 512)));
        let mut fast = Pace::new(1);
        fast.note(256, 256, Duration::from_millis(25));
        assert_eq!(fast.prompt_tokens(true, 256), 256);
    }
}
