use super::*;

#[test]
fn headers_are_those_of_the_openai_api() {
    let level = |limit, remaining, reset| Some(Level { limit, remaining, reset: Duration::from_secs(reset) });
    let state = RateLimitState { requests: level(60, 59, 1), tokens: level(600, 500, 10) };
    let headers: Vec<_> = state.headers().collect();
    let expected = [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-limit-tokens", "600"),
        ("x-ratelimit-remaining-tokens", "500"),
        ("x-ratelimit-reset-tokens", "10s"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(RateLimitState::default().headers().count(), 0);
}

#[test]
fn durations_are_written_as_clients_know_them() {
    let cases = [(0, "0ms"), (17, "17ms"), (8_640, "8.64s"), (60_000, "1m0s"), (361_500, "6m1.5s")];
    for (ms, text) in cases {
        assert_eq!(written(Duration::from_millis(ms)), text);
    }
    assert_eq!(written(Duration::from_nanos(1)), "1ms", "a wait is never told as none");
}
