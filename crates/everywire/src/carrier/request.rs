//! What a request says beside its headers: names in its path, and its query.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A segment of a path, or a value of a query, without its percent signs. None if it is not UTF-8 then.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

/// The values of a query's key, decoded; those that are not UTF-8 are left out.
pub(crate) fn query_values<'q>(query: Option<&'q str>, key: &str) -> impl Iterator<Item = Cow<'q, str>> {
    query.unwrap_or_default().split('&').filter_map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name == key).then(|| decode_form(value)).flatten()
    })
}

/// The pairs of a query, decoded; those that are not UTF-8 are left out.
pub(crate) fn query_pairs(query: Option<&str>) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode_form(name)?, decode_form(value)?))
    })
}

/// In a query a plus stands for a space (URL standard, application/x-www-form-urlencoded).
fn decode_form(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('+') {
        return decode(text);
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_values_of_a_key() {
        let values = |query, key| query_values(Some(query), key).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(values("room=a&room=b%20c&room=d+e&rooms=x&room", "room"), ["a", "b c", "d e", ""]);
        assert_eq!(values("room=%ff&x=1", "room"), Vec::<String>::new(), "not UTF-8");
        assert_eq!(query_values(None, "room").count(), 0);
    }
}
