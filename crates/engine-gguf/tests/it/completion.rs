use tenfold_protocol::embedding::Input;

use crate::model::{complete, engine, go_on};

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_on_and_can_be_echoed() {
    let engine = engine();
    let plain = go_on(&engine, complete("The capital of France is", 6)).await;
    assert!(plain.choices[0].text.contains("Paris"), "{plain:?}");
    let mut request = complete("The capital of France is", 6);
    request.echo = Some(true);
    let echoed = go_on(&engine, request).await;
    assert_eq!(echoed.choices[0].text, format!("The capital of France is{}", plain.choices[0].text));
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_are_answered_in_their_order_and_tokens_are_texts() {
    let engine = engine();
    let mut request = complete("", 8);
    request.prompt = Input::Texts(vec!["One, two, three,".to_owned(), "A, B, C, D,".to_owned()]);
    request.n = Some(2);
    let answer = go_on(&engine, request).await;
    assert_eq!(answer.choices.len(), 4);
    assert!(answer.choices[0].text.contains("four"), "{answer:?}");
    assert!(answer.choices[3].text.contains('E'), "{answer:?}");
    // Greedy: further answers to one prompt are the same.
    assert_eq!(answer.choices[0].text, answer.choices[1].text);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_probabilities_of_an_echoed_prompt_do_not_depend_on_what_is_cached() {
    let engine = engine();
    let mut request = complete("The quick brown fox jumps over the lazy dog", 0);
    request.echo = Some(true);
    request.logprobs = Some(1);
    let cold = go_on(&engine, request.clone()).await;
    let warm = go_on(&engine, request.clone()).await;
    let of = |answer: &tenfold_protocol::completion::Completion| answer.choices[0].logprobs.clone().unwrap();
    let (cold, warm) = (of(&cold), of(&warm));
    assert_eq!(cold.tokens.concat(), "The quick brown fox jumps over the lazy dog");
    assert_eq!(cold.token_logprobs.len(), cold.tokens.len());
    assert_eq!(cold.token_logprobs[0], None);
    assert_eq!(cold.text_offset[..2], [0, 3]);
    assert_eq!(warm, cold);
    // A saying is likely at its end.
    assert!(cold.token_logprobs.last().unwrap().unwrap() > -1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_prompt_begins_at_the_beginning() {
    let engine = engine();
    let answer = go_on(&engine, complete("", 4)).await;
    assert_eq!(answer.usage.unwrap().prompt_tokens, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_of_several_tokens_come_whole() {
    let engine = engine();
    let answer = go_on(&engine, complete("你好，世界！你好，世界！你好，世界！你好，", 12)).await;
    let text = &answer.choices[0].text;
    assert!(text.starts_with('世'), "{text}");
    // The last character may be cut by the limit, none before it.
    assert!(!text.trim_end_matches('\u{FFFD}').contains('\u{FFFD}'), "{text}");
}
