//! What leaves: entries of the mailbox, as messages.

use std::borrow::Cow;

use everywire_core::{Broadcast, Failure, Item, Outcome, Payload, Reason, Token};

use super::message::Encoding;
use super::server::{SignalR, id_of_ours};
use super::{Ended, Outgoing};
use crate::protocol::{ProtocolForm, meta};
use crate::seam::{Kind, Outbox};

/// The codes of failures that have words of their own here: see the table of errors in the library's `code`.
mod code {
    pub(super) const UNKNOWN_EVENT: i32 = -32601;
    pub(super) const ARGUMENTS: i32 = -32602;
    pub(super) const INTERNAL: i32 = -32603;
    pub(super) const FORBIDDEN: i32 = -32003;
    pub(super) const CALL: i32 = -32004;
}

impl SignalR {
    /// Encodes one thing for the client.
    pub(super) fn say(&mut self, item: &Item, outbox: &mut dyn Outbox) {
        if !self.is_open() && !matches!(item, Item::Wire { .. } | Item::Refused { .. }) {
            return;
        }
        let encoding = self.encoding();
        match item {
            Item::Broadcast { broadcast, meta } => {
                let form = match encoding {
                    Encoding::Json => ProtocolForm::SignalR,
                    Encoding::MsgPack => ProtocolForm::SignalRMsgPack,
                };
                form.encode(broadcast, *meta, outbox);
            }
            Item::Emit { event, payload, ack, .. } => {
                let id = ack.map(id_of_ours);
                invocation(id.as_deref(), event, payload, None).write(encoding, outbox);
            }
            Item::Kept { event, payload, .. } => {
                invocation(None, event, payload, None).write(encoding, outbox);
            }
            Item::Reply { token, outcome } => self.complete(token, outcome, outbox),
            Item::StreamItem { token, payload } => {
                Outgoing::StreamItem { id: &id_of(token, &mut itoa::Buffer::new()), item: payload }
                    .write(encoding, outbox);
            }
            // It hears of it with the goodbye, which comes next.
            Item::Refused { message, .. } => {
                self.detail = Some(format!("{}: {message}", self.options.exception).into());
            }
            // A session is one connection.
            Item::Entered { .. } | Item::Left | Item::Delivery { .. } => {}
            Item::Wire { bytes, text } => {
                let kind = if *text { Kind::Text } else { Kind::Binary };
                outbox.message(kind, bytes.len(), &mut |out| out.extend_from_slice(bytes));
            }
        }
    }

    fn complete(&self, token: &Token, outcome: &Outcome, outbox: &mut dyn Outbox) {
        let mut digits = itoa::Buffer::new();
        let id = id_of(token, &mut digits);
        let error;
        let ended = match outcome {
            Outcome::Ended => Ended::Nothing,
            // .NET's too, where a method gives nothing.
            Outcome::Done(result) => Ended::Result(result),
            Outcome::Failed(failure) => {
                error = self.words(failure);
                Ended::Error(&error)
            }
        };
        Outgoing::Completion { id: &id, ended }.write(self.encoding(), outbox);
    }

    /// What .NET says of such a failure: users compare it.
    fn words(&self, failure: &Failure) -> String {
        let Failure { code, message, event, count, streamed, .. } = failure;
        let detailed = self.options.detailed_errors;
        match *code {
            // Whatever it is: its call was in order.
            code if *streamed => self.in_detail(
                "An error occurred on the server while streaming results.".to_owned(),
                code,
                message,
            ),
            code::UNKNOWN_EVENT => format!("Unknown hub method '{event}'"),
            code::CALL => String::from(&**message),
            code::FORBIDDEN => format!("Failed to invoke '{event}' because user is unauthorized"),
            code::ARGUMENTS => {
                let text = format!("Failed to invoke '{event}' due to an error on the server.");
                match count {
                    _ if !detailed => text,
                    Some((given, expected)) => format!(
                        "{text} InvalidDataException: Invocation provides {given} argument(s) but target expects {expected}."
                    ),
                    None => format!(
                        "{text} InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked. {message}"
                    ),
                }
            }
            code => self.in_detail(
                format!("An unexpected error occurred invoking '{event}' on the server."),
                code,
                message,
            ),
        }
    }

    /// The text of an error, with what a handler says of it: its own words are for the client; what broke is not.
    fn in_detail(&self, text: String, code: i32, message: &str) -> String {
        if code == code::INTERNAL && !self.options.detailed_errors {
            return text;
        }
        let exception = if code == code::INTERNAL { "Exception" } else { &*self.options.exception };
        format!("{text} {exception}: {message}")
    }

    /// The last message: what ended, and whether the client may come back by itself.
    pub(super) fn say_goodbye(&mut self, reason: Reason, outbox: &mut dyn Outbox) {
        let (is_error, allow_reconnect) = match reason {
            Reason::ClientClosed | Reason::ClientLeft | Reason::ServerClosed => (false, false),
            Reason::Shutdown | Reason::Unauthenticated => (false, true),
            Reason::Refused => (true, false),
            _ => (true, true),
        };
        let mut error = is_error.then_some(Cow::Borrowed("Connection closed with an error."));
        // As with a call: the words of a handler are for the client.
        let shown = self.options.detailed_errors || reason == Reason::Refused;
        if let (Some(text), Some(detail)) = (&error, self.detail.as_ref().filter(|_| shown)) {
            error = Some(Cow::Owned(format!("{text} {detail}")));
        }
        Outgoing::Close { error: error.as_deref(), allow_reconnect }.pass(self.encoding(), outbox);
    }
}

/// What the client calls it.
fn id_of<'a>(token: &'a Token, digits: &'a mut itoa::Buffer) -> Cow<'a, str> {
    match token {
        Token::Number(number) => Cow::Borrowed(digits.format(*number)),
        // It was text when it came.
        Token::Text(text) => String::from_utf8_lossy(text),
        Token::Member { group, place } => Cow::Owned(format!("{group}.{place}")),
    }
}

fn invocation<'a>(
    id: Option<&'a str>,
    event: &'a str,
    args: &'a Payload,
    extra: Option<&'a str>,
) -> Outgoing<'a> {
    Outgoing::Invocation { stream: false, id, target: event, args, extra, streams: &[] }
}

/// A broadcast, with meta behind its arguments or without.
pub(in crate::protocol) fn encode(
    encoding: Encoding,
    broadcast: &Broadcast,
    with_meta: bool,
    outbox: &mut dyn Outbox,
) {
    let extra = with_meta.then(|| {
        let mut text = Vec::with_capacity(meta::HINT);
        meta::write(broadcast, &mut text);
        // We wrote it, as JSON.
        String::from_utf8(text).unwrap_or_default()
    });
    let publication = &broadcast.publication;
    invocation(None, &publication.event, &publication.payload, extra.as_deref()).write(encoding, outbox);
}
