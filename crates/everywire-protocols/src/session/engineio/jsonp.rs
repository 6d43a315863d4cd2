//! Polling with scripts and forms, from before CORS: an answer is a call with a string, a body a form with one field.

use percent_encoding::percent_decode_str;

/// A body as a script that calls the client's function of this number.
pub(super) fn script(index: u32, body: &str) -> Vec<u8> {
    // JSON is JavaScript, except for these two, which end a line there.
    let literal = serde_json::Value::from(body)
        .to_string()
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    format!("___eio[{index}]({literal});").into_bytes()
}

/// The body that a form holds in its field `d`.
pub(super) fn body(form: &str) -> Option<String> {
    let field = form.split('&').find_map(|field| field.strip_prefix("d="))?;
    let spaced = field.replace('+', " ");
    let escaped = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(unescape(&escaped))
}

/// Browsers write line breaks in forms their own way, so clients write `\n` for one, and one more `\` before
/// a `\n` that was there.
fn unescape(escaped: &str) -> String {
    let mut out = String::with_capacity(escaped.len());
    for char in escaped.chars() {
        if char == 'n' && out.ends_with('\\') {
            out.pop();
            out.push(if out.ends_with('\\') { 'n' } else { '\n' });
        } else {
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
#[path = "jsonp_tests.rs"]
mod tests;
