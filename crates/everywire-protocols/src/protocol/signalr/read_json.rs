//! Messages in JSON, read. The order of members does not matter, and unknown ones are left alone; one written twice counts
//! as written last.

use std::borrow::Cow;

use everywire_core::PayloadRef;
use everywire_core::payload::json::{self, Elements, RawJson};

use super::message::{Args, Completed, Fault, HubMessage, Invocation};

/// The members that count.
#[derive(Default)]
struct Parts<'a> {
    kind: Option<RawJson<'a>>,
    id: Option<RawJson<'a>>,
    target: Option<RawJson<'a>>,
    arguments: Option<RawJson<'a>>,
    streams: Option<RawJson<'a>>,
    item: Option<RawJson<'a>>,
    result: Option<RawJson<'a>>,
    error: Option<RawJson<'a>>,
    sequence: Option<RawJson<'a>>,
    allow_reconnect: Option<RawJson<'a>>,
}

/// The message that a record is.
pub(super) fn message(text: &str) -> Result<HubMessage<'_>, Fault> {
    let mut parts = Parts::default();
    json::members(text, |name, value| {
        let part = match name {
            "type" => &mut parts.kind,
            "invocationId" => &mut parts.id,
            "target" => &mut parts.target,
            "arguments" => &mut parts.arguments,
            "streamIds" => &mut parts.streams,
            "item" => &mut parts.item,
            "result" => &mut parts.result,
            "error" => &mut parts.error,
            "sequenceId" => &mut parts.sequence,
            "allowReconnect" => &mut parts.allow_reconnect,
            _ => return Ok(()),
        };
        *part = Some(value);
        Ok::<_, Fault>(())
    })?;
    let kind = integer("type", required("type", parts.kind)?)?;
    Ok(match kind {
        1 => HubMessage::Invocation(parts.invocation()?),
        2 => HubMessage::StreamItem { id: parts.id()?, item: value(required("item", parts.item)?) },
        3 => HubMessage::Completion { id: parts.id()?, outcome: parts.outcome()? },
        4 => {
            parts.id()?;
            HubMessage::StreamInvocation(parts.invocation()?)
        }
        5 => HubMessage::CancelInvocation { id: parts.id()? },
        6 => HubMessage::Ping,
        7 => HubMessage::Close {
            error: optional_text("error", parts.error)?,
            allow_reconnect: match parts.allow_reconnect.map(|value| value.text()) {
                Some("true") => true,
                Some("false") | None => false,
                Some(_) => return Err(wrong_type("allowReconnect", "Boolean")),
            },
        },
        8 => HubMessage::Ack { sequence: parts.sequence()? },
        9 => HubMessage::Sequence { sequence: parts.sequence()? },
        unknown => HubMessage::Unknown(unknown),
    })
}

impl<'a> Parts<'a> {
    /// An id that there must be. One that is empty is none.
    fn id(&self) -> Result<Cow<'a, str>, Fault> {
        let id = optional_text("invocationId", self.id)?.filter(|id| !id.is_empty());
        id.ok_or_else(|| missing("invocationId"))
    }

    fn invocation(&self) -> Result<Invocation<'a>, Fault> {
        let target = text("target", required("target", self.target)?)?;
        let arguments = required("arguments", self.arguments)?;
        if !arguments.is_array() {
            return Err(wrong_type("arguments", "Array"));
        }
        let id = optional_text("invocationId", self.id)?.filter(|id| !id.is_empty());
        let streams = match self.streams.filter(|streams| !streams.is_null()) {
            None => Vec::new(),
            Some(streams) if streams.is_array() => {
                let ids = Elements::parse(streams.text())?;
                ids.map(|id| text("streamIds", id?)).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(wrong_type("streamIds", "Array")),
        };
        Ok(Invocation { id, target, args: PayloadRef::from_elements(arguments), streams })
    }

    fn outcome(&self) -> Result<Completed<'a>, Fault> {
        // `"error":null` is no error.
        match (optional_text("error", self.error)?, self.result) {
            (Some(_), Some(_)) => {
                Err(Fault::malformed("The 'error' and 'result' properties are mutually exclusive."))
            }
            (Some(error), None) => Ok(Completed::Error(error)),
            (None, Some(result)) => Ok(Completed::Result(value(result))),
            (None, None) => Ok(Completed::Nothing),
        }
    }

    fn sequence(&self) -> Result<u64, Fault> {
        integer("sequenceId", required("sequenceId", self.sequence)?)
    }
}

fn value(value: RawJson<'_>) -> Args<'_> {
    PayloadRef::from_value(value)
}

pub(super) fn required<'a>(name: &str, value: Option<RawJson<'a>>) -> Result<RawJson<'a>, Fault> {
    value.ok_or_else(|| missing(name))
}

pub(super) fn text<'a>(name: &str, value: RawJson<'a>) -> Result<Cow<'a, str>, Fault> {
    value.as_str().ok_or_else(|| wrong_type(name, "String"))
}

fn optional_text<'a>(name: &str, value: Option<RawJson<'a>>) -> Result<Option<Cow<'a, str>>, Fault> {
    value.filter(|value| !value.is_null()).map(|value| text(name, value)).transpose()
}

pub(super) fn integer(name: &str, value: RawJson<'_>) -> Result<u64, Fault> {
    value.text().parse().map_err(|_| wrong_type(name, "Number"))
}

fn missing(name: &str) -> Fault {
    Fault::malformed(format!("Missing required property '{name}'."))
}

fn wrong_type(name: &str, expected: &str) -> Fault {
    Fault::malformed(format!("Expected '{name}' to be of type {expected}."))
}
