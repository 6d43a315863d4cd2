//! What comes in: packets, as the driver is to understand them.

use std::borrow::Cow;

use everywire_core::admission::MAX_NAME;
use everywire_core::{PayloadRef, Token};

use super::connections::{NotOpened, State};
use super::packet::{Body, CONNECT_ERROR, Packet};
use super::write::{Data, Outgoing};
use super::{End, Fault, INVALID_NAMESPACE, Revision, SocketIo, hello, refusal};
use crate::protocol::{Output, Outputs, Resume};
use crate::seam::Kind;

impl SocketIo {
    /// The end.
    pub(super) fn close(&mut self, fault: Fault, out: &mut Outputs<'_>) {
        self.end = End::Closed;
        out.push(Output::Close { reason: fault.reason, fault: fault.what });
    }

    /// Understands one packet.
    pub(super) fn heard<'a>(&mut self, packet: Packet<'a>, out: &mut Outputs<'a>) -> Result<(), Fault> {
        let (namespace, query) = match self.revision {
            Revision::Five => (packet.namespace, None),
            Revision::Four => without_query(packet.namespace),
        };
        let body = match packet.body {
            Body::Connect(auth) => {
                let (auth, resume) = match self.revision {
                    Revision::Four => {
                        (query.map_or_else(PayloadRef::empty, |query| hello::auth(&query)), None)
                    }
                    Revision::Five => {
                        let resume = hello::resume(&auth);
                        (auth, resume)
                    }
                };
                return self.connect(namespace, auth, resume, out);
            }
            Body::ConnectError(_) => {
                return Err(Fault::new("a CONNECT_ERROR packet, which only servers send"));
            }
            body => body,
        };
        let Some(connection) = self.connections.to(&namespace) else {
            return Err(Fault::new(format!("a packet for {}, which was not joined", quoted(&namespace))));
        };
        let slot = connection.slot;
        if matches!(connection.state, State::Ended) {
            out.push(Output::Ignored(Cow::Borrowed("a packet that crossed with the end of its connection")));
            return Ok(());
        }
        out.push(match body {
            Body::Event { name, args, id } => {
                Output::Event { slot, name, args, token: id.map(Token::Number) }
            }
            Body::Ack { id: Some(id), args } => Output::Answer { slot, id, answer: Ok(args) },
            Body::Ack { id: None, .. } => Output::Ignored(Cow::Borrowed("an answer without id")),
            Body::Disconnect => {
                self.connections.leave(slot);
                Output::Disconnect { slot }
            }
            Body::Nothing(what) => Output::Ignored(Cow::Borrowed(what)),
            Body::Connect(_) | Body::ConnectError(_) => unreachable!("dealt with above"),
        });
        Ok(())
    }

    /// The client wants into a namespace.
    pub(super) fn connect<'a>(
        &mut self,
        namespace: Cow<'a, str>,
        auth: PayloadRef<'a>,
        resume: Option<Resume<'a>>,
        out: &mut Outputs<'a>,
    ) -> Result<(), Fault> {
        if namespace.len() > MAX_NAME {
            let why = format!("a namespace of {} bytes, at most {MAX_NAME} are allowed", namespace.len());
            self.refuse(&namespace, INVALID_NAMESPACE, why, out);
            return Ok(());
        }
        match self.connections.open(&namespace, self.options.namespaces) {
            Ok(slot) => out.push(Output::Connect { slot, namespace, id: None, auth, resume }),
            Err(NotOpened::Full) => {
                let most = self.options.namespaces;
                let why = format!("too many namespaces in one session, at most {most} are allowed");
                self.refuse(&namespace, &why.clone(), why, out);
            }
            Err(NotOpened::Twice) => {
                return Err(Fault::new(format!(
                    "CONNECT to {}, which was joined before",
                    quoted(&namespace)
                )));
            }
            Err(NotOpened::Exhausted) => return Err(Fault::new("more than 2^32 CONNECT packets")),
        }
        Ok(())
    }

    /// Answers a CONNECT without asking anybody.
    fn refuse(&self, namespace: &str, message: &str, why: String, out: &mut Outputs<'_>) {
        let error = refusal::of_connect(self.revision, message, None);
        let packet = Outgoing { kind: CONNECT_ERROR, namespace, id: None, data: Data::Value(&error) };
        let (mut said, mut of_kind) = (Vec::new(), Kind::Text);
        packet.write(self.options.parser, &mut |kind, bytes: &[u8]| {
            of_kind = kind;
            said.extend_from_slice(bytes);
        });
        out.push(Output::Send { bytes: said, kind: of_kind, fault: Some(why.into()) });
    }
}

/// A namespace as protocol 4 names it, and the query behind it.
fn without_query(namespace: Cow<'_, str>) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    match namespace {
        Cow::Borrowed(namespace) => match namespace.split_once('?') {
            Some((namespace, query)) => (namespace.into(), Some(query.into())),
            None => (namespace.into(), None),
        },
        Cow::Owned(mut namespace) => {
            let at = namespace.find('?');
            let query = at.map(|at| namespace.split_off(at)[1..].to_owned().into());
            (namespace.into(), query)
        }
    }
}

/// The beginning of what the peer wrote, for the log.
fn quoted(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}
