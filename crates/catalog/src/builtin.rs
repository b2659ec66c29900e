//! The entries that come with the program.

/// File name and text of every built-in entry.
pub(crate) const ENTRIES: [(&str, &str); 3] = [
    ("gemma-3-270m.toml", include_str!("../models/gemma-3-270m.toml")),
    ("qwen2.5-coder-0.5b-instruct.toml", include_str!("../models/qwen2.5-coder-0.5b-instruct.toml")),
    ("smollm2-135m-instruct.toml", include_str!("../models/smollm2-135m-instruct.toml")),
];

/// File name and text of the templates that they name.
pub(crate) const TEMPLATES: [(&str, &str); 1] =
    [("chatml-tools.jinja", include_str!("../models/chatml-tools.jinja"))];
