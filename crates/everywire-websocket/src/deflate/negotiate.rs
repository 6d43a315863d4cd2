//! Agreeing on permessage-deflate (RFC 7692, sections 5 and 7.1): offers and answers as header values.

use std::fmt::Write;

use super::{DeflateOptions, DeflateParams, Direction};
use crate::handshake::extension::{Extension, Param};

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The largest window of DEFLATE, and the one that counts where no parameter speaks of it.
const MAX_WINDOW_BITS: u8 = 15;

/// The parameters of one offer or answer as they were written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// The inner `None` is a parameter without value: only in offers.
    client_max_window_bits: Option<Option<u8>>,
}

impl Written {
    /// `None` if a parameter is unknown, comes twice, or has a value that it may not have: then this offer is to be
    /// declined, and this answer invalid (section 7.1).
    fn read(params: &[Param<'_>]) -> Option<Self> {
        let mut written = Self::default();
        for param in params {
            match (param.name, param.value) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) if !written.server_no_context_takeover => {
                    written.server_no_context_takeover = true;
                }
                (CLIENT_NO_CONTEXT_TAKEOVER, None) if !written.client_no_context_takeover => {
                    written.client_no_context_takeover = true;
                }
                (SERVER_MAX_WINDOW_BITS, Some(bits)) if written.server_max_window_bits.is_none() => {
                    written.server_max_window_bits = Some(window_bits(bits)?);
                }
                (CLIENT_MAX_WINDOW_BITS, value) if written.client_max_window_bits.is_none() => {
                    written.client_max_window_bits = Some(match value {
                        Some(bits) => Some(window_bits(bits)?),
                        None => None,
                    });
                }
                _ => return None,
            }
        }
        Some(written)
    }
}

/// A decimal number from 8 to 15 without leading zeros.
fn window_bits(value: &str) -> Option<u8> {
    Some(match value {
        "8" => 8,
        "9" => 9,
        "10" => 10,
        "11" => 11,
        "12" => 12,
        "13" => 13,
        "14" => 14,
        "15" => 15,
        _ => return None,
    })
}

/// The server's choice among a client's offers: the first that is acceptable, and the header value that answers it.
pub(crate) fn accept(offers: &[Extension<'_>], options: &DeflateOptions) -> Option<(DeflateParams, String)> {
    let offer =
        offers.iter().filter(|offer| offer.name == NAME).find_map(|offer| Written::read(&offer.params))?;
    let server_bits = options.server_max_window_bits.clamp(8, 15);
    let client_bits = options.client_max_window_bits.clamp(8, 15);
    let params = DeflateParams {
        server: Direction {
            window_bits: offer.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS).min(server_bits),
            context_takeover: !(offer.server_no_context_takeover || options.server_no_context_takeover),
        },
        client: Direction {
            // A client that does not mention it does not understand it either (section 7.1.2.2).
            window_bits: offer
                .client_max_window_bits
                .map_or(MAX_WINDOW_BITS, |bits| bits.unwrap_or(MAX_WINDOW_BITS).min(client_bits)),
            context_takeover: !(offer.client_no_context_takeover || options.client_no_context_takeover),
        },
    };
    let mut answer = String::from(NAME);
    if !params.server.context_takeover {
        push_param(&mut answer, SERVER_NO_CONTEXT_TAKEOVER, None);
    }
    if !params.client.context_takeover {
        push_param(&mut answer, CLIENT_NO_CONTEXT_TAKEOVER, None);
    }
    if offer.server_max_window_bits.is_some() || params.server.window_bits < MAX_WINDOW_BITS {
        push_param(&mut answer, SERVER_MAX_WINDOW_BITS, Some(params.server.window_bits));
    }
    if params.client.window_bits < MAX_WINDOW_BITS {
        push_param(&mut answer, CLIENT_MAX_WINDOW_BITS, Some(params.client.window_bits));
    }
    Some((params, answer))
}

/// A client's offer as a header value.
pub(crate) fn offer(options: &DeflateOptions) -> String {
    let mut offer = String::from(NAME);
    if options.server_no_context_takeover {
        push_param(&mut offer, SERVER_NO_CONTEXT_TAKEOVER, None);
    }
    if options.client_no_context_takeover {
        push_param(&mut offer, CLIENT_NO_CONTEXT_TAKEOVER, None);
    }
    if options.server_max_window_bits < MAX_WINDOW_BITS {
        push_param(&mut offer, SERVER_MAX_WINDOW_BITS, Some(options.server_max_window_bits.clamp(8, 15)));
    }
    // Without a value: we can do with whatever the server prefers.
    let own = options.client_max_window_bits;
    push_param(&mut offer, CLIENT_MAX_WINDOW_BITS, (own < MAX_WINDOW_BITS).then(|| own.clamp(8, 15)));
    offer
}

/// Reads the server's answer to the [`offer`] that `options` made; `None` if it does not fit the offer.
pub(crate) fn confirm(answer: &Extension<'_>, options: &DeflateOptions) -> Option<DeflateParams> {
    if answer.name != NAME {
        return None;
    }
    let written = Written::read(&answer.params)?;
    let server_bits = written.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
    if server_bits > options.server_max_window_bits.clamp(8, 15)
        || (options.server_no_context_takeover && !written.server_no_context_takeover)
    {
        return None;
    }
    let client_bits = match written.client_max_window_bits {
        None => MAX_WINDOW_BITS,
        Some(bits) => bits?,
    };
    Some(DeflateParams {
        server: Direction { window_bits: server_bits, context_takeover: !written.server_no_context_takeover },
        client: Direction {
            window_bits: client_bits.min(options.client_max_window_bits.clamp(8, 15)),
            context_takeover: !(written.client_no_context_takeover || options.client_no_context_takeover),
        },
    })
}

fn push_param(value: &mut String, name: &str, bits: Option<u8>) {
    value.push_str("; ");
    value.push_str(name);
    if let Some(bits) = bits {
        // Writing to a string cannot fail.
        let _ = write!(value, "={bits}");
    }
}
